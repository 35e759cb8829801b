"""What is wrong with a whole data set, and what a user should know about it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.core.data import Choice, Label, Rows, Split, are_choices
from harness.core.entities import type_of
from harness.core.kinds import Target
from harness.errors import BenchError, TaskError
from harness.load.rows import Row

FEW = 10
IMBALANCE = 20
_SHOWN = 5
_ONE: dict[Target, str] = {"class": "class", "tags": "type of entity"}


@dataclass(frozen=True, slots=True)
class Doubt:
    """What makes figures less trustworthy, what to do, what is looked at (`about`), and the share of the rows that it concerns."""

    about: str
    what: str
    hint: str
    share: float = 0.0


def find_faults(train: Sequence[Row], test: Sequence[Row] | None, place: str) -> list[BenchError]:
    """Return every reason why these rows cannot be learned from."""
    if not train:
        return [TaskError("no row has both content and label", where=place, hint="name other columns, or fill the rows in")]
    counts = Counter(name for row in train for name in _names_of(row))
    if isinstance(train[0].content, Choice):
        return [TaskError("no test row has both content and label", where=place, hint="leave data.test out")] if test == [] else []
    if isinstance(train[0].label, float):
        faults = _value_faults(train, place)
    elif isinstance(train[0].label, tuple):
        hint = "name another column as the label, or the separator with data.separator"
        faults = [] if counts else [TaskError("no row has any label", where=place, hint=hint)]
    else:
        faults = _class_faults(counts, place)
    if test is not None:
        faults += _test_faults(test, counts, place)
    return faults


def _names_of(row: Row) -> tuple[str, ...]:
    """Return the classes of a row, none where it has a value."""
    return (row.label,) if isinstance(row.label, str) else row.label if isinstance(row.label, tuple) else ()


def _value_faults(train: Sequence[Row], place: str) -> list[BenchError]:
    if len({row.label for row in train}) > 1:
        return []
    what = f"all rows have the value {train[0].label}"
    return [TaskError(what, where=place, hint="give rows of different values, or name another column as the label")]


def _class_faults(counts: Counter[str], place: str) -> list[BenchError]:
    faults: list[BenchError] = []
    if len(counts) == 1:
        what = f'there is a single class, "{next(iter(counts))}"'
        faults.append(TaskError(what, where=place, hint="give rows of at least two classes, or name another column as the label"))
    lone = sorted(label for label, number in counts.items() if number == 1)
    if lone and len(counts) > 1:
        what = f"{_classes(lone)} one row only"
        hint = "add rows, merge classes or remove them" + ("; is the label column right?" if len(lone) > len(counts) / 2 else "")
        faults.append(TaskError(what, where=place, hint=hint))
    return faults


def find_doubts(rows: Rows, division: Split, *, drawn: bool) -> Iterator[Doubt]:
    """Say what makes figures less trustworthy; `drawn` tells that bench drew the test rows itself."""
    if rows.classes and not are_choices(rows.inputs):
        yield from _size_doubts(Counter(_numbers(rows, division.rest)), rows)
    digests = [ident.partition("-")[0] for ident in rows.ids]
    learned = {digests[position] for position in division.rest}
    copies = sum(digests[position] in learned for position in division.test)
    if copies:
        what = f"{copies} of {len(division.test)} test rows have the same content as a training row, which flatters every candidate"
        yield Doubt("leakage", what, "take these rows out of either file", copies / len(division.test))
    yield from _label_doubts(digests, rows)
    if rows.groups:
        shared = {rows.groups[position] for position in division.rest} & {rows.groups[position] for position in division.test}
        if shared:
            what = f"{len(shared)} groups stand in both training and test rows"
            yield Doubt("groups", what, "leave `data.test` out, and bench divides by group; or divide the files by group")
    untested = sorted(set(_numbers(rows, range(len(rows)))) - set(_numbers(rows, division.test)))
    if untested:
        reason = "too few rows or groups to set some aside" if drawn else "the test file has none"
        what = f"no test rows for {_names([rows.classes[label] for label in untested])}: {reason}"
        yield Doubt("classes", what, "add rows of these classes")


def _test_faults(test: Sequence[Row], counts: Counter[str], place: str) -> list[BenchError]:
    if not test:
        return [TaskError("no test row has both content and label", where=place, hint="leave data.test out, or fill the rows in")]
    strange = sorted({name for row in test for name in _names_of(row)} - set(counts))
    if not strange:
        return []
    what = f"the test rows have labels that training lacks: {_names(strange)}"
    return [TaskError(what, where=place, hint="add training rows of these classes, or remove the test rows; check the spelling")]


def _numbers(rows: Rows, where: Sequence[int]) -> Iterator[int]:
    """Yield the classes of rows by their numbers, each as often as it occurs; of values and options there are none.

    Of sentences they are the types of entities that each has.
    """
    for position in where if rows.classes and not are_choices(rows.inputs) else ():
        label = rows.labels[position]
        if rows.target == "tags":
            label = tuple({type_of(tag) for tag in label if tag})  # type: ignore[union-attr]
        yield from label if isinstance(label, tuple) else (int(label),)


def _size_doubts(counts: Counter[int], rows: Rows) -> Iterator[Doubt]:
    classes, one = rows.classes, _ONE.get(rows.target, "label")
    small = [classes[label] for label in sorted(counts) if counts[label] < FEW]
    if small:
        many = {"class": "classes", "type of entity": "types of entities"}.get(one, "labels")
        what = f"fewer than {FEW} rows to learn from in {len(small)} of {len(counts)} {many}: {_names(small)}"
        yield Doubt("classes", what, f"add rows of these {many}, or merge them with others")
    if one != "class":
        return
    largest, smallest = max(counts, key=lambda label: counts[label]), min(counts, key=lambda label: counts[label])
    if counts[largest] > IMBALANCE * counts[smallest]:
        sizes = f'"{classes[largest]}" {counts[largest]} rows, "{classes[smallest]}" {counts[smallest]}'
        yield Doubt("classes", f"the classes are very unequal: {sizes}", "choose macro_f1 or balanced_accuracy, or add rows")


def _label_doubts(digests: Sequence[str], rows: Rows) -> Iterator[Doubt]:
    labels: dict[str, set[Label]] = defaultdict(set)
    for digest, label in zip(digests, rows.labels, strict=True):
        labels[digest].add(label)
    torn = sum(len(found) > 1 for found in labels.values())
    if torn:
        hint = "settle which label is right; no candidate can be right on both"
        yield Doubt("labels", f"{torn} contents occur with different labels", hint, torn / len(labels))


def _classes(names: Sequence[str]) -> str:
    return f"class {_names(names)} has" if len(names) == 1 else f"{len(names)} classes have ({_names(names)})"


def _names(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names[:_SHOWN]) + ("" if len(names) <= _SHOWN else f" and {len(names) - _SHOWN} more")
