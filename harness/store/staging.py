"""Folders that are there whole or not at all: filled beside their place, then renamed into it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.atomic import settle
from harness.errors import WorkspaceError

_MARK = ".bench-"


def check_place(place: Path, option: str = "--out") -> None:
    """Accept a place where a new folder can come to stand: nothing is there, or an empty folder.

    Raises:
        WorkspaceError: something is there.
    """
    try:
        if place.is_dir() and not any(place.iterdir()):
            return
        taken = place.exists() or place.is_symlink()
    except (OSError, ValueError) as error:
        raise WorkspaceError(f"the folder cannot be looked at: {error}", where=option, hint="choose another folder") from error
    if taken:
        what = f"{'the folder is not empty' if place.is_dir() else 'there is a file of that name'}: {place}"
        raise WorkspaceError(what, where=option, hint="choose another folder, or remove that one")


@contextlib.contextmanager
def staging(place: Path, option: str = "--out") -> Iterator[Path]:
    """Give a new folder beside a place, which is gone afterwards unless it was published; what ended ones left goes too.

    `option` is what the user named the place by.

    Raises:
        WorkspaceError: nothing can be written there.
    """
    place = place.absolute()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place)
        folder = Path(tempfile.mkdtemp(prefix=f".{place.name[:100]}{_MARK}", dir=place.parent))
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        what = f"cannot write to {place.parent}: {error.strerror}"
        raise WorkspaceError(what, where=option, hint="choose another folder, or free some space") from error
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        os.close(handle)
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path, place: Path) -> None:
    """Rename a filled folder into its place, when all of its files are on the disk.

    Raises:
        WorkspaceError: something has come to stand there meanwhile.
    """
    for path in (folder, *sorted(folder.rglob("*"))):
        with contextlib.suppress(OSError):
            # Some libraries write weights for the user alone; the folder is to be handed on.
            path.chmod(0o755 if path.is_dir() else 0o644)
            _flush(path)
    try:
        folder.rename(place.absolute())
    except OSError as error:
        what = f"cannot put the folder in its place: {error.strerror}"
        raise WorkspaceError(what, where=str(place), hint="choose another folder") from error
    settle(place.absolute().parent)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(place: Path) -> None:
    """Remove folders that were begun for this place by somebody who was ended: nobody holds a lock on them."""
    for path in place.parent.glob(f".{_literal(place.name[:100])}{_MARK}????????"):
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path)
            finally:
                os.close(handle)


def _literal(name: str) -> str:
    """Return a pattern that matches the name alone."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)
