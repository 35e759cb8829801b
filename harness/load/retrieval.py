"""A retrieval task's queries and documents: read, checked, divided. Queries are the rows; all of them search the same documents."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.core.corpus import Corpus
from harness.core.data import Dataset, Rows, Split
from harness.core.task import Task
from harness.errors import TaskError, raise_all
from harness.load.answer_pairs import read_pairs
from harness.load.beir import is_beir, read_beir
from harness.load.budget import Budget
from harness.load.checks import Doubt
from harness.load.collection import Collection, digest_text, find_faults
from harness.load.place import inside, to_path
from harness.load.source import open_source
from harness.load.splits import SHARE, split


def load_retrieval(task: Task, folder: Path, *, override: str | None, seed: int, offline: bool) -> Dataset:
    """Read what a task names, or `override`, and divide its queries.

    Without test queries a fifth is drawn with the seed. The result depends on the data and the seed alone, not on their order.

    Raises:
        BenchError: for everything that is wrong with the data, as much at once as can be told.
    """
    found = _read(task, folder, override=override, offline=offline)
    raise_all(find_faults(found))
    keys = sorted(found.documents, key=lambda key: (digest_text(found.documents[key]), key))
    place = {key: position for position, key in enumerate(keys)}
    corpus = Corpus(
        keys=tuple(keys),
        documents=tuple(found.documents[key] for key in keys),
        grades=tuple({place[key]: grade for key, grade in query.grades.items()} for query in found.queries),
    )
    rows = _rows(found)
    given = [position for position, query in enumerate(found.queries) if query.is_test] if found.is_divided else None
    division = split(rows, given, seed)
    drawn = () if found.is_divided else (f"test queries: {SHARE:.0%} drawn with seed {seed}",)
    return Dataset(
        rows=rows,
        split=division,
        digest=_digest(rows, division, corpus),
        source=found.source,
        drawn_test=not found.is_divided,
        notes=(*found.notes, *drawn),
        warnings=(*found.warnings, *(doubt.what for doubt in find_doubts(rows, division, corpus))),
        corpus=corpus,
    )


def find_doubts(rows: Rows, division: Split, corpus: Corpus) -> Iterator[Doubt]:
    """Say what makes figures less trustworthy, of queries (`leakage`, `groups`) and of `documents`."""
    texts = Counter(corpus.documents)
    copies = len(corpus.documents) - len(texts)
    if copies:
        what = f"{copies} of {len(corpus.documents)} documents repeat the text of another one"
        hint = "keep one of each, and judge that one"
        yield Doubt("documents", f"{what}, so that a right answer can count as wrong", hint, copies / len(corpus.documents))
    empty = sum(number for text, number in texts.items() if not text.strip())
    if empty:
        yield Doubt("documents", f"{empty} of {len(corpus.documents)} documents are empty", "take them out, or fill them in")
    asked = {rows.inputs[position] for position in division.rest}
    leaks = sum(rows.inputs[position] in asked for position in division.test)
    if leaks:
        what = (
            f"{leaks} of {len(division.test)} test queries are also asked among the others, which flatters what learns from these"
        )
        yield Doubt("leakage", what, "take these queries out of either part", leaks / len(division.test))
    shared = {rows.groups[i] for i in division.rest} & {rows.groups[i] for i in division.test} if rows.groups else ()
    if shared:
        what = f"{len(shared)} groups stand in both training and test queries"
        yield Doubt("groups", what, "let bench set test queries aside, which divides by group; or divide them by group yourself")


def _read(task: Task, folder: Path, *, override: str | None, offline: bool) -> Collection:
    """Read a folder in the layout of BEIR, or a table of queries and documents wherever a table may come from."""
    path = inside(folder, task.data.train) if override is None else to_path(override, TaskError, "--data").absolute()
    if is_beir(path):
        if task.data.test is not None and override is None:
            what = "data.test is given, and the folder has judgements of its own"
            raise TaskError(what, where="task.yaml, key data.test", hint="leave it out: qrels/test.tsv names the test queries")
        return read_beir(path, task.data.group, folder if override is None else None, Budget())
    source = open_source(task, folder, override=override, offline=offline)
    return read_pairs(source, task, lenient=override is not None)


def _rows(found: Collection) -> Rows:
    """Return the queries as rows, each with the hash of its text for an id; the second with the same text has `-2` behind it."""
    ids = tuple(_unique(digest_text(query.text) for query in found.queries))
    grouped = any(query.group for query in found.queries)
    groups = tuple(query.group or f"query {ident}" for query, ident in zip(found.queries, ids, strict=True)) if grouped else ()
    return Rows(ids, tuple(query.text for query in found.queries), (0,) * len(ids), (), groups, "documents")


def _unique(digests: Iterable[str]) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for digest in digests:
        seen[digest] += 1
        yield digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def _digest(rows: Rows, division: Split, corpus: Corpus) -> str:
    """Hash what a result depends on: queries, documents, grades and the division of the queries."""
    grades = [sorted(mine.items()) for mine in corpus.grades]
    content = [rows.ids, rows.groups, corpus.documents, grades, division.learn, division.folds, division.test]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
