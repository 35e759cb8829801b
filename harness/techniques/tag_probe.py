"""A linear probe on the frozen features of words: each word's tag by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.techniques.inputs import Inputs
from harness.techniques.linear_probe import LinearProbe, ProbeHead
from harness.techniques.technique import Recipe

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TagHead:
    """A fitted probe of words; a word that the model did not read, whose features are all 0, stands outside of all entities."""

    probe: ProbeHead

    @property
    def recipe(self) -> Recipe:
        """Return what was chosen inside the training rows."""
        return self.probe.recipe

    def predict(self, inputs: Inputs, rows: Ints) -> Floats:
        """Return probabilities `(words, tags)` of the words of the given sentences, one sentence after the other."""
        words = inputs.places(rows)
        shares = self.probe.predict(inputs, words)
        shares[~are_read(inputs, words)] = np.eye(1, shares.shape[1], dtype=np.float32)
        return shares


class TagProbe:
    """The probe of classes, fitted to words and their tags; words that the model did not read are left out."""

    def fit(self, inputs: Inputs, rows: Ints, labels: NDArray[Any], classes: int) -> TagHead:
        """Tune and fit on the words of the given sentences; `classes` is the number of tags."""
        words, tags = inputs.places(rows), np.concatenate(labels)
        read = are_read(inputs, words)
        return TagHead(LinearProbe().fit(inputs, words[read], tags[read], classes))


def are_read(inputs: Inputs, words: Ints) -> NDArray[np.bool_]:
    """Tell of each word whether the model read it, `(n,)`."""
    return np.asarray(inputs.output[words].any(1), np.bool_)
