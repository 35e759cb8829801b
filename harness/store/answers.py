"""Answered rows on the disk: the rows as they came, with what is told of each and how likely it is; Parquet or CSV."""

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
from harness.core.kinds import Target
from harness.errors import WorkspaceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIXES = (".parquet", ".csv")
ADDED = ("prediction", "probability", "probabilities")
# Where texts are written the answer and, where it is a part of the text, the whole of it.
ANSWER, WHOLE = "prediction", "written"
# What stands between the labels of a row.
JOIN = "|"
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


def check_columns(names: Sequence[str], origin: str, added: Sequence[str] = ADDED) -> None:
    """Accept a table that has no column of the names that are added.

    Raises:
        WorkspaceError: it has one.
    """
    for name in added:
        if name in names:
            what = f'the rows have a column "{name}" already'
            raise WorkspaceError(what, where=origin, hint=f"rename it; bench adds {', '.join(added)}")


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows and their answers: columns as they came, the positions that were answered, and `shares` `(len(where), labels)`.

    Where a number is told, `shares` are the values `(len(where), 1)`; where any of several labels is, those from the threshold on.
    Of sentences `told` holds what is told of each, of texts the answers; `whole` are the texts where answers are parts of them.
    """

    columns: Mapping[str, Sequence[object]]
    where: Sequence[int]
    shares: NDArray[np.float32]
    labels: Sequence[str]
    target: Target = "class"
    threshold: float = 0.5
    told: Sequence[object] = ()
    whole: Sequence[str] | None = None

    @property
    def rows(self) -> int:
        """Return the number of rows, answered or not."""
        return len(next(iter(self.columns.values())))

    def added(self) -> dict[str, list[object]]:
        """Return the columns that are added, with None where a row was not asked.

        Labels of a row stand in one cell, the likeliest first; the probability is that of the class alone.
        """
        if self.target == "class":
            best = self.shares.argmax(1) if len(self.where) else []
            chosen = [(self.labels[i], float(share[i])) for i, share in zip(best, self.shares, strict=True)]
            columns = {"prediction": [name for name, _ in chosen], "probability": [share for _, share in chosen]}
        elif self.target in {"tags", "text"}:
            columns = {"prediction": list(self.told)} | ({} if self.whole is None else {WHOLE: list(self.whole)})
        elif self.target == "labels":
            columns = {"prediction": [self._labels(share) for share in self.shares]}
        else:
            columns = {"prediction": [float(value) for (value,) in self.shares]}
        found: dict[str, list[object]] = {name: [None] * self.rows for name in columns}
        for name, values in columns.items():
            for place, value in zip(self.where, values, strict=True):
                found[name][place] = value
        return found

    def _labels(self, share: NDArray[np.float32]) -> str:
        order = sorted(range(len(self.labels)), key=lambda i: (-share[i], i))
        return JOIN.join(self.labels[i] for i in order if share[i] >= self.threshold)


def write(out: Path, sheet: Sheet) -> int:
    """Write rows with their answers, whole or not at all; rows that were not asked have none.

    Parquet gets `probabilities` too, a number under the name of each class, and its values are
    as they came. In CSV a text that a spreadsheet would take for a formula gets an apostrophe in front; returns how many did.

    Raises:
        WorkspaceError: the file cannot be written.
    """
    whole = {**sheet.columns, **sheet.added()}
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
    import pyarrow as pa  # noqa: PLC0415 - slow to import
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    arrays = [_array(values) for values in columns.values()]
    names = list(columns)
    if sheet.target not in {"number", "tags", "text"}:
        arrays.append(_probabilities(sheet))
        names.append("probabilities")
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays, names=names), sink, compression="zstd")
    return bytes(sink.getvalue())


def _probabilities(sheet: Sheet) -> Any:  # noqa: ANN401 - pyarrow ships no types
    """Return a number under the name of each class or label."""
    import numpy as np  # noqa: PLC0415 - not needed to say that a file is wrong
    import pyarrow as pa  # noqa: PLC0415 - slow to import

    known = np.zeros(sheet.rows, bool)
    known[list(sheet.where)] = True
    every = np.zeros((sheet.rows, len(sheet.labels)), np.float32)
    every[known] = sheet.shares
    parts = [pa.array(every[:, i], mask=~known) for i in range(len(sheet.labels))]
    return pa.StructArray.from_arrays(parts, names=list(sheet.labels))


def _array(values: Sequence[object]) -> Any:  # noqa: ANN401 - pyarrow ships no types
    """Return a column; values of mixed kinds become their texts."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        return pa.array([None if value is None else _cell(value).encode("utf-8", "replace").decode() for value in values])
