"""Answered rows on the disk: the rows as they came, with the likeliest class and how likely it is; Parquet or CSV."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.atomic import write_bytes
from harness.errors import WorkspaceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIXES = (".parquet", ".csv")
ADDED = ("prediction", "probability", "probabilities")
# What a spreadsheet takes for a formula at the start of a cell. https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def check_out(out: Path, given: Path) -> None:
    """Accept a file of a known suffix that is not the one that is read and lies in a folder that is there.

    Raises:
        WorkspaceError: it is another.
    """
    if out.suffix.lower() not in SUFFIXES:
        what = f'"{out.name}" is of a format that is not written'
        raise WorkspaceError(what, where="--out", hint=f"known: {', '.join(SUFFIXES)}")
    if out.is_dir() or not out.absolute().parent.is_dir():
        what = f"{out} is a folder" if out.is_dir() else f"there is no folder {out.absolute().parent}"
        raise WorkspaceError(what, where="--out", hint="name a file in a folder that is there")
    if out.exists() and given.exists() and out.samefile(given):
        raise WorkspaceError("the answers would replace the rows", where="--out", hint="name another file")


def check_columns(names: Sequence[str], origin: str) -> None:
    """Accept a table that has no column of the names that are added.

    Raises:
        WorkspaceError: it has one.
    """
    for name in ADDED:
        if name in names:
            what = f'the rows have a column "{name}" already'
            raise WorkspaceError(what, where=origin, hint=f"rename it; bench adds {', '.join(ADDED)}")


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows and their answers: columns as they came, the positions that were answered, and `shares` `(len(where), labels)`."""

    columns: Mapping[str, Sequence[object]]
    where: Sequence[int]
    shares: NDArray[np.float32]
    labels: Sequence[str]

    @property
    def rows(self) -> int:
        """Return the number of rows, answered or not."""
        return len(next(iter(self.columns.values())))


def write(out: Path, sheet: Sheet) -> int:
    """Write rows with their answers, whole or not at all; rows that were not asked have none.

    Parquet gets `probabilities` too, a number under the name of each class, and its values are
    as they came. In CSV a text that a spreadsheet would take for a formula gets an apostrophe in front; returns how many did.

    Raises:
        WorkspaceError: the file cannot be written.
    """
    best = sheet.shares.argmax(1) if len(sheet.where) else []
    told: list[object] = [None] * sheet.rows
    likely: list[object] = [None] * sheet.rows
    for place, index, share in zip(sheet.where, best, sheet.shares, strict=True):
        told[place], likely[place] = sheet.labels[index], float(share[index])
    whole = {**sheet.columns, "prediction": told, "probability": likely}
    guarded = 0
    try:
        if out.suffix.lower() == ".csv":
            content, guarded = _to_csv(whole)
        else:
            content = _to_parquet(whole, sheet)
        write_bytes(out.absolute(), content)
    except OSError as error:
        what = f"cannot write the answers: {error.strerror}"
        raise WorkspaceError(what, where=str(out), hint="choose another file, or free some space") from error
    return guarded


def _to_csv(columns: Mapping[str, Sequence[object]]) -> tuple[bytes, int]:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)  # RFC 4180: lines end with CR LF, so that either sign is quoted within a cell
    guarded = 0
    for row in [tuple(columns), *zip(*columns.values(), strict=True)]:
        cells = [_cell(value) for value in row]
        safe = [f"'{cell}" if _is_formula(cell, value) else cell for cell, value in zip(cells, row, strict=True)]
        guarded += sum(one != other for one, other in zip(cells, safe, strict=True))
        writer.writerow(safe)
    return stream.getvalue().encode("utf-8", "replace"), guarded


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - a missing number differs from itself
        return ""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Mapping) and isinstance(value.get("bytes"), bytes):
        return str(value.get("path") or f"{len(value['bytes'])} bytes")
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)


def _is_formula(cell: str, value: object) -> bool:
    return not isinstance(value, int | float) and bool(_FORMULA.match(cell)) and not _NUMBER.fullmatch(cell)


def _to_parquet(columns: Mapping[str, Sequence[object]], sheet: Sheet) -> bytes:
    import numpy as np  # noqa: PLC0415 - not needed to say that a file is wrong
    import pyarrow as pa  # noqa: PLC0415 - slow to import
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    known = np.zeros(sheet.rows, bool)
    known[list(sheet.where)] = True
    every = np.zeros((sheet.rows, len(sheet.labels)), np.float32)
    every[known] = sheet.shares
    parts = [pa.array(every[:, i], mask=~known) for i in range(len(sheet.labels))]
    arrays = [_array(values) for values in columns.values()]
    struct = pa.StructArray.from_arrays(parts, names=list(sheet.labels))
    table = pa.table([*arrays, struct], names=[*columns, "probabilities"])
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def _array(values: Sequence[object]) -> Any:  # noqa: ANN401 - pyarrow ships no types
    """Return a column; values of mixed kinds become their texts."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        return pa.array([None if value is None else _cell(value).encode("utf-8", "replace").decode() for value in values])
