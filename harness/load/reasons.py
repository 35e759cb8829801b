"""Why a drafted task is as it is, in words for its author."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.core.data import Dataset
from harness.core.kinds import KINDS, several
from harness.core.task import Task
from harness.load.table import Source, Table

_SHOWN = 8
_DRAWN = re.compile(r"^(test \w+): (\d+%) drawn(.*?)( with seed \d+)$")


def explain_task(task: Task, data: Dataset, *, has_kind: bool, has_metric: bool) -> dict[str, str]:
    """Say in a line each why kind, test rows and metric are what they are."""
    kind = f"as asked; {_describe(task, data)}" if has_kind else _describe(task, data)
    unit = several(KINDS[task.kind].row)
    drawn = next((found for note in data.notes if (found := _DRAWN.match(note))), None)
    part = task.data.test or "the data's own test part"
    test = (
        f"{drawn[2]} of the {unit} are set aside{drawn[3]}" if drawn else f"{part} is the test set, {len(data.split.test):,} {unit}"
    )
    metric = "as asked" if has_metric else "the usual one of this kind"
    return {"kind": kind, "test": test, "metric": metric}


def _describe(task: Task, data: Dataset) -> str:
    """Say what the rows are and what is told of them."""
    rows, keys = f"{len(data.rows):,} {several(KINDS[task.kind].row)}", task.data
    if data.corpus is not None:
        return f"{rows} and {len(data.corpus.documents):,} {'captions' if data.rows.target == 'captions' else 'documents'}"
    if data.writing is not None:
        return f'column "{keys.prompt}" is asked, column "{keys.reference}" has the text to be written, in {rows}'
    if data.rows.target == "tags":
        return f"words with {len(data.rows.classes)} types of entities, in {rows}"
    if task.kind == "multiple-choice":
        return f'column "{keys.label}" says which of the options ({", ".join(keys.options)}) is right, in {rows}'
    return f"{_describe_input(task)}{', ' if keys.label else ' '}{_describe_label(task, data)} in {rows}"


def _describe_input(task: Task) -> str:
    if task.modality == "image":
        return f'column "{task.data.image}" has pictures' if task.data.image else "pictures"
    if task.data.text_pair:
        return f'columns "{task.data.text}" and "{task.data.text_pair}" have pairs of texts'
    return f'column "{task.data.text}" has texts'


def _describe_label(task: Task, data: Dataset) -> str:
    number, label = len(data.rows.classes), f'column "{task.data.label}"'
    if not task.data.label:
        return f"in a folder for each of {number} classes,"
    if task.target == "number":
        values = [value for value in data.rows.labels if isinstance(value, float)]
        return f"{label} has numbers from {min(values):g} to {max(values):g}"
    if task.target == "labels":
        return f"{label} has {number} different labels, any number of them a row,"
    return f"{label} has {number} different values"


def list_notes(source: Source | None, task: Task, data: Dataset) -> Iterator[str]:
    """Yield what was noticed, without what the task says now, and which columns are not read."""
    told = source.notes if source else ()
    idle = _idle_columns(source.train, task) if source else []
    if idle:
        more = f" and {len(idle) - _SHOWN} more" if len(idle) > _SHOWN else ""
        yield "columns not read: " + ", ".join(f'"{name}"' for name in idle[:_SHOWN]) + more
    yield from (note for note in dict.fromkeys((*told, *data.notes)) if not _DRAWN.match(note) and "inferred" not in note)


def _idle_columns(table: Table, task: Task) -> list[str]:
    """Return the columns that the task does not name; of files whose columns have no names, none."""
    if table.label or table.picture:
        return []
    data = task.data
    used = {
        data.text,
        data.text_pair,
        data.image,
        data.label,
        data.query,
        data.document,
        data.prompt,
        data.reference,
        *data.options,
    }
    return [name for name in table.columns if name not in used]
