"""A task as it was read off rows, before anybody has agreed to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.core.task import Task


@dataclass(frozen=True, slots=True)
class Draft:
    """A task, why each of its keys is what it is, and what was noticed in the rows.

    `found` has a sentence for `kind`, `test` and `metric`. The paths in the task are relative to its folder; `copied` are the files
    and folders that are to be put there, by their paths in it. `codes` are classes that no words are known for.
    """

    task: Task
    found: Mapping[str, str]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    copied: Mapping[str, Path] = field(default_factory=dict)
