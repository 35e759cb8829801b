"""A task in which texts are written: its rows read, put into the template, checked, divided."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.data import Dataset, Rows, Split
from harness.core.task import Task
from harness.core.wording import BETWEEN, Part, parts
from harness.core.writing import PROMPT, REFERENCE, TEMPLATE, Write, Writing, columns_of, cut, fill, find_answer
from harness.errors import TaskError, raise_all, suggest
from harness.load.characters import is_missing, mend
from harness.load.checks import Doubt
from harness.load.collection import digest_text, report_lacking
from harness.load.columns import WRITTEN, choose_usual
from harness.load.rows import to_text
from harness.load.source import open_source
from harness.load.splits import SHARE, split
from harness.load.table import Table, kind_of

_LEAST = 5
_MOST_REFERENCES = 100
# From this share of references on in which the task's pattern finds nothing, it is the wrong pattern.
_UNFOUND = 0.2
# Hardly any tokenizer has more characters to a token, over a whole text.
_CHARACTERS = 6


@dataclass(frozen=True, slots=True)
class _Form:
    """A template divided: literals with the column behind each, up to the answer, and what stands around the answer."""

    asked: tuple[Part, ...]
    space: str
    tail: str
    reference: str
    group: str

    @property
    def columns(self) -> tuple[str, ...]:
        return columns_of(self.asked)

    @property
    def stop(self) -> str:
        """Return how another example would begin."""
        return BETWEEN + self.asked[0][0].rstrip()


@dataclass(frozen=True, slots=True)
class _Row:
    content: str
    prompt: str
    references: tuple[str, ...]
    group: str


def load_generation(task: Task, folder: Path, *, override: str | None, seed: int, offline: bool) -> Dataset:
    """Read the rows of a task whose file lies in `folder`, or those of `override`, and divide them.

    Without test rows a fifth is drawn with the seed, evenly over the lengths of references. The result depends on the data and the
    seed alone.

    Raises:
        BenchError: for everything that is wrong with the data, as much at once as can be told.
    """
    source = open_source(task, folder, override=override, offline=offline)
    form, notes = _settle(source.train, task, lenient=override is not None)
    warnings: list[str] = []
    tables = [(source.train, False)] + ([(source.test, True)] if source.test else [])
    read = [(row, is_test) for table, is_test in tables for row in _read(table, form, warnings)]
    _check_number([row for row, is_test in read if not is_test], source.name)
    found = [row for row, _ in read]
    _check_pattern(task.write.answer or "", found, source.name, warnings)
    rows = _assemble(found)
    given = [place for place, (_, is_test) in enumerate(read) if is_test] if source.test else None
    division = split(rows, given, seed)
    writing = _writing(task.write, form, found)
    drawn = () if source.test else (f"test rows: {SHARE:.0%} drawn by length of reference with seed {seed}",)
    noted = (*source.notes, *source.train.notes, *(source.test.notes if source.test else ()), *notes, *drawn)
    lost = task.data.group if task.data.group and not form.group else ""
    warnings += [f'there is no column "{lost}" in {source.train.origin}, so rows are not grouped'] if lost else []
    return Dataset(
        rows=rows,
        split=division,
        digest=_digest(rows, division, writing),
        source=source.name,
        drawn_test=source.test is None,
        notes=noted,
        warnings=(*source.warnings, *warnings, *(doubt.what for doubt in find_doubts(rows, division, writing))),
        writing=writing,
    )


def find_doubts(rows: Rows, division: Split, writing: Writing) -> Iterator[Doubt]:
    """Say what makes figures less trustworthy, of rows (`leakage`, `groups`) and of `references`."""
    asked = {rows.inputs[place] for place in division.rest}
    leaks = sum(rows.inputs[place] in asked for place in division.test)
    if leaks:
        what = f"{leaks} of {len(division.test)} test rows ask the same as a training row, which flatters what learns from these"
        yield Doubt("leakage", what, "take these rows out of either part", leaks / len(division.test))
    yield from _repeats(rows, division)
    shared = {rows.groups[i] for i in division.rest} & {rows.groups[i] for i in division.test} if rows.groups else ()
    if shared:
        what = f"{len(shared)} groups stand in both training and test rows"
        yield Doubt("groups", what, "let bench set test rows aside, which divides by group; or divide them by group yourself")
    right: dict[object, set[tuple[str, ...]]] = defaultdict(set)
    for content, references in zip(rows.inputs, writing.references, strict=True):
        right[content].add(references)
    torn = sum(len(found) > 1 for found in right.values())
    if torn:
        what = f"{torn} prompts stand on several rows with different references, and only that of its own row counts for each"
        yield Doubt("references", what, "make one row of them, whose reference is a list (JSON lines)", torn / len(right))
    yield from _unwritable(writing)


def _repeats(rows: Rows, division: Split) -> Iterator[Doubt]:
    """Tell of validation rows whose question is learned from; groups can keep the same questions apart."""
    found = 0
    for fold, part in enumerate(division.folds):
        learned = {rows.inputs[place] for place in division.training(fold)}
        found += sum(rows.inputs[place] in learned for place in part)
    if found:
        every = len(division.choosing)
        what = (
            f"{found} of {every} validation rows ask the same as a row that is learned from, which flatters what learns from these"
        )
        yield Doubt("leakage", what, "put rows that ask the same into one group, or keep one of them", found / every)


def _unwritable(writing: Writing) -> Iterator[Doubt]:
    """Tell of references that no model can write: what it writes ends before they do."""
    every = [one for some in writing.references for one in some]
    stopped = sum(cut(one, writing.stop) != one for one in every)
    longer = sum(len(one) > _CHARACTERS * writing.limit for one in every)
    faults = [f"{stopped} of {len(every)} references hold a stop text"] if stopped else []
    faults += [f"{longer} of {len(every)} references are longer than about {writing.limit} tokens, the limit"] if longer else []
    if faults:
        stop = f"state other stop texts than {json.dumps(writing.stop, ensure_ascii=False)}, or none (write: {{stop: []}})"
        hint = "; ".join([stop] * bool(stopped) + ["raise write.limit, or shorten the references"] * bool(longer))
        what = f"{' and '.join(faults)}: no model can write them whole"
        yield Doubt("references", what, hint, max(stopped, longer) / len(every))


def _settle(table: Table, task: Task, *, lenient: bool) -> tuple[_Form, tuple[str, ...]]:
    """Divide the template, and settle which columns its fields are.

    Raises:
        BenchError: a field is no column, a column cannot be told, or the answer's place is not the last.
    """
    reference, inferred = choose_usual(REFERENCE, WRITTEN, table, task.data.reference, lenient=lenient)
    notes = [f"{REFERENCE}={reference}"] if inferred else []
    fields, names = _fields(task.write.template or TEMPLATE, reference)
    if REFERENCE not in names:
        # Without a place of its own the answer stands on a line below.
        fields, names = _fields(f"{task.write.template}\n{{{REFERENCE}}}", reference)
    if names.count(REFERENCE) > 1 or REFERENCE in names[: _last(names)]:
        what = "write.template has the place of the answer more than once, or another field behind it"
        hint = f"put {{{REFERENCE}}} once, behind all other fields: what a model writes comes last"
        raise TaskError(what, where="task.yaml, key write.template", hint=hint)
    named = {PROMPT: ""}
    if PROMPT in names:
        named[PROMPT], inferred = choose_usual(PROMPT, WRITTEN, table, task.data.prompt, lenient=lenient, taken=reference)
        notes = [f"{PROMPT}={named[PROMPT]}", *notes] if inferred else notes
    columns = [named.get(name, name) for name in names]
    raise_all([_unknown(name, table) for name in columns if name and name != REFERENCE and name not in table.columns])
    group = task.data.group if task.data.group in table.columns else ""
    if task.data.group and not group and not lenient:
        raise TaskError(
            f'there is no column "{task.data.group}"',
            where=f"{table.origin}, key data.group",
            hint=suggest(task.data.group, list(table.columns)),
        )
    note = (f"columns inferred: {', '.join(notes)}",) if notes else ()
    return _divide([literal for literal, _ in fields], columns, reference, group or ""), note


def _fields(template: str, reference: str) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    """Return the parts of a template, and its fields by name, where the column of the references is the place of the answer."""
    fields = parts(template)
    return fields, [REFERENCE if field in {REFERENCE, reference} else field for _, field in fields]


def _last(names: Sequence[str]) -> int:
    """Return the place of the last field."""
    return max(place for place, name in enumerate(names) if name)


def _divide(literals: Sequence[str], columns: Sequence[str], reference: str, group: str) -> _Form:
    """Return what stands before the answer, the spaces directly before it, and what stands behind it."""
    place = columns.index(REFERENCE)
    bare = literals[place].rstrip(" ")
    asked = (*zip(literals[:place], columns[:place], strict=True), (bare, ""))
    return _Form(asked, literals[place][len(bare) :], "".join(literals[place + 1 :]), reference, group)


def _read(table: Table, form: _Form, warnings: list[str]) -> Iterator[_Row]:
    """Yield the complete rows of a table in its order; what is left out is added to the warnings."""
    wanted = (*form.columns, form.reference, *([form.group] if form.group else []))
    raise_all([_unknown(name, table) for name in wanted if name not in table.columns])
    answers = [_references(value, table, index) for index, value in enumerate(table.columns[form.reference])]
    lacking = {
        index
        for index in range(len(table))
        if not answers[index] or any(is_missing(table.columns[name][index]) for name in form.columns)
    }
    if lacking:
        why = f"rows lack {' or '.join((*form.columns, form.reference))}"
        hint = "name other columns, or fill the rows in"
        warnings.append(report_lacking(len(lacking), len(table), why, place=table.origin, hint=hint))
    for index, references in enumerate(answers):
        if index not in lacking:
            cells = {name: mend(to_text(table.columns[name][index], table, index)) for name in form.columns}
            value = table.columns[form.group][index] if form.group else None
            yield _Row(
                "\n".join(cells.values()), fill(form.asked, cells), references, "" if is_missing(value) else mend(str(value))
            )


def _references(value: object, table: Table, index: int) -> tuple[str, ...]:
    """Return the right texts of a cell, each once; none where it is empty.

    Raises:
        TaskError: it holds something else.
    """
    cells: Sequence[object] = value if isinstance(value, list | tuple) else [value]
    strange = next((cell for cell in cells if not is_missing(cell) and not isinstance(cell, str | int | float)), None)
    if strange is not None or len(cells) > _MOST_REFERENCES:
        what = f"the reference is {kind_of(strange)}" if strange is not None else f"a row has {len(cells)} references"
        hint = f"give each row a text, or a list of at most {_MOST_REFERENCES}, or name another column with data.reference"
        raise TaskError(what, where=table.place(index), hint=hint)
    return tuple(dict.fromkeys(mend(str(cell)).strip() for cell in cells if not is_missing(cell)))


def _check_number(rows: Sequence[_Row], place: str) -> None:
    units = len({row.group or row.content for row in rows})
    if units < _LEAST:
        which = "groups of rows" if any(row.group for row in rows) else "different rows"
        what = f"there are {units} {which} with a reference; {_LEAST} are the least"
        raise TaskError(what, where=place, hint="give more rows, better a hundred or more")


def _check_pattern(pattern: str, rows: Sequence[_Row], place: str, warnings: list[str]) -> None:
    """Refuse a pattern that is the wrong one for the references, and tell how many lack an answer.

    Raises:
        TaskError: it finds nothing in a fifth of them.
    """
    if not pattern:
        return
    lacking = sum(all(find_answer(pattern, one) is None for one in row.references) for row in rows)
    if lacking > _UNFOUND * len(rows):
        what = f"write.answer finds nothing in the references of {lacking} of {len(rows)} rows"
        hint = f"it is looked for in texts such as: {json.dumps(rows[0].references[0][-80:], ensure_ascii=False)}"
        raise TaskError(what, where=f"{place}; task.yaml, key write.answer", hint=hint)
    if lacking:
        warnings.append(f"{place}: write.answer finds nothing in the references of {lacking} rows, which count as they are")


def _assemble(found: Sequence[_Row]) -> Rows:
    """Return rows with the hash of what is asked for an id; the second that asks the same has `-2` behind it.

    The label of a row is the length of its reference, by which rows are divided.
    """
    ids = tuple(_unique(digest_text(row.content) for row in found))
    grouped = any(row.group for row in found)
    groups = tuple(row.group or f"row {ident}" for row, ident in zip(found, ids, strict=True)) if grouped else ()
    lengths = tuple(float(len(row.references[0])) for row in found)
    return Rows(ids, tuple(row.content for row in found), lengths, (), groups, "text")


def _unique(digests: Iterator[str]) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for digest in digests:
        seen[digest] += 1
        yield digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def _writing(write: Write, form: _Form, rows: Sequence[_Row]) -> Writing:
    return Writing(
        prompts=tuple(row.prompt for row in rows),
        references=tuple(row.references for row in rows),
        opening=write.instruction + BETWEEN if write.instruction else "",
        space=form.space,
        tail=form.tail,
        limit=write.limit,
        stop=(form.stop,) if write.stop is None else write.stop,
        pattern=write.answer or "",
        template=form.asked,
    )


def _unknown(name: str, table: Table) -> TaskError:
    holds = f'the column "{name}" holds lists or objects' if name in table.nested else f'there is no column "{name}"'
    where = f"{table.origin}; task.yaml, key write.template or data"
    return TaskError(holds, where=where, hint=suggest(name, [*table.columns, PROMPT, REFERENCE]))


def _digest(rows: Rows, division: Split, writing: Writing) -> str:
    """Hash what a result depends on: what is asked, what is right, how it is put, and the division of the rows."""
    put = [writing.opening, writing.space, writing.tail, writing.limit, writing.stop, writing.pattern]
    content = [rows.ids, rows.groups, writing.prompts, writing.references, put, division.learn, division.folds, division.test]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
