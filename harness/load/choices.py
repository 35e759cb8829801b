"""From table cells to questions with options: which columns hold them, and which option is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.core.data import Choice, place_name
from harness.core.task import Task
from harness.errors import BenchError, TaskError, raise_all
from harness.load.characters import is_missing, mend
from harness.load.columns import Columns, check_columns, find_named, infer_named
from harness.load.rows import Row, digest_row, read_group, report_missing
from harness.load.table import Source, Table, kind_of

_LISTS = ("options", "choices", "endings", "answers", "candidates", "mc1_targets")
# `A` to `Z`, or a word with a letter or a number behind it: option_a, choice2, ending0, sol1.
_LETTER = re.compile(r"^[A-Z]$")
_NUMBERED = re.compile(r"^(?:option|choice|ending|answer|candidate|sol|opt)[_ ]?([a-z]|\d+)$", re.IGNORECASE)
_HINT = "write the right option's text, its letter (A, B, …) or its number, counted from 0 or from 1, the same way in every row"


_FROM_0, _FROM_1 = "numbers counted from 0", "numbers counted from 1"


@dataclass(frozen=True, slots=True)
class _Cells:
    """What a row holds before its answer is understood; `names` are what the options are called, where the data says so."""

    place: str
    question: str
    options: tuple[str, ...]
    names: tuple[str, ...]
    answer: str
    group: str


def read_choices(source: Source, task: Task, noticed: list[str], *, lenient: bool) -> tuple[Columns, list[Row], list[Row] | None]:
    """Return the columns, and the complete rows of both tables, each with the place of the right option for a label.

    Where the right option stood first in every row, options are put in an order that their texts decide. What was left out or
    changed is added to `noticed`.

    Raises:
        BenchError: columns cannot be told, cells are of a wrong type, too many rows are incomplete, or an answer is none of its
            row's options.
    """
    columns, options = choose_question_columns(source.train, task, lenient=lenient)
    parts = []
    for table in (source.train, source.test):
        if table is not None:
            raise_all(check_columns(table, columns) + check_columns(table, Columns(options[0], options[-1])))
            parts.append(_read_table(table, columns, options, noticed))
    cells = [one for part in parts for one in part]
    right = _find_right(cells, source.name, noticed)
    if len(cells) > 1 and not any(right):
        noticed.append("the right option stood first in every row, so options are put in another order")
        cells, right = _reorder(cells)
    rows = [_to_row(one, place) for one, place in zip(cells, right, strict=True)]
    size = len(parts[0])
    return columns, rows[:size], rows[size:] if source.test else None


def _to_row(cells: _Cells, place: int) -> Row:
    content = Choice(cells.question, cells.options)
    return Row(content, digest_row(content), place_name(place), cells.group)


def choose_question_columns(table: Table, task: Task, *, lenient: bool) -> tuple[Columns, tuple[str, ...]]:
    """Settle the columns of question, right answer and group, and those of the options: one that lists them, or one for each.

    Raises:
        TaskError: when a named column is missing or an unnamed one cannot be told; all at once.
    """
    faults: list[BenchError] = []
    question, answer, group = (
        find_named(part, name, table, faults, lenient=lenient)
        for part, name in (("text", task.data.text), ("label", task.data.label), ("group", task.data.group))
    )
    options = tuple(find_named("options", name, table, faults, lenient=lenient) for name in task.data.options)
    raise_all(faults)
    notes = []
    if not options or not all(options):
        options = _infer_options(table, {question, answer, group}, faults)
        notes.append(f"options={', '.join(options)}")
    if not answer:
        answer = infer_named("answer", table, {question, group, *options}, faults)
        notes.append(f"label={answer}")
    if not question:
        question = infer_named("question", table, {answer, group, *options}, faults)
        notes.insert(0, f"text={question}")
    raise_all(faults)
    note = (f"columns inferred: {', '.join(notes)}",) if notes else ()
    return Columns(question, answer, group, notes=note), options


def _read_table(table: Table, columns: Columns, options: Sequence[str], noticed: list[str]) -> list[_Cells]:
    """Return what the complete rows of a table hold, in its order."""
    cells = [_read(table, columns, options, index) for index in range(len(table))]
    missing = [index for index, one in enumerate(cells) if one is None]
    report_missing(missing, table, (columns.content, "two options", columns.label), noticed)
    return [one for one in cells if one is not None]


def places(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the names of all places that an option has in any row, also those where none is right."""
    most = max((len(row.content.options) for row in rows if isinstance(row.content, Choice)), default=0)
    return tuple(place_name(place) for place in range(most))


