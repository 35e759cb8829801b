"""Rows for which texts are to be written: their columns, put into the template that the model learned with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.core.wording import Part
from harness.core.writing import columns_of, fill
from harness.errors import TaskError, raise_all, suggest
from harness.load.characters import is_missing, mend
from harness.load.new_rows import NewRows
from harness.load.place import show
from harness.load.table import Table, kind_of
from harness.load.table_file import read_table


def read_new_prompts(path: Path, column: str, template: Sequence[Part]) -> NewRows:
    """Read rows to write for; their inputs are the filled template, and a row that lacks one of its columns is empty.

    Columns have their names of training and are never inferred; `column` names the one of a template that has no other.

    Raises:
        TaskError: the file cannot be read or has no rows, a column is not there, or a cell holds no text.
    """
    if not path.is_file():
        raise TaskError(f"there is no file {show(path)}", where=show(path.parent), hint="name a file of rows")
    names = columns_of(template)
    if column and len(names) > 1:
        what = f"a prompt is made of {len(names)} columns: {', '.join(names)}"
        raise TaskError(what, where="--column", hint="leave it out, and call the columns of the rows so")
    given = {name: column or name for name in names}
    table = read_table(path, given.values())
    raise_all([_lacks(one, table, is_named=bool(column)) for one in given.values() if one not in table.columns])
    cells = {name: table.columns[one] for name, one in given.items()}
    where = tuple(index for index in range(len(table)) if not any(is_missing(one[index]) for one in cells.values()))
    texts = [{name: _text(given[name], table, index) for name in cells} for index in where]
    first, *others = given.values()
    return NewRows(table, first, where, tuple(fill(template, one) for one in texts), others=tuple(others))


def _lacks(name: str, table: Table, *, is_named: bool) -> TaskError:
    if name in table.nested:
        what = f'the column "{name}" holds lists or objects'
        return TaskError(what, where=table.origin, hint="give each row a text there")
    what = f'there is no column "{name}", of which prompts are made'
    return TaskError(what, where=f"{table.origin}{', --column' * is_named}", hint=suggest(name, table.columns))


def _text(name: str, table: Table, index: int) -> str:
    value = table.columns[name][index]
    if not isinstance(value, str | int | float):
        what = f'the column "{name}" holds {kind_of(value)} and no text'
        raise TaskError(what, where=table.place(index), hint="give each row a text there")
    return mend(str(value))
