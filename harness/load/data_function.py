"""Rows that a function in the task's own `data.py` returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import TaskError
from harness.load.budget import Budget
from harness.load.place import show
from harness.load.plugin import ForeignError, import_file, run_foreign
from harness.load.table import Source, Table
from harness.load.table_file import from_rows

_FORM = 'return a dict of columns, a list of dicts, a pandas DataFrame, or {"train": …, "test": …} of these'


def call_function(path: Path, name: str, budget: Budget | None = None) -> Source:
    """Import the file, call the function without arguments, and read what it returns.

    Raises:
        TaskError: when the function is missing, raises, or returns something that is no table.
    """
    place = f"{show(path)}, function {name}"
    try:
        module = import_file(path)
        function = getattr(module, name, None)
        if not callable(function):
            msg = f'the file has no function "{name}"'
            raise TaskError(msg, where=show(path), hint=f"define `def {name}():` in it, or correct data.train")
        value = run_foreign(function, path)
    except ForeignError as error:
        raise TaskError(error.what, where=place, hint=error.hint) from error
    if isinstance(value, Mapping) and "train" in value and set(value) <= {"train", "test"}:
        test = _table(value["test"], f"{place}, test", path.parent, budget) if "test" in value else None
        return Source(place, _table(value["train"], f"{place}, train", path.parent, budget), test)
    return Source(place, _table(value, place, path.parent, budget))


def _table(value: Any, origin: str, base: Path, budget: Budget | None) -> Table:  # noqa: ANN401 - a user's function may return anything
    if hasattr(value, "columns") and hasattr(value, "to_dict"):
        value = {str(name): value[name].tolist() for name in value.columns}
    if isinstance(value, Mapping) and value:
        columns = {str(name): _list(column, f"{origin}, column {name}") for name, column in value.items()}
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
            msg = f"the columns differ in length: {shown}"
            raise TaskError(msg, where=origin, hint="return as many labels as inputs")
        table = Table(origin, columns, range(1, next(iter(lengths.values())) + 1), base)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes) and all(isinstance(row, Mapping) for row in value):
        table = from_rows(value, origin, base, budget)
    else:
        msg = f"the function returns {type(value).__name__}"
        raise TaskError(msg, where=origin, hint=_FORM)
    if not len(table):
        msg = "the function returns no rows"
        raise TaskError(msg, where=origin, hint=_FORM)
    budget = budget or Budget()
    budget.add_rows(len(table), origin)
    for name, column in table.columns.items():
        budget.add_values(column, f"{origin}, column {name}")
    return table


def _list(column: Any, origin: str) -> list[object]:  # noqa: ANN401 - a user's function may return anything
    """Return a column as a list; a vector of numbers becomes plain ones, an array of pictures one array each."""
    if isinstance(column, str | bytes) or not hasattr(column, "__iter__"):
        msg = f"a column is {type(column).__name__}, not a list"
        raise TaskError(msg, where=origin, hint=_FORM)
    return list(column.tolist()) if getattr(column, "ndim", None) == 1 else list(column)
