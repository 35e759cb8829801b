"""The form in which rows come out of the process of a user's function: lines of JSON, with the bytes of pictures between them.

Nothing in it can be run. The process may still have written anything, so what is read is checked and counted.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from harness.core.bounds import MAX_BYTES
from harness.errors import TaskError
from harness.load.budget import SAMPLE, Budget, check_columns
from harness.load.picture import encode, is_pixels
from harness.load.table import Opaque, Table

Plain = str | int | float | list[Any] | dict[str, Any] | None
Cell = Plain | bytes | Opaque
_PIECE = 2**20  # bytes in one line, about
_WEIGHT = 2**12  # of a value whose size is not its length
_NUMBER = 32
_LONGEST = 2**24  # bytes of one line: a text of the greatest length and its escapes fit in
_LONGEST_TEXT = 1000
_NUMBERS = {"b": bool, "i": int, "u": int, "f": float}
_NO_VALUE = {"NAType", "NaTType"}
_DEEPEST = 10  # lists and objects within one another


class Damaged(Exception):  # noqa: N818 - it says what the hand-over is
    """What was read is not what this module writes, all of it."""


def write_tables(descriptor: int, tables: Sequence[Table], budget: Budget) -> None:
    """Write tables to a file, a piece of a column at a time.

    Raises:
        TaskError: the values take too much, or the disk is full.
    """
    out = _Writer(descriptor, tables[0].origin)
    out.line(["tables", [[table.origin, len(table), list(table.columns)] for table in tables]])
    for place, cells in _simplified(tables):
        budget.add_values(cells, place)
        out.line([_to_wire(cell) for cell in cells])
        for cell in cells:
            if isinstance(cell, bytes):
                out.write(cell)
    out.line(["end"])


def _simplified(tables: Sequence[Table]) -> Iterator[tuple[str, list[Cell]]]:
    """Yield each piece of each column, and its place."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for table in tables:
            for name, column in table.columns.items():
                place = f"{table.origin}, column {name}"
                for piece in _pieces(column):
                    # Making a PNG file of a picture is what takes long.
                    run = pool.map if hasattr(piece[0], "tobytes") else map
                    yield place, list(run(simplify, piece, repeat(place)))


def write_error(descriptor: int, error: TaskError) -> None:
    """Write an error in place of everything that was written."""
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    _Writer(descriptor, error.where).line(["error", error.what, error.where, error.hint])


def read_tables(stream: BinaryIO, base: Path, budget: Budget) -> list[Table]:
    """Read what was written; a value that no task can use has become an `Opaque` one, a picture the bytes of a PNG file.

    Raises:
        TaskError: the error that was written, or there is more than the budget allows.
        Damaged: something else, or only a part of it, was written.
    """
    try:
        kind, *content = _line(stream)
        if kind == "error":
            what, where, hint = content
            raise TaskError(str(what), where=str(where), hint=str(hint))
        tables = [_read_table(stream, head, base, budget) for head in _line_of_tables(kind, content)]
        if _line(stream) != ["end"]:
            raise Damaged
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Damaged from error
    return tables


