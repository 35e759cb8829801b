"""A table in which each row is a query and a document that is right for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.core.task import Task
from harness.errors import BenchError, TaskError, raise_all, suggest
from harness.load.characters import is_missing, mend
from harness.load.collection import Collection, Query, digest_text, report_lacking
from harness.load.columns import SEARCH
from harness.load.rows import to_text
from harness.load.table import Source, Table


def read_pairs(source: Source, task: Task, *, lenient: bool) -> Collection:
    """Gather the rows of each query; the documents are the different ones of all rows.

    With `lenient`, columns that the task names and a table lacks are inferred, for data that replaces the task's own.

    Raises:
        BenchError: a column cannot be told, or too many rows lack one of the two.
    """
    faults: list[BenchError] = []
    columns = {part: _choose(part, source.train, task, lenient=lenient, faults=faults) for part in SEARCH}
    group = _group(source.train, task.data.group, lenient=lenient, faults=faults)
    raise_all(faults)
    if columns["query"] == columns["document"]:
        what = f'the column "{columns["query"]}" is both the query and the document'
        raise TaskError(what, where=source.train.origin, hint="name both in task.yaml: data: {query: …, document: …}")
    documents: dict[str, str] = {}
    queries: list[Query] = []
    warnings: list[str] = []
    for table, is_test in ((source.train, False), (source.test, True)):
        if table is not None:
            queries += _read(table, (columns["query"], columns["document"], group), documents, warnings, is_test=is_test)
    inferred = [f"{part}={name}" for part, name in columns.items() if getattr(task.data, part) != name]
    notes = (*source.notes, *source.train.notes, *(source.test.notes if source.test else ()))
    notes += (f"columns inferred: {', '.join(inferred)}",) if inferred else ()
    lost = task.data.group if task.data.group and not group else ""
    warnings += [f'there is no column "{lost}" in {source.train.origin}, so queries are not grouped'] if lost else []
    return Collection(source.name, documents, queries, source.test is not None, notes, (*source.warnings, *warnings))


def _read(
    table: Table, columns: tuple[str, str, str], documents: dict[str, str], warnings: list[str], *, is_test: bool
) -> Iterator[Query]:
    """Yield the queries of a table in its order, and add its documents; a query on several rows has several right documents."""
    query, document, group = columns
    raise_all([_missing(name, table) for name in columns if name and name not in table.columns])
    cells = list(zip(table.columns[query], table.columns[document], strict=True))
    lacking = sum(any(map(is_missing, both)) for both in cells)
    if lacking:
        why = f"rows lack {query} or {document}"
        hint = "name other columns, or fill the rows in"
        warnings.append(report_lacking(lacking, len(cells), why, place=table.origin, hint=hint))
    right: dict[tuple[str, str], dict[str, float]] = {}
    for index, both in enumerate(cells):
        if not any(map(is_missing, both)):
            asked, answer = (mend(to_text(cell, table, index)) for cell in both)
            value = table.columns[group][index] if group else None
            key = digest_text(answer)
            documents.setdefault(key, answer)
            right.setdefault((asked, "" if is_missing(value) else mend(str(value))), {})[key] = 1.0
    return (Query(asked, grades, is_test, of) for (asked, of), grades in right.items())


def _choose(part: str, table: Table, task: Task, *, lenient: bool, faults: list[BenchError]) -> str:
    """Return the column that the task names, else the one with a usual name; note a fault where there is none."""
    named: str | None = getattr(task.data, part)
    if named and (named in table.columns or not lenient):
        faults += [] if named in table.columns else [_missing(named, table, f", key data.{part}")]
        return named
    free = {name.lower().replace(" ", "_"): name for name in table.columns}
    found = [free[name] for name in SEARCH[part] if name in free]
    if not found:
        what = f"no column can be told to be the {part}"
        shown = ", ".join(f'"{name}"' for name in table.columns)
        hint = f"name it in task.yaml: data: {{{part}: …}} (columns: {shown})"
        faults.append(TaskError(what, where=table.origin, hint=hint))
    return found[0] if found else ""


def _group(table: Table, named: str | None, *, lenient: bool, faults: list[BenchError]) -> str:
    if not named or named in table.columns:
        return named or ""
    if not lenient:
        faults.append(_missing(named, table, ", key data.group"))
    return ""


def _missing(name: str, table: Table, key: str = "") -> TaskError:
    columns: Sequence[str] = list(table.columns)
    return TaskError(f'there is no column "{name}"', where=table.origin + key, hint=suggest(name, columns))
