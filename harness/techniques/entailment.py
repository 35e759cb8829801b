"""Entailment: a model that was trained for inference tells which classes follow from a row; no labelled row is learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from harness.core.data import Pair, target_of
from harness.core.table import blocks
from harness.errors import CandidateError
from harness.models.capabilities import CountsTokens, Entails
from harness.techniques.asking import recall, weigh
from harness.techniques.inputs import Inputs
from harness.techniques.technique import Recipe

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# Rows that a model is asked about at once, times the hypotheses of each.
_QUESTIONS = 2**16


@dataclass(frozen=True, slots=True)
class Entailing:
    """Hypotheses about a row, some for each class, and the model that judges them.

    Of `several` labels each is judged by itself. What rows of `home` scored is remembered: every fold asks the same.
    """

    hypotheses: tuple[tuple[str, ...], ...]
    model: Entails
    recipe: Recipe
    several: bool
    home: Inputs
    known: dict[int, Floats] = field(default_factory=dict)

    def predict(self, inputs: Inputs, rows: Ints) -> Floats:
        """Return probabilities `(len(rows), classes)`; of several labels they do not sum to 1."""
        if inputs is self.home and len(rows):
            return recall(self.known, rows, lambda new: self._shares(inputs, new))
        return self._shares(inputs, rows)

    def count_cut(self, inputs: Inputs, rows: Ints) -> int | None:
        """Return how many rows are longer than the model reads beside the longest hypothesis, None where it does not say."""
        if not isinstance(self.model, CountsTokens):
            return None
        longest = max(self._flat, key=len)
        return self.model.count_truncated([Pair(str(inputs.raw[row]), longest) for row in rows.tolist()])

    @property
    def _flat(self) -> list[str]:
        return [one for some in self.hypotheses for one in some]

    def _shares(self, inputs: Inputs, rows: Ints) -> Floats:
        shares = np.empty((len(rows), len(self.hypotheses)), np.float32)
        flat, sizes = self._flat, [len(some) for some in self.hypotheses]
        for part in blocks(len(rows), 1, limit=max(1, _QUESTIONS // len(flat))):
            texts = [str(inputs.raw[row]) for row in rows[part].tolist()]
            premises = [text for text in texts for _ in flat]
            found = check_verdicts(self.model.entails(premises, flat * len(texts)), len(premises)).reshape(len(texts), len(flat), 2)
            shares[part] = _each(found, sizes) if self.several else weigh(found[:, :, 0], sizes)
        return shares


class Entailment:
    """Compares how strongly a row entails what is said of each class; of several labels, entailment with its contrary for each.

    Source: Yin et al. 2019 (arXiv 1909.00161), as the pipeline `zero-shot-classification` of transformers does it.
    """

    def __init__(self) -> None:
        """Begin without having asked."""
        self._asked: Entailing | None = None

    def fit(self, inputs: Inputs, rows: Ints, labels: NDArray[np.generic], classes: int) -> Entailing:
        """Return what asks; of rows and labels only their form is looked at, so that it is the same for every fold.

        Raises:
            CandidateError: the model does not tell what follows, or the classes have no words.
        """
        del rows
        if self._asked is None or self._asked.home is not inputs:
            where = "technique entailment"
            if not isinstance(inputs.model, Entails):
                what, hint = "the model does not tell what follows from a text", "give it `entails`, or use another technique"
                raise CandidateError(what, where=where, hint=hint)
            if len(inputs.hypotheses) != classes:
                what, hint = (
                    "the classes have no words to form hypotheses of",
                    "say what each label means under `classes` in task.yaml",
                )
                raise CandidateError(what, where=where, hint=hint)
            count = sum(map(len, inputs.hypotheses))
            recipe: Recipe = {"hypotheses": count, "such_as": inputs.hypotheses[0][0]}
            self._asked = Entailing(inputs.hypotheses, inputs.model, recipe, target_of(labels) == "labels", inputs)
        return self._asked


def _each(found: Floats, sizes: Sequence[int]) -> Floats:
    """Return the probability of each label `(n, labels)`, from verdicts `(n, hypotheses, 2)`: the mean over its hypotheses."""
    each = expit(found[:, :, 0] - found[:, :, 1])
    parts = np.split(each, np.cumsum(sizes)[:-1], axis=1)
    return np.stack([part.mean(1) for part in parts], axis=1)


def check_verdicts(found: object, rows: int) -> Floats:
    """Return verdicts as float32 if they are what was asked for.

    Raises:
        CandidateError: they are not finite numbers of shape `(rows, 2)`.
    """
    verdicts = np.asarray(found)
    if verdicts.shape != (rows, 2) or not np.issubdtype(verdicts.dtype, np.number):
        what = f"verdicts have shape {verdicts.shape} and type {verdicts.dtype} for {rows} hypotheses"
        raise CandidateError(what, hint="return float32 of shape (n, 2): the logits for entailment and against it")
    broken = int((~np.isfinite(verdicts).all(1)).sum())
    if broken:
        what = f"verdicts on {broken} of {rows} hypotheses are NaN or infinite"
        raise CandidateError(what, hint="return logits, and look for an overflow in half precision")
    return verdicts.astype(np.float32, copy=False)
