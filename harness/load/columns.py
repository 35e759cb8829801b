"""Which column is the text or picture, which the label, which the group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.core.kinds import Target
from harness.core.task import Task
from harness.errors import BenchError, TaskError, raise_all, suggest
from harness.load.characters import is_missing
from harness.load.picture import is_picture
from harness.load.table import Table

# In order of preference: the first tier that one column alone belongs to settles it.
_TIERS: dict[str, tuple[str, ...]] = {
    "first": ("sentence1 text1 sentence_1 text_1 sentence_a text_a question1 s1 premise",),
    "text_pair": ("sentence2 text2 sentence_2 text_2 sentence_b text_b question2 s2 hypothesis",),
    "text": ("text", "message sentence utterance review content abstract question query document body comment tweet input"),
    "image": ("image", "img picture photo path file filename file_name image_path"),
    "label": ("label_text label_name", "label", "category intent class target sentiment topic labels y class_name tag"),
    "labels": ("label_names", "labels", "label", "tags categories intents topics classes targets"),
    "question": ("question query prompt", "text context ctx stem goal sentence premise input sent1"),
    "answer": ("answer", "label answerkey answer_key correct correct_answer answer_idx answer_index", "gold target solution y"),
    "caption": ("captions caption", "texts sentences raw text sentence description"),
    "number": ("score similarity rating value target", "label y stars grade price"),
}
_LABEL: dict[Target, str] = {"class": "label", "labels": "labels", "number": "number"}
# The usual names of the two columns of retrieval, the surest first.
SEARCH = {
    "query": ("query", "question", "anchor", "search", "message", "history", "title"),
    "document": ("document", "answer", "positive", "passage", "response", "reply", "item", "product"),
}
# Those of generation.
WRITTEN = {
    "prompt": (
        "prompt",
        "question",
        "instruction",
        "input",
        "source",
        "document",
        "article",
        "dialogue",
        "message",
        "text",
        "query",
    ),
    "reference": ("reference", "references", "answer", "answers", "target", "targets", "output", "summary", "response", "reply"),
}
_SAMPLE = 2000


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that count, and how that was settled where the task does not say."""

    content: str
    label: str
    group: str = ""
    pair: str = ""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def known_names(task: Task) -> tuple[str, ...]:
    """Return the names that a header line is likely to hold."""
    usual = (name for tiers in _TIERS.values() for tier in tiers for name in tier.split())
    named = (
        getattr(task.data, key)
        for key in ("text", "text_pair", "image", "label", "query", "document", "prompt", "reference", "group")
    )
    others = {"retrieval": SEARCH, "generation": WRITTEN}.get(task.kind, {})
    searched = (name for names in others.values() for name in names)
    return (*(name for name in named if name), *searched, *usual)


def choose_columns(table: Table, task: Task, *, lenient: bool) -> Columns:
    """Settle what each column means: as the task says, else by the names, else by the values.

    With `lenient`, a column that the task names and the table lacks is inferred too, for data that replaces the task's own.

    Raises:
        TaskError: when a named column is missing or an unnamed one cannot be told; all at once.
    """
    faults: list[BenchError] = []
    part = "text" if task.modality == "text" else "image"
    named = task.data.text if part == "text" else task.data.image
    label = find_named("label", task.data.label or table.label, table, faults, lenient=lenient)
    content = find_named(part, named or table.picture, table, faults, lenient=lenient)
    group = find_named("group", task.data.group, table, faults, lenient=lenient)
    pair = find_named("text_pair", task.data.text_pair, table, faults, lenient=False)
    raise_all(faults)
    notes = []
    if task.kind == "text-similarity" and not content and not pair:
        content, pair = (infer_named(which, table, {label, group}, faults) for which in ("first", "text_pair"))
        notes += [f"text={content}", f"text_pair={pair}"]
    if not label:
        label = infer_named(_LABEL[task.target], table, {content, group, pair}, faults)
        notes.append(f"label={label}")
    if not content:
        content = infer_named(part, table, {label, group, pair}, faults)
        notes.insert(0, f"{part}={content}")
    raise_all(faults)
    note = (f"columns inferred: {', '.join(notes)}",) if notes else ()
    lost = (
        (f'there is no column "{task.data.group}" in {table.origin}, so rows are not grouped',)
        if task.data.group and not group
        else ()
    )
    return Columns(content, label, group, pair, note, lost)


def choose_usual(
    part: str, usual: Mapping[str, Sequence[str]], table: Table, named: str | None, *, lenient: bool, taken: str = ""
) -> tuple[str, bool]:
    """Return the column that the task names, else the first with a usual name, and whether it was inferred.

    Raises:
        TaskError: it is not there, or none can be told.
    """
    if named and (named in table.columns or not lenient):
        raise_all([] if named in table.columns else [_missing(named, table, key=f", key data.{part}")])
        return named, False
    free = {name.lower().replace(" ", "_"): name for name in table.columns if name != taken}
    found = next((free[name] for name in usual[part] if name in free), "")
    if not found:
        shown = ", ".join(f'"{name}"' for name in table.columns)
        hint = f"name it in task.yaml: data: {{{part}: …}} (columns: {shown})"
        raise TaskError(f"no column can be told to be the {part}", where=table.origin, hint=hint)
    return found, True


