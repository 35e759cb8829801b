"""Rows as they lie in a source, before anybody knows which column means what."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value that did not leave the process of the user's function: what it is, in words, and its text, if that is short."""

    kind: str
    text: str = ""

    def __str__(self) -> str:
        """Return the text that the value itself would have given."""
        return self.text

    def __sizeof__(self) -> int:
        """Return the bytes that it takes, those of its text too."""
        return object.__sizeof__(self) + sys.getsizeof(self.text)


def kind_of(value: object) -> str:
    """Return what to call a value that is of no use.

    >>> kind_of(3), kind_of(Opaque("Decimal", "0.5"))
    ('int', 'Decimal')
    """
    return value.kind if isinstance(value, Opaque) else type(value).__name__


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length.

    `lines` numbers each row as the user would (`unit` says what is counted). `base` is the folder that paths in cells are relative
    to, and `fence` the one that they may not leave, if any. `picture` and `label` name columns whose meaning the source itself
    settles, as an image folder does; `nested` names columns that were not read because their cells hold lists.
    """

    origin: str
    columns: dict[str, list[object]]
    lines: Sequence[int]
    base: Path
    fence: Path | None = None
    unit: str = "row"
    picture: str = ""
    label: str = ""
    notes: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.lines)

    def place(self, index: int) -> str:
        """Name the place of a row."""
        return f"{self.origin}, {self.unit} {self.lines[index]}"


@dataclass(frozen=True, slots=True)
class Source:
    """What a task's data turned out to be: training rows, perhaps test rows, and a name for the report."""

    name: str
    train: Table
    test: Table | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
