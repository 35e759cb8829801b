"""A task's rows: read, checked, divided."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.core.data import Dataset, Rows, Split
from harness.core.kinds import Target
from harness.core.task import Task
from harness.core.wording import Ask
from harness.errors import BenchError, Faults, TaskError, raise_all
from harness.load.captions import load_captions
from harness.load.checks import find_doubts, find_faults
from harness.load.choices import places, read_choices
from harness.load.columns import Columns, check_columns, choose_columns
from harness.load.faults import each_fault
from harness.load.generation import load_generation
from harness.load.phrases import describe_classes, form_hypotheses, word_task
from harness.load.retrieval import load_retrieval
from harness.load.rows import Row, assemble, read_rows, sort_classes
from harness.load.source import open_source
from harness.load.splits import SHARE, split
from harness.load.table import Source, Table
from harness.load.tagged import load_tagged

_DRAWN: dict[Target, str] = {"class": " by class", "labels": " by rarest label", "number": " by size"}


def load_dataset(task: Task, folder: Path, *, override: str | None, seed: int, offline: bool) -> Dataset:
    """Read the rows of a task whose file lies in `folder`, or those of `override`, and divide them.

    Without test rows a stratified fifth is drawn with the seed. The result depends on the data and the seed alone.

    Raises:
        BenchError: for everything that is wrong with the data, as much at once as can be told.
    """
    if task.kind == "image-text-retrieval":
        return load_captions(task, folder, override=override, seed=seed, offline=offline)
    if task.kind == "retrieval":
        return load_retrieval(task, folder, override=override, seed=seed, offline=offline)
    if task.kind == "generation":
        return load_generation(task, folder, override=override, seed=seed, offline=offline)
    if task.target == "tags":
        return load_tagged(task, folder, override=override, seed=seed, offline=offline)
    source = open_source(task, folder, override=override, offline=offline)
    noticed: list[str] = []
    read = read_choices if task.kind == "multiple-choice" else _read
    columns, train, test = read(source, task, noticed, lenient=override is not None)
    raise_all(find_faults(train, test, source.name))
    every = [*train, *(test or ())]
    rows = assemble(every, places(every) or sort_classes(row.label for row in train), task.target)
    phrases = describe_classes(task, rows.classes, lenient=override is not None)
    hypotheses = form_hypotheses(task, rows.classes)
    given = None if test is None else range(len(train), len(rows))
    try:
        division = split(rows, given, seed)
    except BenchError as error:
        raise _placed(error, source.name) from error
    drawn = () if test is not None else (f"test rows: {SHARE:.0%} drawn{_by(task)} with seed {seed}",)
    notes = (*source.notes, *source.train.notes, *(source.test.notes if source.test else ()), *columns.notes, *drawn)
    found = (doubt.what for doubt in find_doubts(rows, division, drawn=test is None))
    return Dataset(
        rows=rows,
        split=division,
        digest=_digest(rows, division, _stated(task, phrases, hypotheses)),
        source=source.name,
        phrases=phrases,
        wording=word_task(task, rows.classes),
        hypotheses=hypotheses,
        columns=(columns.content, columns.pair) if columns.pair else (),
        drawn_test=test is None,
        notes=notes,
        warnings=(*source.warnings, *columns.warnings, *noticed, *found),
    )


def _by(task: Task) -> str:
    """Return what test rows are drawn evenly by, which for questions is nothing."""
    return "" if task.kind == "multiple-choice" else _DRAWN[task.target]


def _read(source: Source, task: Task, noticed: list[str], *, lenient: bool) -> tuple[Columns, list[Row], list[Row] | None]:
    """Settle the columns and read both tables, collecting what is wrong with either."""
    columns = choose_columns(source.train, task, lenient=lenient)
    faults: list[BenchError] = []
    read: list[list[Row]] = []
    for table in _tables(source):
        missing = check_columns(table, columns)
        faults += missing
        try:
            read.append([] if missing else read_rows(table, columns, task, noticed))
        except BenchError as error:
            faults += each_fault(error)
    raise_all(faults)
    return columns, read[0], read[1] if source.test else None


def _tables(source: Source) -> Iterator[Table]:
    yield source.train
    if source.test:
        yield source.test


def _placed(error: BenchError, place: str) -> BenchError:
    """Say in which data a fault is that the splitter found, which knows rows only."""
    faults = [
        TaskError(fault.what, where=place, hint=fault.hint) for fault in (error.faults if isinstance(error, Faults) else [error])
    ]
    return faults[0] if len(faults) == 1 else Faults(faults)


def _stated(task: Task, phrases: Sequence[object], hypotheses: Sequence[object]) -> list[Sequence[object]]:
    """Return the task's own words; where it states none, the digest stays what it was."""
    words: list[Sequence[object]] = [phrases] if phrases and (task.classes or task.prompts) else []
    if task.ask != Ask() or (task.classes and not phrases):
        words.append([task.classes, task.ask.model_dump()])
    if hypotheses and task.prompts and not phrases:
        words.append(hypotheses)
    return words


def _digest(rows: Rows, division: Split, words: Sequence[Sequence[object]]) -> str:
    """Hash what a result depends on: rows, labels, classes and their division, and the task's own words."""
    labels: Sequence[object] = rows.labels
    if rows.target == "class":
        labels = [rows.classes[label] for label in rows.labels]  # type: ignore[index]
    content: list[object] = [rows.ids, labels, rows.classes, rows.groups, division.learn, division.folds, division.test]
    content += words
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
