"""What a table is about: the kind of task, and which columns count, for somebody who has stated neither."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.core.entities import OUTSIDE
from harness.core.kinds import KINDS, Kind, Target
from harness.core.task import Data, Task
from harness.errors import BenchError, TaskError, suggest
from harness.load.captions import choose_caption_columns
from harness.load.cells import Cells, read_cells
from harness.load.choices import choose_question_columns, find_options
from harness.load.columns import SEARCH, WRITTEN, choose_columns, choose_usual, find_usual
from harness.load.picture import is_picture
from harness.load.sentences import TagColumns, choose_tag_columns, read_sentences
from harness.load.table import Table

_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Named:
    """What the user names: the kind, the column or the two columns that are read, and that of what is told."""

    kind: Kind | None = None
    text: tuple[str, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class Guess:
    """A kind, the keys of `data` that name columns, and whether a row has several labels."""

    kind: Kind
    data: Mapping[str, Any] = field(default_factory=dict)
    multi_label: bool = False


def guess(table: Table, named: Named) -> Guess:
    """Settle the kind of a table and its columns: as named, else by the names of columns, else by the values.

    Raises:
        TaskError: two readings are about as likely, or there is none; the hint names the option that decides.
    """
    for name in (*named.text, *filter(None, [named.label])):
        if name not in table.columns:
            place = f"{'--label' if name == named.label else '--text'}; {table.origin}"
            raise TaskError(f'there is no column "{name}"', where=place, hint=suggest(name, table.columns))
    kind = named.kind or _find_kind(table, named)
    if kind in _SETTLERS:
        return Guess(kind, _SETTLERS[kind](table, named))
    return _settle_rows(table, named, kind)


def _find_kind(table: Table, named: Named) -> Kind | None:
    """Return a kind that columns show plainly; None where what the label holds decides.

    Raises:
        TaskError: several kinds fit, or none.
    """
    if table.picture:
        return "image-classification"
    if _has_tags(table, named):
        return "token-classification"
    answers = find_usual("answer", table, find_options(table))
    if find_options(table) and answers and (not named.label or named.label in answers):
        return "multiple-choice"
    pictures = _pictures(table)
    taken = {*named.text, *pictures}
    labels = [named.label] if named.label else _find_labels(table, taken)
    if pictures:
        captions = [name for name in find_usual("caption", table, {*taken, *labels}) if _cells(table, name).told == "nothing"]
        if captions and labels:
            raise _doubtful(table, ("text-classification", "image-classification", "image-text-retrieval"))
        return "image-text-retrieval" if captions else "image-classification"
    others = () if named.text or named.label or _find_pair(table) else _find_answers(table, set(labels))
    if others and labels:
        raise _doubtful(table, ("text-classification", *others))
    if len(others) > 1:
        raise _doubtful(table, others)
    return others[0] if others else None


def _find_answers(table: Table, labels: set[str]) -> tuple[Kind, ...]:
    """Return the kinds that are of two columns of texts and fit these by their names: searching, writing, or both."""
    free = {
        name.lower().replace(" ", "_") for name in table.columns if name not in labels and _cells(table, name).told == "nothing"
    }
    fits: dict[Kind, Mapping[str, Sequence[str]]] = {"retrieval": SEARCH, "generation": WRITTEN}
    return tuple(kind for kind, usual in fits.items() if all(free & set(names) for names in usual.values()))


def _settle_rows(table: Table, named: Named, kind: Kind | None) -> Guess:
    """Settle the columns of rows of which a class, labels or a number is told, and thereby the kind."""
    pair: tuple[str, ...] = named.text if len(named.text) == 2 else ()
    if not named.text and (kind is None or KINDS[kind].modality == "text"):
        pair = _find_pair(table)
    texts = pair or named.text
    label = _settle_label(table, named, {*texts, *_pictures(table)}, kind)
    kind = kind or _kind_of(table, label, is_pair=bool(pair))
    if table.picture:
        return Guess(kind)
    content = "text" if KINDS[kind].modality == "text" else "image"
    given = {content: texts[0] if texts else None, "text_pair": texts[1] if pair else None, "label": label}
    several = _has_several(table, label, kind)
    columns = choose_columns(table, _task(kind, given, several=several), lenient=False)
    keys = {content: columns.content, "text_pair": columns.pair, "label": columns.label}
    several = several or _has_several(table, columns.label, kind)
    separator = _cells(table, columns.label).separator
    keys |= {"separator": separator} if several and separator not in {"", "|"} else {}
    return Guess(kind, {key: name for key, name in keys.items() if name}, several)


def _settle_label(table: Table, named: Named, taken: set[str], kind: Kind | None) -> str:
    """Return the column of the label, nothing where none is sure and the kind is known without it.

    Raises:
        TaskError: there are several, or none that would tell the kind.
    """
    target = KINDS[kind].target if kind else None
    labels = [named.label] if named.label else _find_labels(table, taken, target)
    if len(labels) > 1:
        what = "which column is the label is ambiguous: " + " or ".join(f'"{name}"' for name in labels)
        hint = "name it: " + " or ".join(f"--label {shlex.quote(name)}" for name in labels)
        raise TaskError(what, where=table.origin, hint=hint)
    if not labels and kind is None:
        raise _untold(table)
    return labels[0] if labels else table.label


def _has_several(table: Table, label: str, kind: Kind) -> bool:
    """Tell whether rows have several classes each."""
    if not label or KINDS[kind].target != "class":
        return False
    return _cells(table, label).told == "labels" or any(isinstance(cell, list) for cell in table.columns[label])


# What the cells of a label may hold, and by which names such columns are known, the surest first.
_FITTING: dict[Target | None, tuple[set[str], tuple[str, ...]]] = {
    None: ({"class", "labels", "number", "either"}, ("label", "labels", "number")),
    "class": ({"class", "labels", "either"}, ("label", "labels", "number")),
    "number": ({"number", "either"}, ("number", "label")),
}


def _kind_of(table: Table, label: str, *, is_pair: bool) -> Kind:
    """Return the kind of texts whose label holds something.

    Raises:
        TaskError: it holds whole numbers that may be classes, or texts that are all different.
    """
    cells = _cells(table, label)
    if cells.told in {"class", "labels"}:
        return "text-classification"
    if cells.told == "number":
        return "text-similarity" if is_pair else "text-regression"
    if cells.told == "nothing":
        what = f'the column "{label}" holds neither classes nor numbers'
        raise TaskError(what, where=table.origin, hint="name another one with --label, or the kind with --kind: " + _list(_OF_TEXT))
    number: Kind = "text-similarity" if is_pair else "text-regression"
    what = f'the column "{label}" holds whole numbers, which may be classes or amounts'
    raise TaskError(what, where=table.origin, hint=f"say which: --kind text-classification, or --kind {number}")


def _find_labels(table: Table, taken: set[str], target: Target | None = None) -> list[str]:
    """Return the columns that may be the label: those with a usual name for one, else those with values like classes or numbers."""
    fitting, parts = _FITTING[target]
    told = {name: what for name in table.columns if name not in taken and (what := _cells(table, name).told) in fitting}
    for part in parts:
        found = find_usual(part, table, table.columns.keys() - told.keys())
        if found:
            return list(found)
    classes = [name for name, what in told.items() if what in {"class", "labels"}]
    return classes or [name for name, what in told.items() if what == "number"]


def _find_pair(table: Table) -> tuple[str, ...]:
    first, second = find_usual("first", table), find_usual("text_pair", table)
    return (*first, *second) if len(first) == len(second) == 1 else ()


def _pictures(table: Table) -> list[str]:
    """Return the columns of pictures; addresses of pictures on the web are none, for nothing is fetched."""
    columns = ((name, [one for one in column[:_LOOKED_AT] if one is not None]) for name, column in table.columns.items())
    return [name for name, cells in columns if cells and all(is_picture(one) and "://" not in str(one)[:10] for one in cells)]


def _has_tags(table: Table, named: Named) -> bool:
    """Tell whether the first rows are words with as many tags, or texts with spans."""
    head = replace(
        table, columns={name: column[:_LOOKED_AT] for name, column in table.columns.items()}, lines=table.lines[:_LOOKED_AT]
    )
    try:
        columns = _tag_columns(head, named)
        rows = read_sentences(head, columns, [])
    except BenchError:
        return False
    return bool(table.label) or (
        any(len(row.words) > 1 for row in rows) and any(tag != OUTSIDE for row in rows for tag in row.tags)
    )


def _cells(table: Table, name: str) -> Cells:
    return read_cells(name, table.columns[name])


def _task(kind: Kind, data: Mapping[str, Any], *, several: bool = False) -> Task:
    return Task(name="new", kind=kind, multi_label=several, data=Data(train="rows", **{k: v for k, v in data.items() if v}))


def _first(named: Named) -> str | None:
    return named.text[0] if named.text else None


def _tag_columns(table: Table, named: Named) -> TagColumns:
    given = {"text": _first(named), "label": named.label}
    return choose_tag_columns(table, _task("token-classification", given), lenient=False)


def _settle_tags(table: Table, named: Named) -> dict[str, Any]:
    """Return the columns of words and of tags; those of CoNLL need no names, unless they were given."""
    columns = _tag_columns(table, named)
    if table.label and not named.text and not named.label:
        return {}
    return {"text": columns.content, "label": columns.label}


def _settle_options(table: Table, named: Named) -> dict[str, Any]:
    task = _task("multiple-choice", {"text": _first(named), "label": named.label})
    columns, options = choose_question_columns(table, task, lenient=False)
    return {"text": columns.content, "options": options, "label": columns.label}


def _settle_captions(table: Table, named: Named) -> dict[str, Any]:
    task = _task("image-text-retrieval", {"image": _first(named), "text": named.label})
    columns = choose_caption_columns(table, task, lenient=False)
    return {"image": columns.content, "text": columns.label}


def _settle_search(table: Table, named: Named) -> dict[str, Any]:
    document, _ = choose_usual("document", SEARCH, table, named.label, lenient=False, taken=_first(named) or "")
    query, _ = choose_usual("query", SEARCH, table, _first(named), lenient=False, taken=document)
    return {"query": query, "document": document}


def _settle_writing(table: Table, named: Named) -> dict[str, Any]:
    reference, _ = choose_usual("reference", WRITTEN, table, named.label, lenient=False, taken=_first(named) or "")
    prompt, _ = choose_usual("prompt", WRITTEN, table, _first(named), lenient=False, taken=reference)
    return {"prompt": prompt, "reference": reference}


_SETTLERS = {
    "token-classification": _settle_tags,
    "multiple-choice": _settle_options,
    "image-text-retrieval": _settle_captions,
    "retrieval": _settle_search,
    "generation": _settle_writing,
}
_OF_TEXT = tuple(kind for kind, facts in KINDS.items() if facts.modality == "text")


def _list(kinds: Sequence[str]) -> str:
    """Write kinds as alternatives."""
    return f"{', '.join(kinds[:-1])} or {kinds[-1]}"


def _doubtful(table: Table, kinds: Sequence[Kind]) -> TaskError:
    columns = ", ".join(f'"{name}"' for name in table.columns)
    return TaskError(
        f"the columns fit several kinds of tasks: {columns}", where=table.origin, hint=f"say which: --kind {_list(kinds)}"
    )


def _untold(table: Table) -> TaskError:
    columns = ", ".join(f'"{name}"' for name in (*table.columns, *table.nested))
    hint = f"name the column of the label with --label, or the kind with --kind: {_list(_OF_TEXT)} (columns: {columns})"
    return TaskError("the kind of task cannot be told from the columns", where=table.origin, hint=hint)
