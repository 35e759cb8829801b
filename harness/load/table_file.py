"""A file of rows, whatever its format."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from harness.errors import BenchError, TaskError, raise_all
from harness.load.delimited import read_delimited
from harness.load.place import show, where
from harness.load.table import Table
from harness.load.yaml_file import read_text

DELIMITED = (".csv", ".tsv", ".tab")
JSON = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")
SUFFIXES = (*DELIMITED, *JSON, *PARQUET)
_SHOWN = 5


def read_table(path: Path, names: Iterable[str] = ()) -> Table:
    """Read a file of rows by its suffix; `names` are column names that a header line of a CSV file would hold.

    Raises:
        TaskError: when the format is not known or the file is faulty.
    """
    suffix = path.suffix.lower()
    if suffix in DELIMITED:
        return read_delimited(path, names)
    if suffix in JSON:
        return _read_json(path)
    if suffix in PARQUET:
        return _read_parquet(path)
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
    return Table(origin, columns, range(1, sum(map(len, tables)) + 1), first.base, notes=notes)


def from_rows(rows: Sequence[Mapping[str, object]], origin: str, base: Path) -> Table:
    """Turn a list of mappings into a table; a key that a row lacks is None there."""
    names = dict.fromkeys(name for row in rows for name in row)
    return Table(origin, {str(name): [row.get(name) for row in rows] for name in names}, range(1, len(rows) + 1), base)


def _read_json(path: Path) -> Table:
    """Read one object a line, or one array of objects."""
    text = read_text(path, TaskError)
    if not text.strip():
        msg = "the file is empty"
        raise TaskError(msg, where=show(path), hint="put the rows into it, or name another file")
    faults: list[BenchError] = []
    found = list(_json_rows(text, path, faults))
    raise_all(faults[:_SHOWN])
    table = from_rows([row for _, row in found], show(path), path.parent)
    return Table(table.origin, table.columns, [number for number, _ in found], table.base, unit="line")


def _json_rows(text: str, path: Path, faults: list[BenchError]) -> Iterator[tuple[int, dict[str, object]]]:
    form = 'write one object a line: {"text": "…", "label": "…"}'
    for number, line in _json_values(text, path, faults):
        if isinstance(line, dict):
            yield number, line
        else:
            faults.append(TaskError("expected an object", where=where(path, number), hint=form))


def _json_values(text: str, path: Path, faults: list[BenchError]) -> Iterator[tuple[int, object]]:
    parts = [(1, text)] if text.lstrip().startswith("[") else list(enumerate(text.split("\n"), start=1))
    for number, part in parts:
        if not part.strip():
            continue
        try:
            value = json.loads(part)
        except (json.JSONDecodeError, RecursionError) as error:
            line = number + getattr(error, "lineno", 1) - 1
            problem = getattr(error, "msg", "nested too deep")
            faults.append(TaskError(f"not valid JSON: {problem}", where=where(path, line), hint="correct the line"))
            continue
        yield from enumerate(value, start=1) if len(parts) == 1 and isinstance(value, list) else [(number, value)]


def _read_parquet(path: Path) -> Table:
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and seldom needed
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        content = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        msg = f"not a readable parquet file: {str(error).splitlines()[0]}"
        raise TaskError(msg, where=show(path), hint="write it again, or name another file") from error
    columns = {str(name): column.to_pylist() for name, column in zip(content.column_names, content.columns, strict=True)}
    if not content.num_rows:
        msg = "the file holds no rows"
        raise TaskError(msg, where=show(path), hint="put the rows into it, or name another file")
    return Table(show(path), columns, range(1, content.num_rows + 1), path.parent)
