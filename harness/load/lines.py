"""The lines of a text file, one at a time, whatever the file holds."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.core.bounds import MAX_BYTES, MAX_ROW
from harness.errors import BenchError, TaskError
from harness.load.place import show, where

_BLOCK = 1 << 20
_PACKED = {
    b"PK\x03\x04": "zip",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf": "7-zip",
}


class Lines(Iterator[str]):
    """Reads a UTF-8 file line by line; a row that goes on over many lines is bounded too, if `settle` is called after each.

    `newline` is as for `open`: "" keeps every kind of line end, a line feed alone divides at nothing else.
    """

    def __init__(self, path: Path, newline: str) -> None:
        """Open the file; `close` it in the end.

        Raises:
            TaskError: it cannot be opened, is too large, or is something else than a plain file.
        """
        check_file(path, TaskError, MAX_BYTES)
        self._path = path
        self._pending = 0
        self.number = 0
        try:
            self._stream = path.open(encoding="utf-8-sig", newline=newline)
        except OSError as error:
            raise unreadable(path, error, TaskError) from error

    def __next__(self) -> str:
        """Return the next line with its end."""
        line = self._guard(self._stream.readline, MAX_ROW + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._pending += len(line)
        if self._pending > MAX_ROW:
            msg = f"a row has more than {MAX_ROW:,} characters, which is the limit"
            hint = "is a quote never closed, or are line ends missing? put one row in a line"
            raise TaskError(msg, where=where(self._path, self.number), hint=hint)
        if "\0" in line:
            raise zero_byte(self._path, self.number)
        return line

    def peek(self, size: int) -> str:
        """Return the beginning of the file, and go back to it."""
        head = self.read(size)
        self._stream.seek(0)
        return head

    def read(self, size: int) -> str:
        """Return so many characters, whatever lines they are in."""
        return self._guard(self._stream.read, size)

    def settle(self) -> None:
        """Say that what was read so far makes whole rows."""
        self._pending = 0

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _guard(self, read: Callable[[int], str], size: int) -> str:
        try:
            return read(size)
        except UnicodeDecodeError as error:
            raise undecodable(self._path, TaskError) from error
        except OSError as error:
            raise unreadable(self._path, error, TaskError) from error


@contextmanager
def open_lines(path: Path, newline: str = "\n") -> Iterator[Lines]:
    """Open a file for reading by lines."""
    lines = Lines(path, newline)
    try:
        yield lines
    finally:
        lines.close()


def check_file(path: Path, kind: type[BenchError], max_bytes: int) -> None:
    """Refuse what is no plain file, or too large a one; a pipe or a device could be read for ever.

    Raises:
        BenchError: of the given kind.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - with Path.stat a name that holds a zero byte is the same error
    except (OSError, ValueError) as error:
        raise unreadable(path, error, kind) from error
    if not stat.S_ISREG(found.st_mode):
        msg = "it is a folder" if stat.S_ISDIR(found.st_mode) else "it is a pipe, socket or device"
        raise kind(f"cannot read the file: {msg}", where=show(path), hint="name a plain file")
    if found.st_size > max_bytes:
        msg = f"the file has {found.st_size:,} bytes; the limit is {max_bytes:,}"
        raise kind(msg, where=show(path), hint="split it or give a part of it; data belongs in a file of its own")


def unreadable(path: Path, error: Exception, kind: type[BenchError]) -> BenchError:
    """Say that the system does not let a file be read."""
    why = getattr(error, "strerror", None) or str(error)
    return kind(f"cannot read the file: {why}", where=show(path), hint="check its name and permissions")


def zero_byte(path: Path, line: int) -> TaskError:
    """Say that a file is no text."""
    hint = "is it a text file? save it as UTF-8 text; UTF-16 has such bytes throughout"
    return TaskError("there is a zero byte in the file", where=where(path, line), hint=hint)


def undecodable(path: Path, kind: type[BenchError]) -> BenchError:
    """Find the first byte that is not UTF-8, reading block by block."""
    line, head = 1, b""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as stream:
        while True:
            block = stream.read(_BLOCK)
            head = head or block[:8]
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                line += error.object[: error.start].count(b"\n")
                return _not_utf8(path, line, kind, head=head, byte=error.object[error.start])
            if not block:
                return kind("the file was changed while it was read", where=show(path), hint="try again")
            line += block.count(b"\n")


def _not_utf8(path: Path, line: int, kind: type[BenchError], *, head: bytes, byte: int) -> BenchError:
    packed = next((name for mark, name in _PACKED.items() if head.startswith(mark)), "")
    if packed:
        msg = f"the file is a {packed} archive; archives are never unpacked"
        return kind(msg, where=show(path), hint="unpack it yourself, and name the file that was in it")
    encoding = "UTF-16" if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else "LATIN1"
    hint = f"save it as UTF-8, e.g. iconv -f {encoding} -t UTF-8 {path.name} > new-{path.name}"
    return kind(f"the file is not UTF-8: byte 0x{byte:02x} cannot be decoded", where=where(path, line), hint=hint)
