"""Sentences without tags, to be answered by a tagger: words as they are given, or texts, whose words are told as in training."""

from __future__ import annotations

import re
from pathlib import Path

from harness.core.data import Sentence
from harness.errors import TaskError, suggest
from harness.load import conll
from harness.load.budget import Budget
from harness.load.characters import mend
from harness.load.new_rows import NewRows
from harness.load.place import show
from harness.load.sentences import TEXTS
from harness.load.spans import find_words
from harness.load.table import Table, kind_of
from harness.load.table_file import read_table


def read_new_sentences(path: Path, column: str, usual: str = "", *, parted: bool = False) -> NewRows:
    """Read sentences to answer; `column` is the one that the user names, `usual` that of the task.

    Words of a text are what blanks part if `parted`, else they are cut by letters and signs.

    Where words lie in the text is kept for cells that hold a text; a cell without a word is empty.

    Raises:
        TaskError: the file cannot be read, the column cannot be told, or a cell holds something else.
    """
    if not path.is_file():
        raise TaskError(f"there is no file {show(path)}", where=show(path.parent), hint="name a file of sentences")
    table = conll.read_conll(path, Budget()) if path.suffix.lower() in conll.SUFFIXES else read_table(path, (column, usual, *TEXTS))
    chosen = _choose(table, column, usual)
    where, inputs, spans = [], [], []
    for index, cell in enumerate(table.columns[chosen]):
        words, places = _cut(cell, table.place(index), parted=parted)
        if any(words):
            where.append(index)
            inputs.append(Sentence(mend(word) for word in words))
            spans.append(places)
    return NewRows(table, chosen, tuple(where), tuple(inputs), tuple(spans))


def _choose(table: Table, column: str, usual: str) -> str:
    if column and column not in table.columns:
        raise TaskError(f'there is no column "{column}"', where=f"{table.origin}, --column", hint=suggest(column, table.columns))
    if column or usual in table.columns:
        return column or usual
    if table.label:
        return "1"
    free = {name.lower().replace(" ", "_"): name for name in table.columns}
    found = next((free[name] for name in TEXTS if name in free), "") or (next(iter(free.values())) if len(free) == 1 else "")
    if not found:
        names = ", ".join(f'"{name}"' for name in tuple(table.columns)[:12])
        raise TaskError(
            "no column can be told to be the words or text", where=table.origin, hint=f"name it with --column (columns: {names})"
        )
    return found


def _cut(cell: object, place: str, *, parted: bool) -> tuple[list[str], tuple[tuple[int, int], ...]]:
    """Return the words of a cell, and where they lie in it if it is a text."""
    if cell is None:
        return [], ()
    if isinstance(cell, str):
        text = mend(cell)
        places = tuple([found.span() for found in re.finditer(r"\S+", text)] if parted else find_words(text))
        return [text[start:end] for start, end in places], places
    if isinstance(cell, list | tuple) and all(isinstance(one, str | int | float) for one in cell):
        return [str(one) for one in cell], ()
    raise TaskError(f"the words are {kind_of(cell)}", where=place, hint="give a text or a list of words")
