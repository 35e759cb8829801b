"""Rows as they lie in a source, before anybody knows which column means what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


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
