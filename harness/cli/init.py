"""`bench init`: a workspace to begin with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Debug, Quiet, Workspace, here
from harness.errors import WorkspaceError

STARTER = Path(__file__).parent / "starter"
# Keeps the example from being taken for a module of bench by tools that look for Python files.
_HIDDEN = ".txt"
Folder = Annotated[Path | None, typer.Argument(metavar="DIR", help="Folder to fill; made if it is not there.  [default: .]")]


def command(folder: Folder = None, *, workspace: Workspace = here, quiet: Quiet = False, debug: Debug = False) -> None:
    """Make a workspace with one example of each thing.

    The examples are commented and work without a network. A file that exists is never overwritten.
    """
    del debug
    written = make_workspace(folder or workspace)
    if not quiet:
        typer.echo("\n".join(f"wrote {path}" for path in written))
        typer.echo(f'now: bench compare --task example --candidates hashing --workspace "{folder or workspace}"')


def make_workspace(folder: Path) -> tuple[Path, ...]:
    """Write the examples into a folder and return their paths; a file that is there stays as it is, and then nothing is written.

    Raises:
        WorkspaceError: when a file is there already, or the folder cannot be written to.
    """
    plan = [(source, folder / str(source.relative_to(STARTER)).removesuffix(_HIDDEN)) for source in _examples()]
    # Of a name that no file can have, nothing exists: writing it then says why.
    existing = [str(target) for _, target in plan if os.path.lexists(target)]
    if existing:
        msg = f"{len(existing)} of the files to write exist already"
        raise WorkspaceError(msg, where=", ".join(existing), hint="name an empty folder: bench init DIR")
    try:
        for source, target in plan:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    except OSError as error:
        msg = f"the workspace cannot be written: {error.strerror}"
        raise WorkspaceError(msg, where=str(error.filename or folder), hint="name a folder that you may write to") from error
    return tuple(target for _, target in plan)


def _examples() -> Iterator[Path]:
    yield from sorted(path for path in STARTER.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
