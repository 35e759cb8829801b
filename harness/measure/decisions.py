"""From what a model gives for rows to what is told of them: the likeliest class, the labels above a threshold, the value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.entities import mend_tags, ragged
from harness.core.kinds import Target
from harness.core.metric import ratio

Floats = NDArray[np.float32]
# Thresholds that are tried; with a finer grid the choice is no better, for it is made on some hundred rows.
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
_USUAL = 0.5


def decide(outputs: Floats, target: Target, threshold: float = _USUAL, words: Sequence[int] = ()) -> NDArray[Any]:
    """Return what is told: classes `(n,) int64`, zeros and ones of labels `(n, k) float32`, or values `(n,) float64`.

    Outputs of sentences are those of their words one after the other; `words` says how many each has. What is told of a sentence
    are the likeliest tags, in each of which an entity that was never begun begins: `(n,) object`.
    """
    if target == "tags":
        ends = np.cumsum(words, dtype=np.int64)[:-1]
        return ragged([mend_tags(tags.tolist()) for tags in np.split(outputs.argmax(1), ends)] if len(words) else [])
    if target == "class":
        return np.asarray(outputs.argmax(1), np.int64)
    return outputs[:, 0].astype(np.float64) if target == "number" else (outputs >= threshold).astype(np.float32)


def choose_threshold(outputs: Floats, truth: Floats) -> float:
    """Return the threshold, one for all labels, with the best micro-F1; of equal ones that nearest to a half.

    Outputs are probabilities `(n, k)`, truth zeros and ones. Without rows it is a half.
    """
    if not len(outputs):
        return _USUAL
    scores = {}
    for threshold in THRESHOLDS:
        told = outputs >= threshold
        scores[threshold] = float(ratio(2 * (told * truth).sum(dtype=float), told.sum(dtype=float) + truth.sum(dtype=float)))
    best = max(scores.values())
    return min((t for t, one in scores.items() if one >= best - 1e-12), key=lambda t: (abs(t - _USUAL), t))


def cross_decide(outputs: Floats, truth: Floats) -> NDArray[np.float32]:
    """Return labels of rows, `(n, k)`, each half of them by the threshold that is best on the other half.

    So no row takes part in choosing what is told of it.
    """
    told = np.zeros(outputs.shape, np.float32)
    for half in (0, 1):
        told[half::2] = outputs[half::2] >= choose_threshold(outputs[1 - half :: 2], truth[1 - half :: 2])
    return told
