"""The joint bootstrap of all contenders' scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.core.metric import METRICS
from harness.core.resample import RESAMPLES, resamples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reference:
    """The right answers of some rows, `int64` below `classes`, and each row's group where there are groups."""

    labels: Ints
    classes: int
    groups: tuple[str, ...] = ()

    @property
    def units(self) -> int:
        """Return the number of rows, or of groups, that are independent of each other."""
        return len(set(self.groups)) or len(self.labels)


def draw_scores(metric: str, reference: Reference, predictions: Sequence[Ints], seed: int, *, number: int = RESAMPLES) -> Floats:
    """Return a metric of every resample and contender, `(number, contenders) float64`; all contenders see the same resamples.

    Counts per class are matrix products of row weights and indicators. They stay exact in float32, for no count reaches 2^24. Cost:
    `number × rows × classes` a contender; memory: one block of resamples.
    """
    function, classes = METRICS[metric], reference.classes
    scores = np.empty((number, len(predictions)))
    unit = np.eye(classes, dtype=np.float32)
    true = unit[reference.labels]
    start = 0
    for weights in resamples(len(reference.labels), reference.groups, seed, number):
        block = slice(start, start + len(weights))
        truths = (weights @ true).astype(np.float64)
        for column, predicted in enumerate(predictions):
            told = unit[predicted]
            indicators = np.concatenate([told * (predicted == reference.labels)[:, None], told], axis=1)
            found = (weights @ indicators).astype(np.float64)
            scores[block, column] = function(found[:, :classes], found[:, classes:], truths)
        start = block.stop
    return scores
