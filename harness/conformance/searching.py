"""Checks of a model that finds documents by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.conformance.agenda import EMBEDDING, looks
from harness.conformance.finding import Doubtful
from harness.conformance.messages import Ability
from harness.conformance.probes import Probes
from harness.core.data import Input
from harness.errors import CandidateError
from harness.execute.searching import check_found
from harness.models.capabilities import Searches

_COUNT = 10

Ints = NDArray[np.int64]
Looks = Mapping[str, Callable[[], str]]


@dataclass(frozen=True, slots=True)
class Searching:
    """A loaded model, and texts to try it with as documents and as queries; `seen` keeps what it found first."""

    model: Searches
    probes: Probes
    seen: list[Ints] = field(default_factory=list)

    @property
    def ability(self) -> Ability:
        """Name what is tried of the model."""
        return "search"

    @property
    def _documents(self) -> list[str]:
        return [str(row) for row in (*self.probes.lesson.rows, *self.probes.mixed)]

    def ask(self, rows: Sequence[Input]) -> Ints:
        """Index the documents anew and return the checked positions `(rows, …)` of those that are found."""
        self.model.index(self._documents)
        return self._search(rows)

    def checks(self) -> Looks:
        """Return every check by its name; the first must be made before any other."""
        return looks(self, EMBEDDING)

    def _search(self, rows: Sequence[Input]) -> Ints:
        found = check_found(self.model.search([str(row) for row in rows], _COUNT), len(rows), len(self._documents))
        if found.shape[1] > _COUNT:
            what = f"{found.shape[1]} documents are returned where {_COUNT} are asked for"
            raise CandidateError(what, hint="return the best `count` of them, -1 where fewer were found")
        return found

    def _shape(self) -> str:
        found = self.ask(self.probes.mixed)
        self.seen.append(found)
        if (found == found[0]).all():
            raise Doubtful("every query finds the same documents", hint="does it read the queries?")
        return f"search returns n × {found.shape[1]} positions"

    def _determinism(self) -> str:
        self.model.index(self._documents[::-1])
        hint = "let `index` begin anew each time, and seed whatever is drawn"
        return same(self.ask(self.probes.mixed), self.seen[0], "indexed again, after other documents", hint)

    def _batch_size(self) -> str:
        alone = np.concatenate([self._search([row]) for row in self.probes.mixed])
        return same(alone, self.seen[0], "one by one and all at once", "let what a query finds depend on that query alone")

    def _row_order(self) -> str:
        order = np.random.default_rng(1).permutation(len(self.probes.mixed))
        found = self._search([self.probes.mixed[place] for place in order])
        return same(found, self.seen[0][order], "in another order", "give row i of the result for query i")

    def _empty_input(self) -> str:
        self._search(self.probes.hollow)
        self._search([""])
        return "queries with nothing to read are answered"

    def _huge_input(self) -> str:
        self._search(self.probes.huge)
        return "a query of 100,000 characters"

    def _unicode(self) -> str:
        self._search(self.probes.strange)
        return "emoji, right-to-left, combining marks, NUL and other planes"


def same(found: Ints, expected: Ints, when: str, hint: str) -> str:
    """Say that what was found is what was expected.

    Raises:
        CandidateError: a query finds other documents.
    """
    if found.shape != expected.shape or not np.array_equal(found, expected):
        rows = int((found != expected).any(1).sum()) if found.shape == expected.shape else len(found)
        raise CandidateError(f"{when}, {rows} of {len(found)} queries find other documents", hint=hint)
    return f"{when}, the same documents are found"
