"""The cards of plugin files, read in a process of their own: what such a file does when it is imported can end no comparison."""

from __future__ import annotations

import json
import os
import selectors
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.core.candidate import Broken
from harness.core.card import Card
from harness.core.secrets import without_secrets
from harness.load.foreign_process import ForeignProcess

SECONDS = 60.0
_TICK_S = 0.1
_PATIENCE_S = 5.0
_LONGEST = 2**24
_HINT = "correct the file: importing it must only define things; what takes long or may crash belongs inside `load`"
Answer = tuple[Card, ...] | Broken


def read_cards(paths: Sequence[Path], seconds: float = SECONDS) -> list[Answer]:
    """Return what each plugin file exports, or why that cannot be known; a file has that many seconds to be imported.

    All are read by one process; where that ends before its time, those it did not come to have one each.
    """
    if not paths:
        return []
    found, why = _ask(paths, seconds)
    if len(found) == len(paths):
        return found
    if len(paths) == 1:
        return [Broken(paths[0].stem, str(paths[0]), f"importing the file {why}", _HINT)]
    return found + [answer for path in paths[len(found) :] for answer in read_cards([path], seconds)]


def _ask(paths: Sequence[Path], seconds: float) -> tuple[list[Answer], str]:
    """Return the answers that came, in the order of the paths, and how the process ended if some did not."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    found: list[Answer] = []
    with os.fdopen(reader, "rb", buffering=0), _start(paths, writer) as process:
        try:
            for line in _lines(process, reader, seconds):
                found.append(_parse(line, paths[len(found)]))
                if len(found) == len(paths):
                    return found, ""
        except TimeoutError:
            return found, f"takes longer than {seconds:g} s"
        return found, process.ending(_PATIENCE_S) or "closes the files of its process"


def _start(paths: Sequence[Path], writer: int) -> ForeignProcess:
    """Start the process that reads them; it knows no tokens, and nobody sees what the files print."""
    names, environ = [os.fsdecode(path) for path in paths], without_secrets(os.environ)
    try:
        return ForeignProcess("harness.load.plugin_reader", names, descriptor=writer, environ=environ)
    finally:
        os.close(writer)


def _lines(process: ForeignProcess, reader: int, seconds: float) -> Iterator[bytes]:
    """Yield each line that comes, until there will be no more.

    Raises:
        TimeoutError: the next one takes longer than that.
    """
    due, rest = time.monotonic() + seconds, b""
    while (chunk := _read(process, reader)) != b"":
        *lines, rest = (rest + (chunk or b"")).split(b"\n")
        if lines:
            due = time.monotonic() + seconds
        yield from lines
        if time.monotonic() > due or len(rest) > _LONGEST:
            raise TimeoutError


def _read(process: ForeignProcess, reader: int) -> bytes | None:
    """Return what has come, None if nothing did for a moment, and empty bytes when there will be no more."""
    # Asked first: what it wrote before its end is then still read. The pipe alone may be held open by others for ever.
    is_over = process.is_over()
    with selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ)
        if selector.select(0 if is_over else _TICK_S):
            return os.read(reader, 65536)
    return b"" if is_over else None


def _parse(line: bytes, path: Path) -> Answer:
    """Read one answer; the file's own code may have written it."""
    try:
        answer = json.loads(line)
        if "error" in answer:
            return Broken(path.stem, str(path), str(answer["error"]), str(answer["hint"]))
        return tuple(Card.model_validate_json(json.dumps(card)) for card in answer["cards"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        why = str(error).splitlines()[0]
        return Broken(path.stem, str(path), f"its cards cannot be read: {why}", "build each card with `Card(…)`, and change none")
