"""Cosine: how alike both texts of a pair are to the model as it is; no labelled row is learned from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.table import blocks
from harness.errors import CandidateError
from harness.techniques.inputs import Inputs
from harness.techniques.technique import Recipe
from harness.techniques.zero_shot import unit

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


class Cosine:
    """Compares the features of both texts, those of the last layer.

    Source: Reimers and Gurevych 2019 (Sentence-BERT), section 4.1.
    """

    def fit(self, inputs: Inputs, rows: Ints, labels: NDArray[Any], classes: int) -> CosineHead:
        """Look at nothing.

        Raises:
            CandidateError: the rows are no pairs.
        """
        del rows, labels, classes
        if not inputs.sides:
            what = "the rows are no pairs of texts"
            raise CandidateError(what, where="technique cosine", hint="name the second text of each row with data.text_pair")
        return CosineHead()
