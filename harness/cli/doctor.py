"""`bench doctor`: what this machine offers."""

from __future__ import annotations

import typer

from harness.cli import survey
from harness.cli.listing import align
from harness.cli.options import Debug, Quiet, Workspace, here


def command(*, workspace: Workspace = here, quiet: Quiet = False, debug: Debug = False) -> None:
    """Say what this machine offers and what is missing.

    Devices, memory, versions, cached models, whether the Hub can be reached, and the line that installs what is missing.
    """
    del workspace, debug
    parts = {"machine": survey.machine(), "libraries": survey.libraries(), "models": survey.models()}
    for title, facts in parts.items():
        typer.echo(align((title, ""), [(f"  {name}", value) for name, value in facts.items()]) + "\n")
    missing = survey.missing()
    typer.echo("\n".join(f"missing for {purpose}: {line}" for purpose, line in missing.items()) or "nothing is missing")
