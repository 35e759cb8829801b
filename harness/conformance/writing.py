"""Checks of a model that writes: what goes on from a prompt, or what it was fitted to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.conformance.agenda import EMBEDDING, looks
from harness.conformance.finding import Doubtful, try_unasked
from harness.conformance.messages import Ability
from harness.conformance.probes import Probes
from harness.core.data import Input
from harness.core.writing import cut
from harness.errors import CandidateError
from harness.techniques.writing import check_texts

_LIMIT = 16
# A text of fewer characters has no middle to end it in.
_LONG_ENOUGH = 6

Texts = NDArray[np.str_]
Looks = Mapping[str, Callable[[], str]]


@dataclass(frozen=True, slots=True)
class Writing:
    """A loaded model and the prompts to try it with; `fits` says that it learns what to write. `seen` keeps the first texts."""

    model: Any
    probes: Probes
    fits: bool = False
    seen: list[Texts] = field(default_factory=list)

    @property
    def ability(self) -> Ability:
        """Name what is tried of the model."""
        return "write" if self.fits else "generate"

    def ask(self, rows: Sequence[Input]) -> Texts:
        """Return checked texts `(rows,)`; who is fitted is fitted anew."""
        if self.fits:
            self._fit(self.probes.lesson.rows)
        return self._write(rows)

    def checks(self) -> Looks:
        """Return every check by its name; the first must be made before any other."""
        return looks(self, EMBEDDING)

    def _fit(self, rows: Sequence[Input]) -> None:
        self.model.fit_texts([str(row) for row in rows], [f"about {str(row)[:20]}" for row in rows])

    def _write(self, rows: Sequence[Input], stop: Sequence[str] = ()) -> Texts:
        prompts = [str(row) for row in rows]
        found = self.model.write_texts(prompts) if self.fits else self.model.generate(prompts, _LIMIT, stop)
        return np.array(check_texts(found, len(rows)), np.str_)

    def _shape(self) -> str:
        found = self.ask(self.probes.mixed)
        self.seen.append(found)
        if self.fits:
            return "write_texts returns a text for each prompt"
        if len(set(found.tolist())) == 1:
            raise Doubtful("the same is written after every prompt", hint="does it read the prompts? are the weights loaded?")
        place = int(np.argmax([len(text) for text in found]))
        text = str(found[place])
        middle = len(text) // 2
        stop = text[middle : middle + 2]
        is_tried = len(text) >= _LONG_ENOUGH and stop.strip()
        if is_tried and str(self._write([self.probes.mixed[place]], (stop,))[0]) != cut(text, (stop,)):
            what = "what is written does not end before a stop text, or is another with it"
            raise CandidateError(what, hint="cut each text before the first of `stop`, and change nothing else")
        return "generate returns a text for each prompt, which ends before a stop text"

    def _determinism(self) -> str:
        if self.fits:
            self._fit([f"{row!s}?" for row in self.probes.mixed])
        return same_texts(
            self.ask(self.probes.mixed), self.seen[0], "asked again", "draw nothing by lot, and begin anew in each fit"
        )

    def _batch_size(self) -> str:
        alone = np.concatenate([self._write([row]) for row in self.probes.mixed])
        return same_texts(alone, self.seen[0], "one by one and all at once", "let no prompt see another: mask the padding")

    def _row_order(self) -> str:
        order = np.random.default_rng(1).permutation(len(self.probes.mixed))
        found = self._write([self.probes.mixed[place] for place in order])
        return same_texts(found, self.seen[0][order], "in another order", "give text i of the result for prompt i")

    def _empty_input(self) -> str:
        self._write(self.probes.hollow)
        try_unasked([("no prompts", lambda: self._write(())), ("an empty prompt", lambda: self._write(("",)))])
        return "prompts with nothing to read, and no prompts at all, are answered"

    def _huge_input(self) -> str:
        self._write(self.probes.huge)
        return "a prompt of 100,000 characters"

    def _unicode(self) -> str:
        self._write(self.probes.strange)
        return "emoji, right-to-left, combining marks, NUL and other planes"


def same_texts(found: Texts, expected: Texts, when: str, hint: str) -> str:
    """Say that what was written is what was expected.

    Raises:
        CandidateError: a prompt gets another text.
    """
    others = [i for i, (one, other) in enumerate(zip(found, expected, strict=True)) if one != other]
    if others:
        raise CandidateError(f"{when}, {len(others)} of {len(found)} prompts get other texts", hint=hint)
    return f"{when}, the texts are the same"
