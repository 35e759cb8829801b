"""Rows of a task in memory, and how they are divided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from harness.core.wording import Wording


class Pair(NamedTuple):
    """Two texts that are judged together: a premise and a hypothesis, two questions."""

    first: str
    second: str


Input = str | bytes | Pair


def size_of(row: Input) -> int:
    """Return how long a row is: characters of its text or texts, or bytes.

    >>> size_of("abc"), size_of(Pair("abc", "de"))
    (3, 5)
    """
    return sum(map(len, row)) if isinstance(row, Pair) else len(row)


def are_pairs(rows: Sequence[object]) -> bool:
    """Tell whether rows are pairs of texts; a table holds rows of one kind."""
    return bool(rows) and isinstance(rows[0], Pair)


@dataclass(frozen=True, slots=True)
class Rows:
    """A table of `n` labelled rows.

    `inputs` are texts, pairs of texts, or for images a path (str) or an encoded picture (bytes). `labels` index into `classes`.
    `ids` are hashes of the content, unique within the table. `groups` are empty, or one key a row.
    """

    ids: tuple[str, ...]
    inputs: tuple[Input, ...]
    labels: tuple[int, ...]
    classes: tuple[str, ...]
    groups: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.ids)

    def take(self, where: Sequence[int]) -> Rows:
        """Return the rows at the given positions, in that order."""
        return Rows(
            ids=tuple(self.ids[i] for i in where),
            inputs=tuple(self.inputs[i] for i in where),
            labels=tuple(self.labels[i] for i in where),
            classes=self.classes,
            groups=tuple(self.groups[i] for i in where) if self.groups else (),
        )


@dataclass(frozen=True, slots=True)
class Split:
    """Positions of rows: what is learned from, what chooses, what confirms.

    `folds` divides the positions that choose; a row is predicted by a model that saw all of `learn` and every fold but its own. A
    plain hold-out is one fold beside a non-empty `learn`; cross-validation is five folds and an empty `learn`.
    """

    learn: tuple[int, ...]
    folds: tuple[tuple[int, ...], ...]
    test: tuple[int, ...]

    @property
    def choosing(self) -> tuple[int, ...]:
        """Return the validation positions in ascending order."""
        return tuple(sorted(i for fold in self.folds for i in fold))

    @property
    def rest(self) -> tuple[int, ...]:
        """Return every position that is not test, in ascending order."""
        return tuple(sorted((*self.learn, *self.choosing)))

    def training(self, fold: int) -> tuple[int, ...]:
        """Return the positions that the model which predicts this fold learns from, in ascending order."""
        others = (i for k, part in enumerate(self.folds) if k != fold for i in part)
        return tuple(sorted((*self.learn, *others)))


@dataclass(frozen=True, slots=True)
class Dataset:
    """A task's rows with their division, and what was noticed while reading them.

    `phrases` are sentences that say what each class is, in the order of the classes; empty where the classes have no words.
    `wording` is how texts and classes are put to a language model.
    """

    rows: Rows
    split: Split
    digest: str
    source: str
    phrases: tuple[tuple[str, ...], ...] = ()
    wording: Wording | None = None
    drawn_test: bool = True
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
