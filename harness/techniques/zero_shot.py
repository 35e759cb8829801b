"""Zero-shot: the class whose words are nearest to the row, by cosine; no labelled row is learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from harness.core.table import blocks
from harness.errors import CandidateError
from harness.techniques.inputs import Inputs
from harness.techniques.technique import Recipe

# What cosines are multiplied by before they are read as shares: no class changes its place by it. It is the scale that models of
# sentences are trained with (sentence-transformers' ranking losses).
SCALE = 20.0

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PromptHead:
    """One direction a class, `(classes, d)`."""

    directions: Floats
    recipe: Recipe

    def predict(self, inputs: Inputs, rows: Ints) -> Floats:
        """Return probabilities `(len(rows), classes)`."""
        classes, width = self.directions.shape
        shares = np.empty((len(rows), classes), np.float32)
        for part in blocks(len(rows), 4 * (width + classes)):
            shares[part] = softmax(SCALE * (unit(inputs.output[rows[part]]) @ self.directions.T), axis=1)
        return shares


class ZeroShot:
    """Compares a row with the mean direction of the phrases of each class.

    Source: Radford et al. 2021, section 3.1.4, for the mean over prompts; of texts, Schopf et al. 2022.
    """

    def fit(self, inputs: Inputs, rows: Ints, labels: Ints, classes: int) -> PromptHead:
        """Average what the phrases of each class point at; rows and labels are not looked at.

        Raises:
            CandidateError: the classes have no words.
        """
        del rows, labels
        if len(inputs.prompts) != classes:
            what = "the classes have no words to compare rows with"
            raise CandidateError(what, where="technique zero-shot", hint="say what each label means under `classes` in task.yaml")
        means = np.stack([unit(one).mean(0) for one in inputs.prompts])
        phrases = sum(map(len, inputs.prompts))
        return PromptHead(unit(means), {"phrases": phrases})


def unit(vectors: Floats) -> Floats:
    """Return vectors of length 1 in the same directions; a vector of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Floats = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return found
