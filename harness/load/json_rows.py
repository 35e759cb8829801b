"""JSON files of rows: one object a line, or one array of objects."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from sys import getsizeof

from harness.core.bounds import MAX_DIGITS, MAX_ROW
from harness.errors import BenchError, TaskError, raise_all
from harness.load.budget import Budget, check_columns
from harness.load.lines import Lines, open_lines
from harness.load.place import show, where

Numbered = tuple[int, dict[str, object]]
_FORM = 'write one object a line: {"text": "…", "label": "…"}'
_SHOWN = 5
_HEAD = 4096
_BLOCK = 1 << 16
_NO_SPACE = re.compile(r"[^ \t\r\n]")


def read_json_rows(path: Path, budget: Budget) -> tuple[str, list[Numbered]]:
    """Read the objects of a file, each with its number: its `line`, or its `row` in an array. The unit comes first.

    Raises:
        TaskError: the file is empty, not UTF-8, not JSON, holds other things than objects, or is out of bounds.
    """
    faults: list[BenchError] = []
    with open_lines(path) as lines:
        first = _NO_SPACE.search(lines.peek(_HEAD))
        is_array = first is not None and first[0] == "["
        unit = "row" if is_array else "line"
        values = _Array(lines, path) if is_array else _lines(lines, path, faults)
        rows = list(_objects(values, f"{show(path)}, {unit}", budget, faults))
    raise_all(faults)
    if not rows:
        msg = "the file is empty"
        raise TaskError(msg, where=show(path), hint="put the rows into it, or name another file")
    return unit, rows


def _objects(values: Iterable[tuple[int, object]], origin: str, budget: Budget, faults: list[BenchError]) -> Iterator[Numbered]:
    """Yield what is an object, and stop when it is clear that the file is of another kind."""
    for number, value in values:
        place = f"{origin} {number}"
        budget.add_rows(1, place)
        if isinstance(value, dict):
            budget.add_bytes(getsizeof(value), place)
            budget.add_values(value.values(), place)
            check_columns(len(value), place)
            yield number, value
        elif value is not _FAULTY:
            faults.append(TaskError("expected an object", where=place, hint=_FORM))
        if len(faults) >= _SHOWN:
            return


def _lines(lines: Lines, path: Path, faults: list[BenchError]) -> Iterator[tuple[int, object]]:
    for line in lines:
        lines.settle()
        text = line.strip()
        if not text:
            continue
        try:
            yield lines.number, _DECODER.decode(text)
        except (ValueError, RecursionError) as error:
            faults.append(_fault(error, where(path, lines.number)))
            yield lines.number, _FAULTY


class _Array:
    """Takes an array apart without ever holding much more than one member."""

    def __init__(self, lines: Lines, path: Path) -> None:
        self._lines = lines
        self._path = path
        self._text = ""
        self._at = 0
        self._line = 1

    def __iter__(self) -> Iterator[tuple[int, object]]:
        number = 0
        self._next()
        self._at += 1
        if self._next() != "]":
            for number in count(1):
                yield number, self._member()
                if self._next() != ",":
                    break
                self._at += 1
        if self._next() != "]":
            raise self._fault(ValueError("expected a comma or the end of the array"))
        self._at += 1
        if self._next():
            raise self._fault(ValueError("something follows the array"))

    def _next(self) -> str:
        """Go to the next character that is no space, and return it; nothing at the end of the file."""
        while not (found := _NO_SPACE.search(self._text, self._at)):
            self._at = len(self._text)
            if not self._read(_BLOCK):
                return ""
        self._at = found.start()
        return found[0]

    def _member(self) -> object:
        """Decode the next member, reading on as long as it is not whole."""
        self._next()
        while True:
            problem: Exception | None = None
            if len(self._text) - self._at > MAX_ROW:
                msg = f"a row has more than {MAX_ROW:,} characters, which is the limit"
                raise self._fault(ValueError(msg))
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
                after = _NO_SPACE.search(self._text, end)
                if after and (after[0] in ",]" or isinstance(value, dict | list | str)):  # a number could go on
                    self._at = end
                    return value
            except (ValueError, RecursionError) as error:
                problem = error
            held = len(self._text) - self._at
            if not self._read(min(max(_BLOCK, 3 * held), MAX_ROW + 1 - held)):
                raise self._fault(problem or ValueError("the array is not closed"))

    def _read(self, size: int) -> bool:
        """Append to what is left, and tell whether there was more."""
        block = self._lines.read(size)
        self._line += self._text.count("\n", 0, self._at)
        self._text = self._text[self._at :] + block
        self._at = 0
        return bool(block)

    def _fault(self, problem: Exception) -> TaskError:
        line = self._line + self._text.count("\n", 0, getattr(problem, "pos", self._at))
        return _fault(problem, where(self._path, line))


def _fault(error: Exception, place: str) -> TaskError:
    if isinstance(error, RecursionError):
        return TaskError(
            "not valid JSON: nested too deep", where=place, hint="write the values that count as plain texts and numbers"
        )
    return TaskError(f"not valid JSON: {getattr(error, 'msg', None) or error}", where=place, hint="correct the line")


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        msg = f'the key "{twice[:40]}" is given twice'
        raise ValueError(msg)
    return found


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        msg = f"a number has {len(text):,} digits; the limit is {MAX_DIGITS}"
        raise ValueError(msg)
    return int(text)


def _fraction(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        msg = f"the number {text[:40]} is too large"
        raise ValueError(msg)
    return number


def _constant(text: str) -> float:
    """Read NaN, which writers use for a missing number; infinity is none."""
    if text != "NaN":
        msg = f"{text} is not a number of JSON"
        raise ValueError(msg)
    return math.nan


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole, parse_float=_fraction, parse_constant=_constant)
_FAULTY = object()
