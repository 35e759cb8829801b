"""The joint bootstrap of all contenders' scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.core.kinds import TALLIED, Target
from harness.core.metric import METRICS
from harness.core.resample import RESAMPLES, resamples
from harness.core.tally import TallyMetric

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
# Classes `(n,)`, or tallies `(n, s)`.
Told = Ints | Floats


# Counts of one block of resamples: 16 MB a table.
_BLOCK_COUNTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Reference:
    """The right answers of some rows, `int64` below `classes`, and each row's group where there are groups.

    Where no class is told, `target` says what is, and of the labels the length counts alone.
    """

    labels: Ints
    classes: int
    groups: tuple[str, ...] = ()
    target: Target = "class"

    @property
    def units(self) -> int:
        """Return the number of rows, or of groups, that are independent of each other."""
        return len(set(self.groups)) or len(self.labels)


def draw_scores(metric: str, reference: Reference, predictions: Sequence[Told], seed: int, *, number: int = RESAMPLES) -> Floats:
    """Return a metric of every resample and contender, `(number, contenders) float64`; all contenders see the same resamples.

    Counts per class are sums of row weights, exact in float32 as long as no count reaches 2^24. Cost: `number × rows` a contender,
    whatever the number of classes. Memory: a block of resamples, and 4 bytes a row and contender.
    """
    if reference.target != "class":
        return _draw_tallied(TALLIED[reference.target][metric], reference, predictions, seed, number=number)
    function, classes = METRICS[metric], reference.classes
    scores = np.empty((number, len(predictions)))
    true = _Cells.of(reference.labels)
    told = [_Cells.of(2 * predicted + (predicted == reference.labels)) for predicted in predictions]
    start = 0
    for block in resamples(len(reference.labels), reference.groups, seed, number):
        for weights in np.array_split(block, -(-block.shape[0] * classes // _BLOCK_COUNTS)):
            here = slice(start, start + len(weights))
            truths = true.sums(weights, classes)
            for column, cells in enumerate(told):
                missed, hits = cells.sums(weights, 2 * classes).reshape(-1, classes, 2).transpose(2, 0, 1).copy()
                scores[here, column] = function(hits, missed + hits, truths)
            start = here.stop
    return scores


def _draw_tallied(metric: TallyMetric, reference: Reference, tallies: Sequence[Told], seed: int, *, number: int) -> Floats:
    known = [np.asarray(one, float) for one in tallies]
    blocks = resamples(len(reference.labels), reference.groups, seed, number)
    return np.concatenate([np.stack([metric.draw(one, block) for one in known], axis=1) for block in blocks])


@dataclass(frozen=True, slots=True)
class _Cells:
    """Rows sorted by the cell that they count for, so that all counts of a resample are sums of neighbors."""

    order: NDArray[np.uint32]
    starts: Ints
    cells: Ints

    @classmethod
    def of(cls, cell: Ints) -> _Cells:
        order = np.argsort(cell, kind="stable")
        ordered = cell[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        return cls(order.astype(np.uint32), starts, ordered[starts])

    def sums(self, weights: NDArray[np.float32], cells: int) -> Floats:
        """Return how much weight falls into each cell, `(len(weights), cells)`."""
        found = np.zeros((len(weights), cells))
        if len(self.starts):
            found[:, self.cells] = np.add.reduceat(np.take(weights, self.order, axis=1), self.starts, axis=1)
        return found
