"""Files that several processes write, read and clear away at once: locked while being written, whole once they have their name."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from harness.atomic import settle

STALE_S = 3600.0


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write that takes the path's place at the end, flushed to the disk, or leaves nothing behind.

    Raises:
        OSError: it cannot be written.
    """
    temporary, stream = _begin(path)
    with stream:
        try:
            yield stream
            stream.flush()
            touch(stream)
            os.fsync(stream.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    settle(path.parent)


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading; a link is refused, and a pipe makes nobody wait.

    Raises:
        OSError: it cannot be opened.
    """
    flags = os.O_NONBLOCK | os.O_NOFOLLOW
    return open(path, "rb", opener=lambda name, given: os.open(name, given | flags))


def touch(stream: BinaryIO) -> None:
    """Note that a file is in use now; the kernel's own stamp is too coarse to tell which of two came first.

    Raises:
        OSError: the file cannot be changed.
    """
    now = time.time_ns()
    os.utime(stream.fileno(), ns=(now, now))


def sweep(folder: Path, pattern: str, older_than_s: float = STALE_S) -> None:
    """Remove temporary files whose writers have ended; those of living writers are locked and stay.

    Where files cannot be locked, age alone tells, and nothing younger than an hour is taken for dead.
    """
    for path in _matching(folder, pattern):
        with contextlib.suppress(OSError), open_plain(path) as stream:
            age = time.time() - os.fstat(stream.fileno()).st_mtime
            if age >= older_than_s and (_lock(stream) or age >= STALE_S):
                path.unlink()


def _matching(folder: Path, pattern: str) -> list[Path]:
    try:
        return list(folder.glob(pattern))
    except OSError:
        return []


def _begin(path: Path) -> tuple[Path, BinaryIO]:
    """Make a locked temporary file beside a path."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        stream = os.fdopen(handle, "wb")
        # A sweeper may hold it, but not for long; some file systems have no locks.
        with contextlib.suppress(OSError):
            fcntl.flock(stream, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return Path(name), stream
        # The sweeper came before the lock and took it for a file of an ended writer.
        stream.close()


def _lock(stream: BinaryIO) -> bool:
    """Lock a file for as long as it is open, and tell whether that worked.

    Raises:
        BlockingIOError: a living writer holds it.
    """
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True
