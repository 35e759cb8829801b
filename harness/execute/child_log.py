"""What a candidate prints: kept whole up to a size, then only the end of it, however much there is."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from harness.core.secrets import redact

HEAD_BYTES = 1_000_000
TAIL_BYTES = 250_000
_LINE_BYTES = 16_000


class ChildLog:
    """Writes the first megabyte as it comes and holds back the last quarter of one; secrets are blotted out."""

    def __init__(self, path: Path) -> None:
        """Append to a file; nothing is written before the first line."""
        self._path = path
        self._rest = b""
        self._written = 0
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._lost = 0

    def feed(self, chunk: bytes) -> None:
        """Take what was printed."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _LINE_BYTES:
            lines.append(self._rest)
            self._rest = b""
        for start in range(0, len(lines), 1000):
            self._take([line[:_LINE_BYTES] + b"\n" for line in lines[start : start + 1000]])

    def close(self) -> None:
        """Write what was held back."""
        if self._rest:
            self._take([self._rest[:_LINE_BYTES] + b"\n"])
            self._rest = b""
        if self._tail:
            note = f"… {self._lost:,} bytes are left out here …\n".encode() if self._lost else b""
            self._write(note + b"".join(self._tail))
            self._tail.clear()

    def _take(self, lines: list[bytes]) -> None:
        if self._written < HEAD_BYTES:
            self._write(b"".join(lines))
            return
        for line in lines:
            self._tail.append(line)
            self._tail_bytes += len(line)
        while self._tail_bytes > TAIL_BYTES:
            size = len(self._tail.popleft())
            self._tail_bytes -= size
            self._lost += size

    def _write(self, content: bytes) -> None:
        """Append; a disk that is full costs the log and nothing else."""
        self._written += len(content)
        try:
            with self._path.open("ab") as stream:
                stream.write(redact(content.decode(errors="replace")).encode())
        except OSError:
            self._lost += len(content)


def last_lines(path: Path, since: int = 0, most: int = 200, width: int = 500) -> tuple[str, ...]:
    """Return the end of a log, of what was written after `since` bytes: at most so many lines, each at most so wide."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(since, size - most * width))
            content = stream.read()
    except OSError:
        return ()
    return tuple(line[:width] for line in content.decode(errors="replace").splitlines()[-most:])
