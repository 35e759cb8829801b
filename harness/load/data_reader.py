"""What runs in the process that calls a task's own function: it writes the rows, or why there are none, to a file."""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import BenchError, TaskError
from harness.load.budget import Budget, check_columns
from harness.load.foreign_process import end_with_parent
from harness.load.hand_over import write_error, write_tables
from harness.load.place import show
from harness.load.plugin import ForeignError, import_file, run_foreign
from harness.load.table import Table
from harness.load.table_file import from_rows

_FORM = 'return a dict of columns, a list of dicts, a pandas DataFrame, or {"train": …, "test": …} of these'


def main() -> None:
    """Call what the arguments name: the descriptor to write to, the seconds that it may take, its place, its file and its name."""
    descriptor, seconds, place, path, name = sys.argv[1:]
    out = int(descriptor)
    end_with_parent(out)
    # Where it is when it crashes, or when its time is over, stands at the end of the file.
    faulthandler.enable(out)
    faulthandler.dump_traceback_later(float(seconds), exit=True, file=out)
    try:
        # All of it: what the function returns may be code too, which runs while it is looked at.
        run_foreign(lambda: _answer(out, Path(path), name, place), Path(path))
    except ForeignError as error:
        told = error.__cause__ if isinstance(error.__cause__, BenchError) else error
        write_error(out, TaskError(told.what, where=told.where if isinstance(told, TaskError) else place, hint=told.hint))
    # Threads that it left behind must not keep the process.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _answer(out: int, path: Path, name: str, place: str) -> None:
    function = getattr(import_file(path), name, None)
    if not callable(function):
        msg = f'the file has no function "{name}"'
        raise TaskError(msg, where=show(path), hint=f"define `def {name}():` in it, or correct data.train")
    budget = Budget()
    tables = [_table(value, origin, path.parent, budget) for origin, value in _parts(run_foreign(function, path), place)]
    write_tables(out, tables, budget)


def _parts(value: object, place: str) -> Sequence[tuple[str, object]]:
    """Return the training rows, and the test rows if there are any, each with their place."""
    if isinstance(value, Mapping) and "train" in value and set(value) <= {"train", "test"}:
        return [(f"{place}, {part}", value[part]) for part in ("train", "test") if part in value]
    return [(place, value)]


def _table(value: Any, origin: str, base: Path, budget: Budget) -> Table:  # noqa: ANN401 - a user's function may return anything
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
    check_columns(len(table.columns), origin)
    budget.add_rows(len(table), origin)
    return table


def _list(column: Any, origin: str) -> list[object]:  # noqa: ANN401 - a user's function may return anything
    """Return a column as a list; a vector of numbers becomes plain ones, an array of pictures one array each."""
    if isinstance(column, str | bytes) or not hasattr(column, "__iter__"):
        msg = f"a column is {type(column).__name__}, not a list"
        raise TaskError(msg, where=origin, hint=_FORM)
    return list(column.tolist()) if getattr(column, "ndim", None) == 1 else list(column)


if __name__ == "__main__":
    main()
