"""A file of rows, whatever its format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness.errors import TaskError
from harness.load.budget import Budget, check_columns
from harness.load.delimited import read_delimited
from harness.load.json_rows import read_json_rows
from harness.load.parquet import read_parquet
from harness.load.place import show
from harness.load.table import Table

DELIMITED = (".csv", ".tsv", ".tab")
JSON = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")
SUFFIXES = (*DELIMITED, *JSON, *PARQUET)
_PACKED = (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz")


def read_table(path: Path, names: Iterable[str] = (), budget: Budget | None = None) -> Table:
    """Read a file of rows by its suffix; `names` are column names that a header line of a CSV file would hold.

    The budget counts what is read of the whole task; without one the file stands alone. Archives are never unpacked.

    Raises:
        TaskError: when the format is not known, the file is faulty, or it is out of bounds.
    """
    suffix = path.suffix.lower()
    budget = budget or Budget()
    if suffix in DELIMITED:
        return read_delimited(path, names, budget)
    if suffix in JSON:
        return _read_json(path, budget)
    if suffix in PARQUET:
        return read_parquet(path, budget)
    if suffix in _PACKED:
        msg = f'"{path.name}" is an archive; archives are never unpacked'
        raise TaskError(msg, where=show(path), hint="unpack it yourself, and name the file that was in it")
    msg = f'"{path.name}" is of a format that is not read'
    raise TaskError(msg, where=show(path), hint="known: " + ", ".join(SUFFIXES))


def join(tables: Sequence[Table]) -> Table:
    """Put tables of the same columns below one another.

    Raises:
        TaskError: when their columns differ.
    """
    first = tables[0]
    for table in tables[1:]:
        if set(table.columns) != set(first.columns):
            msg = f"the columns differ from those of {first.origin}"
            raise TaskError(
                msg, where=table.origin, hint=f"expected: {', '.join(first.columns)}; found: {', '.join(table.columns)}"
            )
    if len(tables) == 1:
        return first
    columns = {name: [value for table in tables for value in table.columns[name]] for name in first.columns}
    origin = ", ".join(table.origin for table in tables)
    notes = tuple(note for table in tables for note in table.notes)
    return Table(origin, columns, range(1, sum(map(len, tables)) + 1), first.base, label=first.label, notes=notes)


def from_rows(rows: Sequence[Mapping[str, object]], origin: str, base: Path, budget: Budget | None = None) -> Table:
    """Turn a list of mappings into a table; a key that a row lacks is None there.

    Raises:
        TaskError: there are so many different keys that the table would be out of bounds.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    check_columns(len(names), origin)
    (budget or Budget()).add_bytes(8 * len(names) * len(rows), origin)
    return Table(origin, {str(name): [row.get(name) for row in rows] for name in names}, range(1, len(rows) + 1), base)


def _read_json(path: Path, budget: Budget) -> Table:
    """Read one object a line, or one array of objects."""
    unit, found = read_json_rows(path, budget)
    table = from_rows([row for _, row in found], show(path), path.parent, budget)
    return Table(table.origin, table.columns, [number for number, _ in found], table.base, unit=unit)
