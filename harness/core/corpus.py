"""What is searched: documents, and which of them are right for each query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# How far down a list of documents anything is counted.
DEPTH = 100


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents that all queries of a task are put to, and for each query, in the order of its rows, which of them are right.

    `documents` stand in an order that depends on their texts alone, and have the `keys` of the data. `grades` map positions of
    right documents to grades above 0.
    """

    keys: tuple[str, ...]
    documents: tuple[str, ...]
    grades: tuple[Mapping[int, float], ...]

    def of(self, rows: Sequence[int]) -> tuple[Mapping[int, float], ...]:
        """Return the grades of some of the queries."""
        return tuple(self.grades[row] for row in rows)
