"""What is right for a row, as its cell says it: a class, any number of labels, or a number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from harness.core.task import Task
from harness.errors import TaskError
from harness.load.characters import is_missing, mend
from harness.load.table import Table, kind_of

# A class's name, the names of all labels, or a value.
Right: TypeAlias = str | tuple[str, ...] | float


def read_labels(table: Table, column: str, task: Task) -> list[Right | None]:
    """Return what is right for each row, None where the cell does not say.

    Raises:
        TaskError: a cell holds something else than the kind of task asks for.
    """
    cells = table.columns[column]
    if task.target == "number":
        return [_number(value, table, index) for index, value in enumerate(cells)]
    if task.target == "labels":
        return [_labels(value, table, index, task.data.separator) for index, value in enumerate(cells)]
    return [_class(value, table, index) or None for index, value in enumerate(cells)]


def _class(value: object, table: Table, index: int) -> str:
    """Return the class name that a cell holds, empty where it holds none."""
    if is_missing(value):
        return ""
    if isinstance(value, str):
        return mend(value.strip())
    if isinstance(value, float) and not value.is_integer():
        msg = f"the label {value} is a fraction, not a class"
        raise TaskError(msg, where=table.place(index), hint="name another column as the label, or take the kind text-regression")
    if isinstance(value, bool | int | float):
        return str(value) if isinstance(value, bool) else str(int(value))
    several = isinstance(value, list | tuple)
    msg = f"the label is {kind_of(value)}, not one class"
    hint = "set `multi_label: true` if a row can have several" if several else "give each row one class, as text or a whole number"
    raise TaskError(msg, where=table.place(index), hint=hint)


def _labels(value: object, table: Table, index: int, separator: str) -> tuple[str, ...]:
    """Return the labels of a cell, each once, in order; an empty cell or list has none."""
    if isinstance(value, list | tuple):
        cells: Sequence[object] = value
    elif isinstance(value, str):
        cells = value.split(separator)
    else:
        cells = [value]
    return tuple(sorted({name for cell in cells if (name := _class(cell, table, index))}))


def _number(value: object, table: Table, index: int) -> float | None:
    """Return the number that a cell holds, None where it is empty."""
    if is_missing(value):
        return None
    try:
        found = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        found = math.nan
    if math.isfinite(found):
        return found
    msg = f'"{str(value)[:40]}" is not a number' if isinstance(value, str) else f"the value is {kind_of(value)}, not a number"
    raise TaskError(msg, where=table.place(index), hint="give each row a number, or name another column as the label")
