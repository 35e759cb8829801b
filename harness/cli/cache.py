"""`bench cache`: features that were kept from earlier runs."""

from __future__ import annotations

import json
import os

import typer

from harness.cli.listing import align
from harness.cli.options import AsJson, Debug, Quiet, Workspace, here
from harness.errors import WorkspaceError
from harness.store.cache import Cache, find_cache

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command()
def info(*, as_json: AsJson = False, workspace: Workspace = here, quiet: Quiet = False, debug: Debug = False) -> None:
    """Say where features are kept and how much room they take.

    BENCH_CACHE names another folder, BENCH_CACHE_LIMIT another size (20GB, if left out; 0 keeps nothing).
    """
    del workspace, quiet, debug
    cache = find_cache(os.environ)
    entries = cache.entries()
    nbytes = sum(one.nbytes for one in entries)
    facts = {"folder": str(cache.folder), "entries": len(entries), "bytes": nbytes, "limit_bytes": cache.limit_bytes}
    limit = _size(cache.limit_bytes) if cache.is_on else "0 (nothing is kept)"
    rows = (("entries", str(len(entries))), ("size", _size(nbytes)), ("limit", limit))
    typer.echo(json.dumps(facts, indent=2) if as_json else align(("folder", str(cache.folder)), rows))


@app.command()
def clear(*, as_json: AsJson = False, workspace: Workspace = here, quiet: Quiet = False, debug: Debug = False) -> None:
    """Remove all of them.

    Nothing is asked. The next runs compute their features again.
    """
    del workspace, debug
    cache = find_cache(os.environ)
    number, nbytes = cache.clear()
    left = cache.entries()
    if as_json:
        typer.echo(json.dumps({"entries": number, "bytes": nbytes, "left": len(left)}, indent=2))
    elif not quiet:
        typer.echo(f"removed {_count(number)}; {_size(nbytes)} are free again")
    if left:
        raise _unremovable(cache, len(left))


@app.command()
def verify(*, as_json: AsJson = False, workspace: Workspace = here, quiet: Quiet = False, debug: Debug = False) -> None:
    """Check every byte of them, and drop what is damaged.

    Exits with 1 if anything was.
    """
    del workspace, debug
    found = find_cache(os.environ).verify()
    if as_json:
        typer.echo(json.dumps({"sound": found.sound, "damaged": dict(found.damaged)}, indent=2))
    else:
        for key, problem in found.damaged.items():
            typer.echo(f"{key}: {problem}", err=True)
        if not quiet:
            typer.echo(f"{_count(found.sound)} sound, {len(found.damaged)} damaged")
    raise typer.Exit(int(bool(found.damaged)))


def _unremovable(cache: Cache, number: int) -> WorkspaceError:
    what = f"{_count(number)} could not be removed"
    return WorkspaceError(what, where=str(cache.folder), hint="let your user write there, or remove the files as their owner")


def _count(number: int) -> str:
    return f"{number} entr{'y' if number == 1 else 'ies'}"


def _size(nbytes: int) -> str:
    """Write a size as people do.

    >>> _size(0), _size(1234), _size(20_000_000_000)
    ('0 MB', '0.00123 MB', '20 GB')
    """
    return f"{nbytes / 1e9:.3g} GB" if nbytes >= 1e9 else f"{nbytes / 1e6:.3g} MB"
