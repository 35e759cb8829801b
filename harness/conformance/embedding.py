"""Checks of a model that turns rows into features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.conformance.agenda import EMBEDDING, looks
from harness.conformance.finding import Doubtful, NotApplicable, try_unasked
from harness.conformance.messages import Ability
from harness.conformance.probes import Probes
from harness.core.data import Input, Pair, Sentence, count_answers, place_words
from harness.errors import CandidateError
from harness.execute import subject

# How far the features of a row may differ when it comes in another batch: float32 sums depend on the shape of a batch a little.
COSINE = 1e-4
RELATIVE = 1e-3

Floats = NDArray[np.float32]
Looks = Mapping[str, Callable[[], str]]


@dataclass(frozen=True, slots=True)
class Embedding:
    """A loaded model and the rows to try it with; `seen` keeps the features that it gave first."""

    model: object
    probes: Probes
    seen: list[Floats] = field(default_factory=list)

    def ask(self, rows: Sequence[Input]) -> Floats:
        """Return checked features, as a comparison would get them."""
        return subject.embed(self.model, list(rows), is_image=self.probes.is_image)

    @property
    def ability(self) -> Ability:
        """Name what is tried of the model."""
        if self.probes.is_image:
            return "embed_image"
        return "embed_pairs" if self.probes.is_pair else "embed_words" if self.probes.is_sentence else "embed_text"

    def checks(self) -> Looks:
        """Return every check by its name; the first must be made before any other."""
        return looks(self, EMBEDDING)

    def _call(self, rows: Sequence[Input]) -> object:
        given = list(subject.read_inputs(list(rows), is_image=self.probes.is_image))
        found: object = getattr(self.model, self.ability)(given)
        return found

    def _shape(self) -> str:
        rows = self.probes.mixed
        raw = self._call(rows)
        features = subject.check_features(raw, count_answers(rows))
        self.seen.append(features)
        kind = getattr(raw, "dtype", type(raw).__name__)
        if str(kind) != "float32":
            raise CandidateError(f"{self.ability} returns {kind}, not float32", hint="return features.astype(np.float32)")
        if np.ptp(features[-1], axis=0).max() == 0:
            what = f"{self.ability} returns the same features for {len(rows)} different rows"
            raise Doubtful(what, hint="does it read its input? are the weights loaded?")
        layers, _, width = features.shape
        return f"{self.ability} returns {layers} × n × {width} float32"

    def _determinism(self) -> str:
        first, second = self.seen[0], self.ask(self.probes.mixed)
        if first.shape != second.shape or not np.array_equal(first, second):
            hint = "put the model into evaluation mode (no dropout), and seed whatever is drawn"
            raise CandidateError(f"the same rows give {_far(first, second)} when they are asked for again", hint=hint)
        return "the same rows give the same features to the last digit"

    def _batch_size(self) -> str:
        rows = self.probes.mixed
        alone = np.concatenate([self.ask([row]) for row in rows], axis=1)
        hint = "let no row see another: mask the padding, keep batch norm in evaluation mode, scale each row by itself"
        return agree(alone, self.seen[0], "one by one and all at once", hint)

    def _row_order(self) -> str:
        rows = self.probes.mixed
        order = np.random.default_rng(1).permutation(len(rows))
        shuffled = self.ask([rows[position] for position in order])
        hint = "give row i of the result for input i; rows that are sorted by length must be sorted back"
        words = [len(row) for row in rows] if self.probes.is_sentence else ()
        return agree(shuffled, self.seen[0][:, place_words(words, order)], "in another order", hint)

    def _empty_input(self) -> str:
        if self.probes.hollow:
            self.ask(self.probes.hollow)
        asked: list[tuple[str, Callable[[], object]]] = [("no rows", self._nothing)]
        if not self.probes.is_image:
            empty = Pair("", "") if self.probes.is_pair else Sentence(("",)) if self.probes.is_sentence else ""
            asked.append(("an empty text", lambda: self.ask([empty])))
        try_unasked(asked)
        return "rows with nothing to read, and no rows at all, are answered"

    def _nothing(self) -> None:
        shape = np.asarray(self._call([])).shape
        if len(shape) != 3 or shape[1] != 0:
            raise CandidateError(f"shape {shape}, not (layers, 0, d)")

    def _huge_input(self) -> str:
        self.ask(self.probes.huge)
        return "a picture of 12 megapixels and one of 1 × 1" if self.probes.is_image else "a text of 100,000 characters"

    def _unicode(self) -> str:
        if self.probes.is_image:
            raise NotApplicable("pictures hold no text")
        self.ask(self.probes.strange)
        return "emoji, right-to-left, combining marks, NUL and other planes"


def agree(found: Floats, expected: Floats, when: str, hint: str) -> str:
    """Return how near features `(layers, n, d)` are to those expected.

    Raises:
        CandidateError: a row's cosine distance is over 1e-4, or a number differs by over 1e-3 of the row's largest.
    """
    if found.shape != expected.shape:
        raise CandidateError(f"{when}, features have shapes {found.shape} and {expected.shape}", hint=hint)
    relative, cosine = distances(found, expected)
    if relative.max() > RELATIVE or cosine.max() > COSINE:
        rows = int(((relative > RELATIVE) | (cosine > COSINE)).any(0).sum())
        what = f"{when}, {rows} of {found.shape[1]} rows get other features ({_far(found, expected)})"
        raise CandidateError(what, hint=hint)
    return f"{when}, features are the same" + (f" to {relative.max():.0e} of the largest" if relative.any() else "")


def distances(found: Floats, expected: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return `(layers, n)` of the largest difference relative to the row's largest number, and of the cosine distance."""
    one, two = found.astype(np.float64), expected.astype(np.float64)
    largest = np.maximum(np.abs(two).max(2), np.finfo(np.float32).tiny)
    lengths = np.linalg.norm(one, axis=2) * np.linalg.norm(two, axis=2)
    # Two rows of zeros are alike; one row of zeros is as far as can be.
    both = (lengths == 0) & np.isclose(np.linalg.norm(one, axis=2), np.linalg.norm(two, axis=2))
    cosine = 1 - np.where(both, 1.0, (one * two).sum(2) / np.where(lengths == 0, 1.0, lengths))
    return np.abs(one - two).max(2) / largest, cosine


def _far(found: Floats, expected: Floats) -> str:
    if found.shape != expected.shape:
        return f"shape {found.shape} and then {expected.shape}"
    relative, cosine = distances(found, expected)
    return f"a difference of up to {relative.max():.1e} of the largest number, cosine distance {cosine.max():.1e}"