def simplify(value: Any, place: str) -> Cell:  # noqa: ANN401 - a user's function may return anything
    """Return what stands for a value outside: numbers of numpy become plain ones, pictures PNG files; lists and objects stay such.

    Raises:
        TaskError: it is a picture that no PNG file can hold.
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping) and value and set(value) <= {"bytes", "path"}:
        return simplify(value.get("bytes") or value.get("path") or "", place)
    if isinstance(value, bytes | bytearray | memoryview | PurePath):
        return str(value) if isinstance(value, PurePath) else bytes(value)
    if hasattr(value, "dtype"):
        return _simplify_array(value, place)
    if hasattr(value, "tobytes") and hasattr(value, "mode"):
        return _encode(value, place)
    found = _simplify_members(value) if isinstance(value, list | tuple | Mapping) else Opaque("")
    return _describe(value) if isinstance(found, Opaque) else found


def _describe(value: Any) -> Opaque | None:  # noqa: ANN401 - as above
    """Return what a value is, in words; None where it stands for none."""
    name = type(value).__name__
    return None if name in _NO_VALUE else Opaque(name, _shorten(str(value)))


def _simplify_members(value: Any, depth: int = 1) -> Plain | Opaque:  # noqa: ANN401 - as above
    """Return a list or an object of plain values; what cannot be one, with all that it is in, is opaque."""
    if hasattr(value, "dtype") and getattr(value, "ndim", 0) <= 1:
        value = value.tolist()
    if value is None or isinstance(value, str | int | float):
        return value
    if depth > _DEEPEST or not isinstance(value, list | tuple | Mapping):
        return Opaque(type(value).__name__)
    if isinstance(value, Mapping):
        found = {str(key): _simplify_members(member, depth + 1) for key, member in value.items()}
        return Opaque("dict") if any(isinstance(one, Opaque) for one in found.values()) else found
    members = [_simplify_members(member, depth + 1) for member in value]
    return Opaque("list") if any(isinstance(one, Opaque) for one in members) else members


def _simplify_array(value: Any, place: str) -> Cell:  # noqa: ANN401 - an array of whatever library
    shape, kind = tuple(getattr(value, "shape", ())), getattr(value.dtype, "kind", "")
    if not shape:
        return _NUMBERS[kind](value) if kind in _NUMBERS else Opaque(type(value).__name__, _shorten(str(value)))
    if kind == "u" and is_pixels(value):
        return _encode(value, place)
    if len(shape) == 1 and kind in {*_NUMBERS, "U", "O"} and not isinstance(found := _simplify_members(value), Opaque):
        return found
    return Opaque(f"an array of {value.dtype} with shape {shape}")


def _encode(value: object, place: str) -> bytes:
    try:
        return encode(value)
    except TaskError as error:
        raise TaskError(error.what, where=place, hint=error.hint) from error


def _shorten(text: str) -> str:
    """Return a text, or what stands for one that is long: only whether two are the same can matter."""
    return text if len(text) <= _LONGEST_TEXT else hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _pieces(values: Iterable[object]) -> Iterator[list[object]]:
    """Divide a column into pieces that are small, however long its values are."""
    piece: list[object] = []
    size = 0
    for value in values:
        piece.append(value)
        size += _weigh(value)
        if size >= _PIECE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _weigh(value: object) -> int:
    """Return about how many bytes a value takes in a line."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list | tuple):
        return 8 + sum(map(_weigh, value))
    if isinstance(value, Mapping):
        return 8 + sum(len(str(key)) + _weigh(member) for key, member in value.items())
    if hasattr(value, "dtype") and not hasattr(value, "mode"):
        return max(_WEIGHT, 16 * int(getattr(value, "size", 0)))
    return _NUMBER if isinstance(value, int | float) else _WEIGHT


def _to_wire(cell: Cell) -> object:
    """Return what a line of JSON holds of a value: lists are those that need a word."""
    if isinstance(cell, bytes):
        return ["bytes", len(cell)]
    if isinstance(cell, list | dict):
        return ["plain", cell]
    return ["opaque", cell.kind, cell.text] if isinstance(cell, Opaque) else cell


class _Writer:
    """Writes to a file, up to the limit."""

    def __init__(self, descriptor: int, place: str) -> None:
        self._descriptor, self._place, self._left = descriptor, place, MAX_BYTES

    def line(self, document: object) -> None:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        self.write(text.encode(errors="surrogatepass") + b"\n")

    def write(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            msg = f"the rows take over {MAX_BYTES:,} bytes, the limit, when they are written down"
            raise TaskError(msg, where=self._place, hint=f"{SAMPLE}, and only the columns that count")
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            msg = f"the rows cannot be written to a temporary file: {error.strerror}"
            hint = "free some space, or let TMPDIR name a folder on a disk that has more"
            raise TaskError(msg, where=self._place, hint=hint) from error


def _line(stream: BinaryIO) -> list[Any]:
    line = stream.readline(_LONGEST)
    if not line.endswith(b"\n"):
        raise Damaged
    found = json.loads(line.decode(errors="surrogatepass"))
    if not isinstance(found, list) or not found:
        raise Damaged
    return found


def _line_of_tables(kind: object, content: list[Any]) -> list[Any]:
    [heads] = content
    if kind != "tables" or len(heads) not in {1, 2}:
        raise Damaged
    return list(heads)


def _read_table(stream: BinaryIO, head: list[Any], base: Path, budget: Budget) -> Table:
    origin, number, names = head
    origin, rows, names = str(origin), int(number), list(map(str, names))
    budget.add_rows(rows, origin)
    check_columns(len(names), origin)
    columns: dict[str, list[object]] = {}
    for name in names:
        values: list[object] = []
        while len(values) < rows:
            cells = [_from_wire(cell, stream) for cell in _line(stream)]
            budget.add_values(cells, f"{origin}, column {name}")
            values += cells
        if len(values) != rows:
            raise Damaged
        columns[name] = values
    return Table(origin, columns, range(1, rows + 1), base)


def _from_wire(cell: Any, stream: BinaryIO) -> Cell:  # noqa: ANN401 - anything that JSON can hold
    if cell is None or isinstance(cell, str | int | float):
        return cell
    kind, *content = cell
    if kind == "plain":
        [value] = content
        return _checked(value)
    if kind == "opaque":
        name, text = map(str, content)
        return Opaque(name, text)
    [number] = map(int, content)
    data = stream.read(number) if kind == "bytes" and 0 <= number <= MAX_BYTES else None
    if data is None or len(data) != number:
        raise Damaged
    return data


def _checked(value: Any) -> Cell:  # noqa: ANN401 - as above
    if not isinstance(value, list | dict):
        raise Damaged
    return value
