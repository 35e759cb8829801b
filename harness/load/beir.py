"""A folder in the layout of BEIR: corpus.jsonl, queries.jsonl and qrels/*.tsv (Thakur et al. 2021)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BenchError, TaskError, raise_all, suggest
from harness.load.budget import Budget
from harness.load.characters import is_missing, mend
from harness.load.collection import Collection, Query, name_some, report_lacking
from harness.load.place import inside, show
from harness.load.table import Table, kind_of
from harness.load.table_file import read_table

CORPUS, QUERIES, JUDGEMENTS = "corpus.jsonl", "queries.jsonl", "qrels"
_HEADER = ("query-id", "corpus-id", "score")
_PARTS = ("train", "test")
_FORM = f"lay it out as {CORPUS}, {QUERIES}, {JUDGEMENTS}/train.tsv and {JUDGEMENTS}/test.tsv (one of the two may be absent)"


def is_beir(folder: Path) -> bool:
    """Tell whether a folder is meant to be in this layout."""
    return folder.is_dir() and any((folder / name).exists() for name in (CORPUS, QUERIES, JUDGEMENTS))


def read_beir(folder: Path, group: str | None, fence: Path | None, budget: Budget) -> Collection:
    """Read documents, queries and judgements; a document is its title and its text.

    Where one of the files of judgements is absent, the other holds all queries. A query without a judgement is left out.

    Raises:
        BenchError: files are absent or faulty, ids stand twice or are unknown, or too many queries are not judged; all at once.
    """
    lacking = [name for name in (CORPUS, QUERIES, JUDGEMENTS) if not (folder / name).exists()]
    files = sorted((folder / JUDGEMENTS).glob("*.tsv"))
    used = [path for path in files if path.stem in _PARTS]
    if lacking or not used:
        what = f"the folder lacks {' and '.join(lacking or (f'{JUDGEMENTS}/train.tsv or test.tsv',))}"
        raise TaskError(what, where=show(folder), hint=_FORM)
    for path in (folder / CORPUS, folder / QUERIES, *files) if fence else ():
        inside(fence or folder, str(path))
    faults: list[BenchError] = []
    documents = _texts(read_table(folder / CORPUS, budget=budget), ("title", "text"), faults)
    table = read_table(folder / QUERIES, budget=budget)
    queries, groups = _texts(table, ("text",), faults), _groups(table, group, faults)
    judged = {path.stem: _Judgements.read(path, budget, faults) for path in files}
    for one in judged.values():
        faults += one.unknown(documents, queries)
    raise_all(faults)
    idle = len(queries) - len({query for one in judged.values() for query in one.grades})
    warnings = []
    if idle:
        hint = f"judge them in {JUDGEMENTS}, or take them out"
        warnings.append(report_lacking(idle, len(queries), "queries have no judgement", place=show(folder / QUERIES), hint=hint))
    asked, mute = [], 0
    for part, one in ((path.stem, judged[path.stem]) for path in used):
        mute += sum(not _right(grades) for grades in one.grades.values())
        asked += [
            Query(queries[query], _right(grades), part == "test" and len(used) > 1, groups.get(query, ""))
            for query, grades in one.grades.items()
            if _right(grades)
        ]
    if mute:
        hint = "grade right documents above 0"
        why, place = "queries have no right document", show(folder / JUDGEMENTS)
        warnings.append(report_lacking(mute, mute + len(asked), why, place=place, hint=hint))
    return Collection(show(folder), documents, asked, len(used) > 1, tuple(_notes(files, used)), tuple(warnings))


def _right(grades: Mapping[str, float]) -> dict[str, float]:
    return {document: grade for document, grade in grades.items() if grade > 0}


def _notes(files: Sequence[Path], used: Sequence[Path]) -> Iterator[str]:
    idle = [path.name for path in files if path not in used]
    if idle:
        yield f"not used: {JUDGEMENTS}/{', '.join(idle)} (bench draws its own validation queries)"


def _texts(table: Table, parts: Sequence[str], faults: list[BenchError]) -> dict[str, str]:
    """Return the texts of a file by their ids; several columns are joined by a space."""
    for name in ("_id", "text"):
        if name not in table.columns:
            faults.append(TaskError(f'there is no key "{name}"', where=table.origin, hint=suggest(name, table.columns)))
            return {}
    found: dict[str, str] = {}
    twice, strange = [], []
    for index, key in enumerate(table.columns["_id"]):
        cells = [table.columns[part][index] for part in parts if part in table.columns]
        odd = [cell for cell in (key, *cells) if not is_missing(cell) and not isinstance(cell, str | int | float)]
        if is_missing(key) or odd:
            strange.append((index, kind_of(odd[0]) if odd else "no _id"))
        elif str(key) in found:
            twice.append(str(key))
        else:
            found[str(key)] = mend(" ".join(str(cell).strip() for cell in cells if not is_missing(cell)))
    if strange:
        what = f"{len(strange)} lines lack an id, or hold what is no text ({strange[0][1]})"
        faults.append(TaskError(what, where=table.place(strange[0][0]), hint='write {"_id": "…", "text": "…"}'))
    if twice:
        what = f"{len(twice)} ids stand twice: {name_some(twice)}"
        faults.append(TaskError(what, where=table.origin, hint="give every line an id of its own"))
    return found


def _groups(table: Table, column: str | None, faults: list[BenchError]) -> dict[str, str]:
    if not column:
        return {}
    if column not in table.columns:
        what = f'there is no key "{column}"'
        faults.append(TaskError(what, where=f"{table.origin}, key data.group", hint=suggest(column, table.columns)))
        return {}
    pairs = zip(table.columns["_id"], table.columns[column], strict=True) if "_id" in table.columns else ()
    return {str(key): mend(str(value)) for key, value in pairs if not is_missing(value)}


@dataclass(frozen=True, slots=True)
class _Judgements:
    """Grades by query and document, and where each query is first judged."""

    table: Table
    grades: dict[str, dict[str, float]]
    lines: dict[tuple[str, str], int]

    @classmethod
    def read(cls, path: Path, budget: Budget, faults: list[BenchError]) -> _Judgements:
        table = read_table(path, _HEADER, budget)
        names = [name for name in _HEADER if name in table.columns]
        if not names and len(table.columns) == len(_HEADER):
            names = list(table.columns)
        found = cls(table, {}, {})
        if len(names) < len(_HEADER):
            what = f"its columns are {name_some(list(table.columns))}"
            faults.append(TaskError(what, where=table.origin, hint=f"begin it with the line {' TAB '.join(_HEADER)}"))
            return found
        strange: list[int] = []
        torn: list[str] = []
        for index, (query, document, score) in enumerate(zip(*(table.columns[name] for name in names), strict=True)):
            pair, grade = (str(query).strip(), str(document).strip()), _number(score)
            known = found.grades.setdefault(pair[0], {})
            if grade is None or not all(pair):
                strange.append(index)
            elif known.setdefault(pair[1], grade) != grade:
                torn.append(" and ".join(pair))
            else:
                found.lines.setdefault(pair, index)
        if strange:
            what = f"{len(strange)} judgements lack an id, or a grade that is a number"
            faults.append(TaskError(what, where=table.place(strange[0]), hint="write a whole number, 0 for what is not right"))
        if torn:
            what = f"{len(torn)} pairs of query and document have two different grades: {name_some(torn)}"
            faults.append(TaskError(what, where=table.origin, hint="keep one judgement each"))
        return found

    def unknown(self, documents: Mapping[str, str], queries: Mapping[str, str]) -> Iterator[BenchError]:
        """Yield a fault for judgements that name what is not there."""
        for place, known, name in ((0, queries, QUERIES), (1, documents, CORPUS)):
            strange = [(line, pair[place]) for pair, line in self.lines.items() if pair[place] not in known]
            if known and strange:
                names = list(dict.fromkeys(key for _, key in strange))
                what = f"{len(strange)} judgements name ids that {name} lacks: {name_some(names)}"
                hint = f"add them to {name}, or take the judgements out"
                yield TaskError(what, where=self.table.place(strange[0][0]), hint=hint)


def _number(cell: object) -> float | None:
    """Return a grade; None for what is no finite number."""
    try:
        value = float(str(cell))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
