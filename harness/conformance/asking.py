"""Checks of a model that tells how likely a text goes on."""

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
from harness.models.capabilities import LogLikelihood
from harness.techniques.asking import check_likelihoods

# How far log-probabilities may differ when a prompt comes in another batch, absolute and relative to their size.
FAR = 1e-3
_ANSWERS = (" yes", " no", " a parcel that was lost")

Floats = NDArray[np.float32]
Looks = Mapping[str, Callable[[], str]]


@dataclass(frozen=True, slots=True)
class Asking:
    """A loaded model and the texts to try it with; `seen` keeps the likelihoods that it gave first."""

    model: LogLikelihood
    probes: Probes
    seen: list[Floats] = field(default_factory=list)

    @property
    def ability(self) -> Ability:
        """Name what is tried of the model."""
        return "log_likelihood"

    def ask(self, rows: Sequence[Input]) -> Floats:
        """Return checked likelihoods `(rows × answers, 2)`."""
        return check_likelihoods(self._call(rows), len(rows) * len(_ANSWERS))

    def checks(self) -> Looks:
        """Return every check by its name; the first must be made before any other."""
        return looks(self, EMBEDDING)

    def _call(self, rows: Sequence[Input]) -> object:
        prompts = [str(row) for row in rows for _ in _ANSWERS]
        return self.model.log_likelihood(prompts, list(_ANSWERS) * len(rows))

    def _shape(self) -> str:
        found = self.ask(self.probes.mixed)
        self.seen.append(found)
        sums = found[:, 0].reshape(-1, len(_ANSWERS))
        if np.ptp(sums, axis=1).max() == 0:
            raise Doubtful("every answer is equally likely", hint="does it read the continuations? are the weights loaded?")
        if np.ptp(sums, axis=0).max() == 0:
            raise Doubtful("no answer depends on its prompt", hint="does it read the prompts?")
        return "log_likelihood returns n × 2"

    def _determinism(self) -> str:
        if not np.array_equal(self.ask(self.probes.mixed), self.seen[0]):
            hint = "put the model into evaluation mode (no dropout), and seed whatever is drawn"
            raise CandidateError("the same prompts give other likelihoods when they are asked for again", hint=hint)
        return "the same prompts give the same likelihoods to the last digit"

    def _batch_size(self) -> str:
        alone = np.concatenate([self.ask([row]) for row in self.probes.mixed])
        return alike(alone, self.seen[0], "one by one and all at once", "let no prompt see another: mask the padding")

    def _row_order(self) -> str:
        order = np.random.default_rng(1).permutation(len(self.probes.mixed))
        found = self.ask([self.probes.mixed[place] for place in order])
        expected = self.seen[0].reshape(len(order), len(_ANSWERS), 2)[order].reshape(-1, 2)
        return alike(found, expected, "in another order", "give row i of the result for prompt i and continuation i")

    def _empty_input(self) -> str:
        self.ask(self.probes.hollow)
        try_unasked([("no prompts", lambda: self.ask(())), ("an empty prompt", lambda: self.ask(("",)))])
        return "prompts with nothing to read, and no prompts at all, are answered"

    def _huge_input(self) -> str:
        self.ask(self.probes.huge)
        return "a prompt of 100,000 characters"

    def _unicode(self) -> str:
        self.ask(self.probes.strange)
        return "emoji, right-to-left, combining marks, NUL and other planes"


def alike(found: Floats, expected: Floats, when: str, hint: str) -> str:
    """Return how near likelihoods are to those expected.

    Raises:
        CandidateError: one differs by more than a thousandth.
    """
    apart = np.abs(found - expected) / np.maximum(1, np.abs(expected))
    if apart.max() > FAR:
        rows = int((apart.max(1) > FAR).sum())
        what = f"{when}, {rows} of {len(found)} continuations get other likelihoods (up to {apart.max():.1e} apart)"
        raise CandidateError(what, hint=hint)
    return f"{when}, likelihoods are the same" + (f" to {apart.max():.0e}" if apart.any() else "")