def find_options(table: Table, taken: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the columns of options by their names: one of lists, or one for each; none where no name tells."""
    listed = _listed(table, taken)
    named = [name for known in _LISTS for name in listed if name.lower() == known]
    if named:
        return (named[0],)
    free = [name for name in table.columns if name not in taken]
    forms = (sorted(filter(form.match, free), key=lambda name: (len(name), name)) for form in (_LETTER, _NUMBERED))
    return next((tuple(found) for found in forms if len(found) > 1), ())


def _listed(table: Table, taken: Iterable[str]) -> list[str]:
    return [
        name
        for name, values in table.columns.items()
        if name not in taken and any(isinstance(value, list | dict) for value in values)
    ]


def _infer_options(table: Table, taken: set[str], faults: list[BenchError]) -> tuple[str, ...]:
    found, listed = find_options(table, taken), _listed(table, taken)
    if not found and len(listed) == 1:
        return (listed[0],)
    if found:
        return found
    columns = ", ".join(f'"{name}"' for name in table.columns)
    hint = f"name it in task.yaml: data: {{options: …}}, one column of lists, or a list of columns (columns: {columns})"
    faults.append(TaskError("no column can be told to hold the options", where=table.origin, hint=hint))
    return ()


def _read(table: Table, columns: Columns, options: Sequence[str], index: int) -> _Cells | None:
    """Return what a row holds, None where it lacks a question, an answer or two options."""
    question, answer = table.columns[columns.content][index], table.columns[columns.label][index]
    texts, names = _options(table, options, index)
    if is_missing(question) or is_missing(answer) or len(texts) < 2:
        return None
    for cell, part in ((question, "question"), (answer, "answer")):
        if not isinstance(cell, str | int | float) or isinstance(cell, bool):
            what = f"the {part} is {kind_of(cell)}, not a text"
            raise TaskError(what, where=table.place(index), hint=f"name another column as the {part}")
    whole = int(answer) if isinstance(answer, float) and answer.is_integer() else answer
    group = read_group(table, columns.group, index)
    return _Cells(table.place(index), mend(str(question)), texts, names, mend(str(whole)).strip(), group)


def _options(table: Table, columns: Sequence[str], index: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the texts of a row's options, and what they are called there, which may be nothing."""
    values: Sequence[object] = [table.columns[name][index] for name in columns]
    names: Sequence[object] = ()
    if len(columns) == 1 and isinstance(values[0], Mapping):
        told = dict(values[0])
        values, names = told.get("text") or (), told.get("label") or ()
        if not isinstance(values, list) or not isinstance(names, list) or len(names) not in {0, len(values)}:
            what = "the options are an object without lists of `text` and `label` of one length"
            raise TaskError(what, where=table.place(index), hint='write {"text": ["…", "…"], "label": ["A", "B"]}, or a plain list')
    elif len(columns) == 1:
        values = values[0] if isinstance(values[0], list) else () if is_missing(values[0]) else values[:1]
    strange = next((one for one in values if not is_missing(one) and not isinstance(one, str | int | float)), None)
    if strange is not None:
        what = f"an option is {kind_of(strange)}, not a text"
        raise TaskError(what, where=table.place(index), hint="give each option as a text")
    # Of columns, the last ones may be empty where a question has fewer options.
    kept = [one for one in values if not is_missing(one)] if len(columns) > 1 else list(values)
    if any(is_missing(one) for one in kept):
        return (), ()
    return tuple(mend(str(one)).strip() for one in kept), tuple(str(name).strip() for name in names)


def _find_right(cells: Sequence[_Cells], name: str, noticed: list[str]) -> list[int]:
    """Return the place of the right option of each row, by the first reading of answers that holds for all rows."""
    readings: dict[str, Callable[[_Cells], int | None]] = {
        "the options' names": lambda one: _place(one.answer, one.names),
        "the options' texts": lambda one: _place(one.answer, one.options),
        "letters": lambda one: _place(one.answer.upper(), [place_name(i) for i in range(len(one.options))]),
        _FROM_0: lambda one: _place(one.answer, [str(i) for i in range(len(one.options))]),
        _FROM_1: lambda one: _place(one.answer, [str(i + 1) for i in range(len(one.options))]),
    }
    best: list[int | None] = [None] * len(cells)
    for reading, read in readings.items():
        found = [read(one) for one in cells]
        known = [place for place in found if place is not None]
        # Where no answer is 0, options are counted from 1 if they can be.
        is_doubtful = reading == _FROM_0 and not any(one.answer == "0" for one in cells)
        if len(known) == len(cells) and not (is_doubtful and all(readings[_FROM_1](one) is not None for one in cells)):
            if reading.startswith("numbers"):
                noticed.append(f"{name}: right options are given by {reading}")
            return known
        best = min(best, found, key=lambda places: places.count(None))
    wrong = [one for one, place in zip(cells, best, strict=True) if place is None]
    what = f'{len(wrong)} of {len(cells)} answers are none of their row\'s options, the first is "{wrong[0].answer[:40]}"'
    raise TaskError(what, where=wrong[0].place, hint=_HINT)


def _place(answer: str, names: Sequence[str]) -> int | None:
    """Return where an answer stands, None where it is not there or stands twice."""
    return names.index(answer) if list(names).count(answer) == 1 else None


def _reorder(cells: Sequence[_Cells]) -> tuple[list[_Cells], list[int]]:
    """Put the options of each row, of which the first is right, into the order of hashes of question and option."""
    found, right = [], []
    for one in cells:
        order = sorted(range(len(one.options)), key=lambda i: digest_row(Choice(one.question, (one.options[i],))))
        found.append(replace(one, options=tuple(one.options[i] for i in order)))
        right.append(order.index(0))
    return found, right
