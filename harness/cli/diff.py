"""`bench diff`: how two runs of one task differ."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from harness.cli.options import AsJson, Debug, Quiet, Workspace, here

Before = Annotated[str, typer.Argument(metavar="RUN", help="A run's id or folder, or the name of a task for its latest run.")]
After = Annotated[str, typer.Argument(metavar="RUN", help="Another run of the same task.")]


def command(
    before: Before,
    after: After,
    *,
    as_json: AsJson = False,
    workspace: Workspace = here,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Say what the second run changes against the first: rows, task, machine, candidates, scores on the rows of both, costs."""
    del quiet, debug
    from harness.cli.difference import to_text  # noqa: PLC0415 - help does without
    from harness.past.difference import compare_runs  # noqa: PLC0415 - as above

    found = compare_runs(before, after, workspace=workspace)
    document = {"schema": "bench.diff/1", **found.model_dump(mode="json")}
    typer.echo(json.dumps(document, ensure_ascii=False, indent=1) if as_json else to_text(found))
