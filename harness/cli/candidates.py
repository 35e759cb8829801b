"""`bench candidates`: what is registered, and whether it does what bench asks of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from harness.cli import fetch
from harness.cli.compare import AllowPickle, AllowRemoteCode
from harness.cli.findings import conclude
from harness.cli.listing import align, compact, describe
from harness.cli.options import AsJson, Debug, Quiet, Workspace, here
from harness.core.candidate import Broken, Registered
from harness.core.card import Modality
from harness.core.quantity import parse_duration
from harness.core.trust import Trust
from harness.errors import CandidateError
from harness.load.candidates import find_candidate, load_candidates
from harness.load.place import show as show_path
from harness.load.workspace import load_workspaces
from harness.testing import check_candidate

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.command("fetch")(fetch.command)
Only = Annotated[Modality | None, typer.Option(help="List candidates of this kind of input only.")]
Checked = Annotated[
    list[str], typer.Argument(metavar="PATH|NAME…", help="Card files, plugins or folders of these, or candidates by name.")
]
Timeout = Annotated[str, typer.Option(metavar="TIME", help="Time for each candidate, e.g. 90s or 5m.")]
Name = Annotated[str, typer.Argument(help="A candidate's name, or WORKSPACE:NAME.")]


@app.command("list")
def list_(
    *, modality: Only = None, as_json: AsJson = False, workspace: Workspace = here, quiet: Quiet = False, debug: Debug = False
) -> None:
    """List the candidates of your workspace, of add-ons and of bench itself."""
    del debug
    catalogue = load_candidates(load_workspaces(workspace))
    found = [item for item in catalogue.registered if modality in {None, *item.card.modality}]
    typer.echo(
        _to_json(found) if as_json else align(("name", "input", "parameters", "license", "from"), [_row(item) for item in found])
    )
    for item in () if quiet else catalogue.broken:
        typer.echo(f"\n{_fault(item)}", err=True)


@app.command()
def show(name: Name, *, as_json: AsJson = False, workspace: Workspace = here, quiet: Quiet = False, debug: Debug = False) -> None:
    """Show one card whole, where it comes from, and what is doubtful about it."""
    del quiet, debug
    found = find_candidate(load_candidates(load_workspaces(workspace)), name)
    if isinstance(found, Broken):
        raise _fault(found)
    facts = {"workspace": found.workspace, "file": show_path(Path(found.path))}
    facts |= {"warning": "; ".join(found.warnings)} if found.warnings else {}
    typer.echo(found.card.model_dump_json(indent=2) if as_json else describe(found.card, facts))


@app.command()
def check(  # noqa: PLR0913 - each is an option
    targets: Checked, *, timeout: Timeout = "60s", allow_pickle: AllowPickle = False, allow_remote_code: AllowRemoteCode = False,
    as_json: AsJson = False, workspace: Workspace = here, quiet: Quiet = False, debug: Debug = False,
) -> None:  # fmt: skip
    """Check that candidates do what bench asks of them, in processes of their own; nothing is fetched.

    Exits with 0 if nothing failed, 1 if something did, 2 if there is no such file or name or a card is not valid.
    """
    del debug
    seconds = parse_duration(timeout, "--timeout")
    trust = Trust(pickle=allow_pickle, remote_code=allow_remote_code)
    found = [check_candidate(target, workspace=workspace, seconds=seconds, trust=trust) for target in targets]
    conclude([finding for findings in found for finding in findings], as_json=as_json, quiet=quiet)


def _row(item: Registered) -> tuple[str, ...]:
    card = item.card
    place = card.source or show_path(Path(item.path))
    return card.name, " ".join(card.modality), compact(card.parameters), card.license, f"{item.workspace}: {place}"


def _to_json(items: list[Registered]) -> str:
    return json.dumps([item.card.model_dump(mode="json") for item in items], indent=2, ensure_ascii=False)


def _fault(item: Broken) -> CandidateError:
    return CandidateError(f"the plugin cannot be imported: {item.error}", where=show_path(Path(item.path)), hint=item.hint)