def infer_content(table: Table, part: str) -> tuple[str, ...]:
    """Return the columns that may hold the `text` or the `image`, by their names, else by their values; one is a sure answer."""
    return find_usual(part, table) or tuple(_BY_VALUES[part](table, list(table.columns)))


def find_usual(part: str, table: Table, taken: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the columns that may be meant by their names alone: those of the first tier that any belongs to."""
    free = {name.lower().replace(" ", "_"): name for name in table.columns if name not in taken}
    tiers = (tuple(free[name] for name in tier.split() if name in free) for tier in _TIERS[part])
    return next((found for found in tiers if found), ())


def is_usual(part: str, name: str) -> bool:
    """Tell whether a column's name is a usual one for a part of a row."""
    return any(name.lower().replace(" ", "_") in tier.split() for tier in _TIERS[part])


def check_columns(table: Table, columns: Columns) -> list[BenchError]:
    """Return a fault for every settled column that another table lacks."""
    wanted = (name for name in (columns.content, columns.pair, columns.label, columns.group) if name)
    return [_missing(name, table) for name in wanted if name not in table.columns]


def find_named(part: str, name: str | None, table: Table, faults: list[BenchError], *, lenient: bool) -> str:
    """Return a named column if the table has it; else an empty name, with a fault unless it may be inferred."""
    if not name or name in table.columns:
        return name or ""
    if not lenient:
        faults.append(_missing(name, table, key=f", key data.{part}"))
    return ""


def _missing(name: str, table: Table, key: str = "") -> TaskError:
    if name in table.nested:
        return TaskError(f'the column "{name}" holds lists or objects', where=table.origin + key, hint=suggest(name, table.columns))
    return TaskError(f'there is no column "{name}"', where=table.origin + key, hint=suggest(name, table.columns))


def infer_named(part: str, table: Table, taken: set[str], faults: list[BenchError]) -> str:
    """Return the column that must be meant, or note a fault and return an empty name."""
    found = find_usual(part, table, taken) or _BY_VALUES[part](table, [name for name in table.columns if name not in taken])
    if len(found) == 1:
        return found[0]
    faults.append(_ambiguous(part, found, table))
    return ""


def _ambiguous(part: str, found: Sequence[str], table: Table) -> TaskError:
    columns = ", ".join(f'"{name}"' for name in table.columns)
    key = {"first": "text", "labels": "label", "number": "label", "question": "text", "answer": "label", "caption": "text"}.get(
        part, part
    )
    what = f"which column is the {key} is ambiguous" if found else f"no column can be told to be the {key}"
    hint = f"name it in task.yaml: data: {{{key}: …}} (columns: {columns})"
    if found:
        what += ": " + " or ".join(f'"{name}"' for name in found)
    return TaskError(what, where=table.origin, hint=hint)


def _longest(table: Table, names: Sequence[str]) -> list[str]:
    """Return the columns of text that are about as long as the longest."""
    means = {name: _mean_length(table.columns[name]) for name in names}
    longest = max(means.values(), default=0)
    return [name for name, mean in means.items() if mean and mean >= 0.6 * longest]


def _mean_length(values: Sequence[object]) -> float:
    texts = [value for value in values[:_SAMPLE] if isinstance(value, str) and not _is_number(value)]
    return sum(map(len, texts)) / len(texts) if len(texts) * 2 > min(len(values), _SAMPLE) else 0


def _repeated(table: Table, names: Sequence[str]) -> list[str]:
    """Return the columns of short values that come back often, as classes do."""
    return [name for name in names if is_repeated(table.columns[name])]


def _numeric(table: Table, names: Sequence[str]) -> list[str]:
    """Return the columns that hold numbers of more than one value."""
    return [name for name in names if is_numeric(table.columns[name])]


def is_numeric(values: Sequence[object]) -> bool:
    """Tell whether a column holds numbers of more than one value."""
    known = [value for value in values[:_SAMPLE] if not is_missing(value)]
    are_numbers = all(isinstance(one, int | float) or (isinstance(one, str) and _is_number(one)) for one in known)
    return are_numbers and len({str(one) for one in known}) > 1


def _none(table: Table, names: Sequence[str]) -> list[str]:
    del table, names
    return []


def is_repeated(values: Sequence[object]) -> bool:
    """Tell whether a column holds short values that come back often, as classes do."""
    if not all(isinstance(value, str | int | None) for value in values):
        return False
    distinct = {str(value) for value in values if value is not None}
    return 2 <= len(distinct) <= len(values) / 2 and sum(map(len, distinct)) / len(distinct) <= 40


def _pictures(table: Table, names: Sequence[str]) -> list[str]:
    return [name for name in names if all(is_picture(value) for value in table.columns[name][:20])]


def _is_number(text: str) -> bool:
    return text.strip().replace(".", "", 1).lstrip("+-").isdigit()


_BY_VALUES = {
    "text": _longest,
    "image": _pictures,
    "label": _repeated,
    "labels": _repeated,
    "number": _numeric,
    "first": _none,
    "question": _longest,
    "answer": _none,
    "caption": _longest,
    "text_pair": _none,
}
