"""`bench candidates fetch`: weights brought ahead of time."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.compare import AllowPickle, AllowRemoteCode
from harness.cli.listing import align
from harness.cli.options import Debug, Quiet, Workspace, here
from harness.core.candidate import Broken, Registered
from harness.core.trust import Trust
from harness.errors import BenchError, Unreachable
from harness.load.candidates import load_candidates, select
from harness.load.workspace import load_workspaces

Names = Annotated[list[str], typer.Argument(metavar="NAME|PATTERN…", help="Candidates, e.g. all-minilm-l6-v2 or 'bge-*'.")]


def command(
    names: Names,
    *,
    allow_pickle: AllowPickle = False,
    allow_remote_code: AllowRemoteCode = False,
    workspace: Workspace = here,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Fetch candidates' weights and check every byte, so that `bench compare --offline` finds them.

    Exits with 0 if all are there, 1 if some could not be fetched, 2 if a name is unknown.
    """
    del debug
    chosen = select(load_candidates(load_workspaces(workspace)), names, "text")
    # Baselines take part in every comparison; here they are meant only where they are named.
    meant = [one for one in chosen if any(fnmatchcase(_name(one), name.rpartition(":")[2]) for name in names)]
    trust, offline, rows = Trust(pickle=allow_pickle, remote_code=allow_remote_code), False, []
    failures: list[str] = []
    for one in meant:
        try:
            rows.append((_name(one), *_fetch(one, trust, offline=offline, quiet=quiet)))
        except BenchError as error:
            # One look at a network that is not there is enough.
            offline = offline or isinstance(error, Unreachable)
            rows.append((_name(one), "-", "not here"))
            failures.append(f"{_name(one)}: {error}")
    typer.echo(align(("name", "size", "place"), rows))
    for failure in failures:
        typer.echo(f"\n{failure}", err=True)
    raise typer.Exit(1 if failures else 0)


def _fetch(one: Registered | Broken, trust: Trust, *, offline: bool, quiet: bool) -> tuple[str, str]:
    """Return the size and the place of a candidate's weights."""
    from harness.models import weights  # noqa: PLC0415 - the other commands of this group do without
    from harness.models.meter import megabytes  # noqa: PLC0415 - as above

    if isinstance(one, Broken):
        raise BenchError(f"the plugin cannot be imported: {one.error}", where=one.path, hint=one.hint)
    tell = (lambda _line: None) if quiet else (lambda line: typer.echo(line, err=True))
    if one.card.host:
        return "-", f"runs at {one.card.host}"
    folder = weights.obtain(one, offline=offline, trust=trust, tell=tell)
    return ("-", "nothing to fetch") if folder is None else (megabytes(_size(folder)), str(folder))


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _name(one: Registered | Broken) -> str:
    return one.card.name if isinstance(one, Registered) else one.name
