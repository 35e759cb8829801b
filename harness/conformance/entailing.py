"""Checks of a model that tells what follows from a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.conformance.agenda import EMBEDDING, looks
from harness.conformance.finding import Doubtful, try_unasked
from harness.conformance.messages import Ability
from harness.conformance.probes import Probes
from harness.core.data import Input
from harness.errors import CandidateError
from harness.models.capabilities import Entails
from harness.techniques.entailment import check_verdicts

# How far logits may differ when a pair comes in another batch, absolute and relative to their size.
FAR = 1e-3
_HYPOTHESES = ("This example is a parcel.", "This example is refund.", "It is a message about a card that was lost.")

Floats = NDArray[np.float32]
Looks = Mapping[str, Callable[[], str]]


@dataclass(frozen=True, slots=True)
class Entailing:
    """A loaded model and the texts to try it with; `seen` keeps the verdicts that it gave first."""

    model: Entails
    probes: Probes
    seen: list[Floats] = field(default_factory=list)

    @property
    def ability(self) -> Ability:
        """Name what is tried of the model."""
        return "entails"

    def ask(self, rows: Sequence[Input]) -> Floats:
        """Return checked verdicts `(rows × hypotheses, 2)`."""
        premises = [str(row) for row in rows for _ in _HYPOTHESES]
        return check_verdicts(self.model.entails(premises, list(_HYPOTHESES) * len(rows)), len(premises))

    def checks(self) -> Looks:
        """Return every check by its name; the first must be made before any other."""
        return looks(self, EMBEDDING)

    def _shape(self) -> str:
        found = self.ask(self.probes.mixed)
        self.seen.append(found)
        logits = found[:, 0].reshape(-1, len(_HYPOTHESES))
        if np.ptp(logits, axis=1).max() == 0:
            raise Doubtful("every hypothesis follows equally", hint="does it read the hypotheses? are the weights loaded?")
        if np.ptp(logits, axis=0).max() == 0:
            raise Doubtful("no verdict depends on its premise", hint="does it read the premises?")
        return "entails returns n × 2"

    def _determinism(self) -> str:
        if not np.array_equal(self.ask(self.probes.mixed), self.seen[0]):
            hint = "put the model into evaluation mode (no dropout), and seed whatever is drawn"
            raise CandidateError("the same pairs give other verdicts when they are asked for again", hint=hint)
        return "the same pairs give the same verdicts to the last digit"

    def _batch_size(self) -> str:
        alone = np.concatenate([self.ask([row]) for row in self.probes.mixed])
        return same_verdicts(alone, self.seen[0], "one by one and all at once", "let no pair see another: mask the padding")

    def _row_order(self) -> str:
        order = np.random.default_rng(1).permutation(len(self.probes.mixed))
        found = self.ask([self.probes.mixed[place] for place in order])
        expected = self.seen[0].reshape(len(order), len(_HYPOTHESES), 2)[order].reshape(-1, 2)
        return same_verdicts(found, expected, "in another order", "give row i of the result for premise i and hypothesis i")

    def _empty_input(self) -> str:
        self.ask(self.probes.hollow)
        try_unasked([("no pairs", lambda: self.ask(())), ("an empty premise", lambda: self.ask(("",)))])
        return "premises with nothing to read, and no pairs at all, are answered"

    def _huge_input(self) -> str:
        self.ask(self.probes.huge)
        return "a premise of 100,000 characters"

    def _unicode(self) -> str:
        self.ask(self.probes.strange)
        return "emoji, right-to-left, combining marks, NUL and other planes"


def same_verdicts(found: Floats, expected: Floats, when: str, hint: str) -> str:
    """Return how near verdicts are to those expected.

    Raises:
        CandidateError: one differs by more than a thousandth.
    """
    apart = np.abs(found - expected) / np.maximum(1, np.abs(expected))
    if apart.max() > FAR:
        rows = int((apart.max(1) > FAR).sum())
        what = f"{when}, {rows} of {len(found)} pairs get other verdicts (up to {apart.max():.1e} apart)"
        raise CandidateError(what, hint=hint)
    return f"{when}, verdicts are the same" + (f" to {apart.max():.0e}" if apart.any() else "")
