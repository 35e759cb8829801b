"""The way up from a worker: messages of one line of JSON each, which a reader can take apart without waiting or unpickling."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from multiprocessing.connection import Connection

MOST_BYTES = 16_000_000
Message = tuple[str, str]


class Garbled(Exception):  # noqa: N818 - says what was received
    """Something other than a message came up the pipe."""


class Uplink:
    """The worker's end."""

    def __init__(self, pipe: Connection) -> None:
        """Take the writing end of a pipe."""
        self._pipe = pipe

    def send(self, kind: str, content: str = "") -> None:
        """Send one message whole.

        Raises:
            OSError: the other end, or this one, is closed.
        """
        left = memoryview(json.dumps([kind, content]).encode() + b"\n")
        while left:
            left = left[os.write(self._pipe.fileno(), left) :]

    def close(self) -> None:
        """Say that nothing more comes."""
        self._pipe.close()


class Lines:
    """The reader's end: collects bytes until they are messages."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """Yield the messages that the bytes complete.

        Raises:
            Garbled: a line is no message, or has no end within 16 MB.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > MOST_BYTES:
            msg = f"{len(self._rest):,} bytes without an end"
            raise Garbled(msg)
        for line in lines:
            yield _parse(line)


def _parse(line: bytes) -> Message:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise Garbled(str(error)) from error
    if not (isinstance(found, list) and len(found) == 2 and all(isinstance(part, str) for part in found)):
        msg = "a line that is no message"
        raise Garbled(msg)
    return found[0], found[1]
