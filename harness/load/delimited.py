"""CSV and TSV files, with or without a header line."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from harness.core.bounds import MAX_FIELD
from harness.errors import TaskError, raise_all
from harness.load.budget import Budget, check_columns
from harness.load.lines import Lines, open_lines
from harness.load.place import show, where
from harness.load.table import Table

_SHOWN = 5
_HEAD = 50_000
Line = tuple[int, list[str]]


def read_delimited(path: Path, names: Iterable[str], budget: Budget | None = None) -> Table:
    """Read a file of separated fields; `names` are column names that a header line would hold.

    Fields may be quoted, with `""` for a quote inside. In a TSV file whose quotes do not match up they are part of the text.

    Raises:
        TaskError: when the file is empty or not UTF-8, its quotes are broken, rows differ in length, or it is out of bounds.
    """
    tabbed = path.suffix.lower() in {".tsv", ".tab"}
    budget = budget or Budget()
    before = budget.rows, budget.bytes
    notes = []
    try:
        rows = _read_quoted(path, "\t" if tabbed else "", budget)
    except _QuoteError as error:
        if not tabbed:
            raise error.fault from error
        budget.rows, budget.bytes = before
        rows = _read_plain(path, budget)
        notes.append(f"{path.name}: quotes are part of the text")
    if not rows:
        msg = "the file is empty"
        raise TaskError(msg, where=show(path), hint="put the rows into it, or name another file")
    _check_widths(rows, path)
    header = rows[0][1]
    if has_header([fields for _, fields in rows], names):
        rows = rows[1:]
    else:
        header = [f"column {number}" for number in range(1, len(header) + 1)]
        notes.append(f'{path.name} has no header line; its columns are called "column 1" to "column {len(header)}"')
    header = _check_header(header, rows, path)
    columns: dict[str, list[object]] = {name: [fields[place] for _, fields in rows] for place, name in enumerate(header)}
    return Table(show(path), columns, [number for number, _ in rows], path.parent, unit="line", notes=tuple(notes))


def has_header(rows: Sequence[Sequence[str]], names: Iterable[str]) -> bool:
    """Tell whether the first row names the columns; it does unless there is a sign that it is data.

    The sign is a cell that comes back further down in a column of few different values, as a class does. A first row with a name
    that the task or the usual ones know, or one that counts 0, 1, 2, is a header whatever follows.

    >>> has_header([["ham", "Hello"], ["spam", "WIN"], ["ham", "Bye"], ["spam", "Now"]], ["text", "label"])
    False
    """
    first = [cell.strip() for cell in rows[0]]
    known = {name.lower() for name in names}
    if any(cell.lower() in known for cell in first) or first == [str(number) for number in range(len(first))]:
        return True
    if len(set(first)) < len(first) or "" in first[1:]:
        return False
    return not any(_recurs(cell, [row[place].strip() for row in rows[1:]]) for place, cell in enumerate(first))


def _recurs(cell: str, below: Sequence[str]) -> bool:
    return cell in below and len(set(below)) <= max(2, len(below) // 2)


class _QuoteError(Exception):
    """Quotes do not match up; the fault says where."""

    def __init__(self, fault: TaskError) -> None:
        super().__init__(fault.what)
        self.fault = fault


def _read_quoted(path: Path, delimiter: str, budget: Budget) -> list[Line]:
    """Read rows whose fields may be quoted; an empty delimiter means that it is to be found out.

    Raises:
        _QuoteError: a quote is out of place or never closed.
    """
    rows: list[Line] = []
    with open_lines(path, "") as lines:
        parsed, start, origin = _parse(lines, delimiter or _delimiter(lines.peek(_HEAD))), 1, show(path)
        try:
            for fields in parsed:
                _count(fields, budget, f"{origin}, line {start}")
                if any(field.strip() for field in fields):
                    rows.append((start, fields))
                start = lines.number + 1
                lines.settle()
        except csv.Error as error:
            raise _QuoteError(_quote_fault(path, start, error)) from error
    return rows


def _read_plain(path: Path, budget: Budget) -> list[Line]:
    """Read rows in which a quote is a character like any other."""
    rows: list[Line] = []
    origin = show(path)
    with open_lines(path) as lines:
        for line in lines:
            fields = line.removesuffix("\n").removesuffix("\r").split("\t")
            _count(fields, budget, f"{origin}, line {lines.number}")
            if line.strip():
                rows.append((lines.number, fields))
            lines.settle()
    return rows


def _count(fields: Sequence[str], budget: Budget, place: str) -> None:
    check_columns(len(fields), place)
    budget.add_rows(1, place)
    budget.add_values(fields, place)


def _delimiter(head: str) -> str:
    """Choose the separator that divides the first rows into equally many fields, more than one; a comma if none does."""
    lines = head.split("\n")[:20]
    for delimiter in (",", ";", "\t", "|"):
        text = io.StringIO("\n".join(lines), newline="")
        try:
            rows = [fields for fields in _parse(text, delimiter, strict=False) if any(field.strip() for field in fields)]
        except csv.Error:  # a field over the limit, which the reading proper will tell
            continue
        whole = rows[:-1] or rows  # the last may go on below
        if len({len(fields) for fields in whole}) == 1 and len(whole[0]) > 1:
            return delimiter
    return ","


def _parse(lines: Lines | io.StringIO, delimiter: str, *, strict: bool = True) -> Iterator[list[str]]:
    limit = csv.field_size_limit(MAX_FIELD)
    try:
        yield from csv.reader(lines, delimiter=delimiter, strict=strict)
    finally:
        csv.field_size_limit(limit)


def _quote_fault(path: Path, line: int, error: csv.Error) -> TaskError:
    if "field larger" in str(error):
        msg = f"a field of the row has more than {MAX_FIELD:,} characters, which is the limit"
        hint = "shorten it; or is a quote opened in this row and never closed?"
        return TaskError(msg, where=where(path, line), hint=hint)
    hint = 'put a field that holds a quote or a separator in quotes, and write "" for a quote inside'
    return TaskError(f"the row cannot be read: {error}", where=where(path, line), hint=hint)


def _check_widths(rows: Sequence[Line], path: Path) -> None:
    width = len(rows[0][1])
    odd = [(number, len(fields)) for number, fields in rows if len(fields) != width]
    hint = "put text that holds the separator in quotes"
    if len(odd) > _SHOWN:
        hint += f"; {len(odd)} rows are like this"
    raise_all(
        [TaskError(f"{found} fields in a row, {width} in the first", where=where(path, n), hint=hint) for n, found in odd[:_SHOWN]]
    )


def _check_header(header: Sequence[str], rows: Sequence[Line], path: Path) -> list[str]:
    names = [name.strip() or f"column {number}" for number, name in enumerate(header, start=1)]
    twice = [name for name, number in Counter(names).items() if number > 1]
    if twice:
        msg = f'two columns are called "{twice[0]}"'
        raise TaskError(msg, where=where(path, 1), hint="rename one")
    if not rows:
        msg = "the file has a header line and no rows"
        raise TaskError(msg, where=show(path), hint="put the rows into it, or name another file")
    return names
