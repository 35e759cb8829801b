"""How a place in a file is named to the user, and which places a task may name."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from harness.errors import BenchError, TaskError


def show(path: Path) -> str:
    """Return the path relative to the current folder where it lies inside, else as it is."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def where(path: Path, line: int | None = None, key: Sequence[str | int] = ()) -> str:
    """Return `path, line N, key a.b.c`, leaving out what is not known.

    >>> where(Path("task.yaml"), 7, ("data", "train"))
    'task.yaml, line 7, key data.train'
    """
    parts = [show(path)]
    if line is not None:
        parts.append(f"line {line}")
    if key:
        parts.append("key " + ".".join(str(part) for part in key))
    return ", ".join(parts)


def to_path(name: str, kind: type[BenchError], place: str) -> Path:
    """Return the path that somebody wrote, `~` read as a home.

    Raises:
        BenchError: of the given kind, when no file can have such a name, or it may not be looked at.
    """
    try:
        path = Path(name).expanduser()
        os.lstat(path)
    except RuntimeError as error:  # the home of an unknown user
        raise kind(f'"{name}" names the home of an unknown user', where=place, hint="write the path out") from error
    except (ValueError, OSError) as error:  # a zero byte, half a character, a name that is too long
        if isinstance(error, OSError) and error.errno in {errno.ENOENT, errno.ENOTDIR}:
            return path
        if isinstance(error, OSError) and error.errno not in {errno.ENAMETOOLONG, errno.EILSEQ, errno.ELOOP}:
            msg = f'"{name[:80]}" cannot be reached: {error.strerror}'
            raise kind(msg, where=place, hint="name a path that you may read") from error
        msg = f'no file can be called "{name[:80]}"'
        raise kind(msg, where=place, hint="correct the path; names have at most 255 bytes and no zero byte") from error
    return path


def inside(folder: Path, name: str) -> Path:
    """Return the absolute path of something a task names, symbolic links followed.

    Raises:
        TaskError: when it lies outside the task's folder, or can be no path at all.
    """
    base = Path(os.path.realpath(folder))
    path = Path(os.path.realpath(base / to_path(name, TaskError, show(folder))))
    if not path.is_relative_to(base):
        msg = f'"{name}" leaves the task folder'
        raise TaskError(msg, where=show(folder), hint=f"copy the data into the task folder, or leave it and use --data {name}")
    return path
