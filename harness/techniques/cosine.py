"""Cosine: how alike both texts of a pair, or a question and its options, are to the model as it is; no label is learned from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from harness.core.data import Choice, are_choices
from harness.core.table import blocks
from harness.errors import CandidateError
from harness.techniques.inputs import Inputs
from harness.techniques.technique import Recipe
from harness.techniques.zero_shot import SCALE, unit

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CosineHead:
    """Nothing is fitted: the answer is the cosine of what the model gives for each text alone."""

    recipe: Recipe = field(default_factory=dict)

    def predict(self, inputs: Inputs, rows: Ints) -> Floats:
        """Return cosines `(len(rows), 1)`, between -1 and 1 whatever the scale of the task's values."""
        first, second = inputs.sides
        found = np.empty((len(rows), 1), np.float32)
        for part in blocks(len(rows), 8 * first.shape[1]):
            where = rows[part]
            found[part, 0] = (unit(first[where]) * unit(second[where])).sum(1)
        return found


@dataclass(frozen=True, slots=True)
class OptionHead:
    """Nothing is fitted: the option that is nearest to its question answers it."""

    places: int
    recipe: Recipe = field(default_factory=dict)

    def predict(self, inputs: Inputs, rows: Ints) -> Floats:
        """Return probabilities `(len(rows), places)`, 0 where a question has fewer options."""
        questions, options = inputs.sides
        sizes = [len(row.options) for row in inputs.raw if isinstance(row, Choice)]
        starts = np.cumsum([0, *sizes])
        found = np.zeros((len(rows), self.places), np.float32)
        for place, row in enumerate(rows.tolist()):
            near = unit(options[starts[row] : starts[row + 1]]) @ unit(questions[row][None])[0]
            found[place, : sizes[row]] = softmax(SCALE * near)
        return found


class Cosine:
    """Compares the features of both texts, those of the last layer.

    Source: Reimers and Gurevych 2019 (Sentence-BERT), section 4.1.
    """

    def fit(self, inputs: Inputs, rows: Ints, labels: NDArray[Any], classes: int) -> CosineHead | OptionHead:
        """Look at nothing.

        Raises:
            CandidateError: the rows are no pairs.
        """
        del rows, labels
        if not inputs.sides:
            what = "the rows are no pairs of texts"
            raise CandidateError(what, where="technique cosine", hint="name the second text of each row with data.text_pair")
        return OptionHead(classes) if are_choices(inputs.raw) else CosineHead()
