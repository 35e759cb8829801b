"""Rows without labels, to be answered by a model: a file of rows, or a folder of pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from harness.core.bounds import MAX_ROWS
from harness.core.data import Input, Pair
from harness.errors import TaskError, suggest
from harness.load.budget import Budget
from harness.load.characters import is_missing, mend
from harness.load.columns import infer_content
from harness.load.picture import SUFFIXES
from harness.load.place import show
from harness.load.rows import read_pictures, to_text
from harness.load.table import Table
from harness.load.table_file import read_table

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class NewRows:
    """A table as it was read, and the positions of its rows that hold something, with what they hold.

    Of sentences `spans` says where the words of each lie in its text; it is empty for one that was given as words. `others` are
    further columns that a row needs.
    """

    table: Table
    column: str
    where: tuple[int, ...]
    inputs: tuple[Input, ...]
    spans: tuple[tuple[tuple[int, int], ...], ...] = ()
    others: tuple[str, ...] = ()

    @property
    def named(self) -> str:
        """Return the column or columns as a sentence has them."""
        names = " and ".join(f'"{one}"' for one in (self.column, *self.others))
        return f"{'columns' if self.others else 'column'} {names}"


def read_new_rows(path: Path, part: str, column: str, usual: str = "", *, pair: str = "") -> NewRows:
    """Read rows to answer; `part` is `text` or `image`, `column` the one that the user names, `usual` the one of the task.

    `pair` is the task's column of second texts, which the file must have under that name; a row without either text is empty.

    Raises:
        TaskError: the file cannot be read, the column cannot be told, or a cell or picture is of the wrong kind.
    """
    if not path.exists():
        raise TaskError(f"there is no {show(path)}", where=show(path.parent), hint="correct the path")
    if path.is_dir():
        if part != "image":
            raise TaskError("a folder is given where the model reads texts", where=show(path), hint="name a file of rows")
        table = _read_folder(path)
    else:
        table = read_table(path, [name for name in (column, usual, pair, part) if name])
    chosen = _choose_first(table, column or usual, pair) if pair else _choose(table, part, column, usual)
    values = table.columns[chosen]
    parts = [values, table.columns[pair]] if pair else [values]
    where = tuple(index for index in range(len(values)) if not any(is_missing(one[index]) for one in parts))
    if part == "image":
        return NewRows(table, chosen, where, tuple(_pictures(table, values, where)))
    texts = [[mend(to_text(one[i], table, i)) for i in where] for one in parts]
    return NewRows(table, chosen, where, tuple(Pair(*both) for both in zip(*texts, strict=True)) if pair else tuple(texts[0]))


def _choose_first(table: Table, first: str, pair: str) -> str:
    """Return the column of first texts where both are named; neither is inferred, for one could be taken for the other."""
    for name, which in ((first, "first"), (pair, "second")):
        if name not in table.columns:
            what = f'there is no column "{name}" for the {which} text of each row'
            raise TaskError(what, where=table.origin, hint=suggest(name, table.columns))
    if first == pair:
        what = f'the column "{pair}" holds the second text of each row'
        raise TaskError(what, where=f"{table.origin}, --column", hint="name the column of the first")
    return first


def _choose(table: Table, part: str, column: str, usual: str) -> str:
    if column and column not in table.columns:
        raise TaskError(f'there is no column "{column}"', where=f"{table.origin}, --column", hint=suggest(column, table.columns))
    if column or table.picture:
        return column or table.picture
    if usual in table.columns:
        return usual
    found = infer_content(table, part)
    if len(found) == 1:
        return found[0]
    names = ", ".join(f'"{name}"' for name in (found or tuple(table.columns))[:12])
    what = f"which column is the {part} is ambiguous" if found else f"no column can be told to be the {part}"
    raise TaskError(what, where=table.origin, hint=f"name it with --column (columns: {names})")


def _pictures(table: Table, values: Sequence[object], where: Sequence[int]) -> list[Input]:
    read = read_pictures(table, [values[i] for i in where])
    broken = [(i, picture.problem) for i, picture in zip(where, read, strict=True) if picture.problem]
    if broken:
        shown = ", ".join(f"{table.unit} {table.lines[i]} ({problem})" for i, problem in broken[:_SHOWN])
        more = f" and {len(broken) - _SHOWN} more" if len(broken) > _SHOWN else ""
        what = f"{len(broken)} of {len(read)} pictures are broken"
        raise TaskError(what, where=f"{table.origin}: {shown}{more}", hint="mend or remove them")
    return [picture.content for picture in read]


def _read_folder(folder: Path) -> Table:
    """List the pictures of a folder at any depth, by their paths in it; links to folders are not followed."""
    found = (
        (Path(parent) / name).relative_to(folder)
        for parent, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(SUFFIXES) and name[0] not in "._"
    )
    names = sorted(str(path) for path in islice(found, MAX_ROWS + 1))
    Budget().add_rows(len(names), show(folder))
    if not names:
        raise TaskError("the folder holds no pictures", where=show(folder), hint=f"known: {', '.join(SUFFIXES)}")
    columns: dict[str, list[object]] = {"image": list(names)}
    return Table(show(folder), columns, range(1, len(names) + 1), folder, unit="picture", picture="image")
