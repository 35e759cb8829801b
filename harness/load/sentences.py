"""From table cells to sentences of tagged words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.core.data import Sentence
from harness.core.task import Task
from harness.errors import BenchError, TaskError, raise_all, suggest
from harness.load.characters import is_missing, mend
from harness.load.conll import DOCUMENT
from harness.load.rows import MOST_DROPPED
from harness.load.spans import FORM, SpanError, cut
from harness.load.table import Table, kind_of
from harness.load.tag_schemes import is_tag

# The usual names of columns, the surest first.
TEXTS = ("tokens", "words", "token", "text", "sentence", "message", "content", "data")
_TAGS = ("ner_tags", "tags", "entities", "spans", "labels", "label", "ner", "annotations")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class TagColumns:
    """The columns of words or texts, of tags or spans, and of groups, which may be none; and how that was settled."""

    content: str
    label: str
    group: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tagged:
    """A sentence and its words' tags in whatever scheme; `group` is empty where the task knows none.

    `form` says how words came of a text: parted at blanks, or cut by its letters and signs; it is empty where they were given.
    """

    words: Sentence
    tags: list[str]
    group: str = ""
    form: Literal["", "parted", "cut"] = ""

    @property
    def digest(self) -> str:
        """Return what the words are told by."""
        return hashlib.sha256(json.dumps(self.words).encode()).hexdigest()[:16]


@dataclass(slots=True)
class _Faults:
    """What is wrong with single rows, of each kind the first."""

    table: Table
    found: list[BenchError] = field(default_factory=list)

    def add(self, index: int, what: str, hint: str) -> None:
        self.found.append(TaskError(what, where=self.table.place(index), hint=hint))


def choose_tag_columns(table: Table, task: Task, *, lenient: bool) -> TagColumns:
    """Settle what each column means: as the task says, else by the names; a file of CoNLL has words first and tags last.

    With `lenient`, a column that the task names and the table lacks is inferred too.

    Raises:
        TaskError: a named column is missing, or one cannot be told; all at once.
    """
    faults: list[BenchError] = []
    named = {key: getattr(task.data, key) or "" for key in ("text", "label", "group")}
    for key, name in named.items():
        if name and name not in table.columns:
            if not lenient:
                place = f"{table.origin}, key data.{key}"
                what = f'there is no column "{name}"' if name not in table.nested else f'the column "{name}" holds lists'
                faults.append(TaskError(what, where=place, hint=suggest(name, table.columns)))
            named[key] = ""
    raise_all(faults)
    usual = {"text": ("1",), "label": (table.label,)} if table.label else {"text": TEXTS, "label": _TAGS}
    notes = []
    for key, names in usual.items():
        if not named[key]:
            taken = {named["text"], named["label"]} - {""}
            named[key] = _find(table, names, taken)
            if not named[key]:
                faults.append(_untold(key, table))
            notes += [] if table.label else [f"{key}={named[key]}"]
    raise_all(faults)
    group = named["group"] or (DOCUMENT if table.label and DOCUMENT in table.columns else "")
    note = (f"columns inferred: {', '.join(notes)}",) if notes else ()
    return TagColumns(named["text"], named["label"], group, note)


def _find(table: Table, names: Sequence[str], taken: set[str]) -> str:
    """Return the first column of one of the names, nothing where there is none."""
    free = {name.lower().replace(" ", "_"): name for name in table.columns if name not in taken}
    return next((free[name] for name in names if name in free), "")


def _untold(key: str, table: Table) -> TaskError:
    which = "words or text" if key == "text" else "tags or spans"
    columns = ", ".join(f'"{name}"' for name in (*table.columns, *table.nested))
    hint = f"name it in task.yaml: data: {{{key}: …}} (columns: {columns})"
    return TaskError(f"no column can be told to be the {which}", where=table.origin, hint=hint)


def read_sentences(table: Table, columns: TagColumns, noticed: list[str]) -> list[Tagged]:
    """Return the sentences of a table in its order; what was left out or widened is added to `noticed`.

    A row has words and their tags, each a list or a text that is parted at blanks, or a text and spans of its characters.

    Raises:
        TaskError: for rows whose words and tags do not fit, spans that cannot be brought to words, or too many rows without either.
    """
    for name in (columns.content, columns.label):
        if name not in table.columns:
            raise TaskError(f'there is no column "{name}"', where=table.origin, hint=suggest(name, table.columns))
    faults = _Faults(table)
    rows: list[Tagged] = []
    empty, widened = 0, []
    groups = table.columns.get(columns.group)
    for index, (content, label) in enumerate(zip(table.columns[columns.content], table.columns[columns.label], strict=True)):
        if is_missing(content) or label is None or (isinstance(content, list | tuple) and not content):
            empty += 1
            continue
        found = _read_row(content, label, index, faults)
        if len(faults.found) >= _SHOWN:
            break
        if found is not None:
            words, tags, is_widened = found
            widened += [index] if is_widened else []
            group = "" if groups is None or is_missing(groups[index]) else mend(str(groups[index]))
            rows.append(Tagged(Sentence(mend(word) for word in words), tags, group, _form(content, label)))
    raise_all(faults.found)
    _tell_dropped(empty, table, columns, noticed)
    if widened:
        what = f"{len(widened)} rows have spans that begin or end within a word; these are widened to whole words"
        noticed.append(f"{table.origin}: {what} (first: {table.unit} {table.lines[widened[0]]})")
    return rows


def _read_row(content: object, label: object, index: int, faults: _Faults) -> tuple[list[str], list[str], bool] | None:
    """Return words, tags, and whether a span was widened; nothing where the row is at fault."""
    if isinstance(content, str) and _are_spans(label):
        try:
            found = cut(mend(content), label)
        except SpanError as error:
            faults.add(index, str(error), FORM)
            return None
        return (found.words, found.tags, found.widened > 0) if found.words else None
    words, tags = _texts(content), _texts(label)
    if words is None or tags is None:
        which, cell = ("words", content) if words is None else ("tags", label)
        hint = "give a list of words and a list as long of tags such as B-place, or a text and spans of its characters"
        faults.add(index, f"the {which} are {_describe(cell)}", hint)
        return None
    if len(words) != len(tags):
        faults.add(index, f"there are {len(words)} words and {len(tags)} tags", "give every word one tag")
        return None
    strange = next((tag for tag in tags if not is_tag(tag)), None)
    if strange is not None:
        what = f'"{strange[:40]}" is no tag: it is neither O nor a letter and a type, as in B-place and I-place'
        hint = "write tags in IOB2, IOB1, BIOES or BILOU; numbers need their names" if strange.isdecimal() else "correct the tag"
        faults.add(index, what, hint)
        return None
    return words, tags, False


def _form(content: object, label: object) -> Literal["", "parted", "cut"]:
    if not isinstance(content, str):
        return ""
    return "cut" if _are_spans(label) else "parted"


def _are_spans(label: object) -> bool:
    return isinstance(label, list | tuple) and not (label and all(isinstance(one, str | int) for one in label))


def _texts(cell: object) -> list[str] | None:
    """Return a cell's texts: the members of a list, or what blanks part; nothing where it holds something else."""
    if isinstance(cell, str):
        return cell.split()
    if isinstance(cell, list | tuple) and all(isinstance(one, str | int | float) for one in cell):
        return [str(one).strip() for one in cell]
    return None


def _describe(cell: object) -> str:
    return "a list of other things than texts" if isinstance(cell, list | tuple) else kind_of(cell)


def _tell_dropped(empty: int, table: Table, columns: TagColumns, noticed: list[str]) -> None:
    if not empty:
        return
    what = f"{empty} of {len(table)} rows lack {columns.content} or {columns.label}"
    if empty > MOST_DROPPED * len(table):
        raise TaskError(what, where=table.origin, hint="name other columns, or fill the rows in")
    noticed.append(f"{table.origin}: {what}; they are left out")
