"""Which rows are learned from together: drawn anew each epoch, and of similar length, so that little is padding."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

# Batches whose rows are sorted by length together: more leave less padding, fewer mix rows better.
_POOL = 100
_SALT = 5077


def steps_per_epoch(rows: int, batch: int) -> int:
    """Return how many steps go through all rows once.

    >>> steps_per_epoch(65, 32)
    3
    """
    return max(1, -(-rows // batch))


def epoch_batches(lengths: Sequence[int], batch: int, seed: int, epoch: int) -> list[Ints]:
    """Return the positions of each step's rows, longest first in each; steps differ by one row at most.

    The same seed and epoch give the same batches, whatever was drawn before. In the first epoch the batch that needs most memory
    comes first, so that memory runs out at once or not at all.
    """
    generator = np.random.default_rng([seed, _SALT, epoch])
    order, known = generator.permutation(len(lengths)), np.asarray(lengths, np.int64)
    cuts = np.linspace(0, len(order), steps_per_epoch(len(order), batch) + 1).astype(np.int64)
    found: list[Ints] = []
    for start in range(0, len(cuts) - 1, _POOL):
        edges = cuts[start : start + _POOL + 1]
        pool = order[edges[0] : edges[-1]]
        pool = pool[np.argsort(-known[pool], kind="stable")]
        found += [pool[a - edges[0] : b - edges[0]] for a, b in itertools.pairwise(edges)]
    drawn = [found[i] for i in generator.permutation(len(found))]
    if epoch == 0:
        first = max(range(len(drawn)), key=lambda i: len(drawn[i]) * int(known[drawn[i][0]]))
        drawn.insert(0, drawn.pop(first))
    return drawn


def class_weights(labels: Ints, classes: int, imbalance: float = 3.0) -> NDArray[np.float32] | None:
    """Return a weight a class, such that all classes weigh the same together; None where none is `imbalance` times another.

    A class without rows weighs 1: it is never asked for.

    >>> class_weights(np.array([0, 0, 0, 0, 1]), 2).tolist()
    [0.625, 2.5]
    """
    counts = np.bincount(labels, minlength=classes)
    present = counts[counts > 0]
    if present.max() <= imbalance * present.min():
        return None
    weights = np.ones(classes, np.float32)
    weights[counts > 0] = len(labels) / (len(present) * present)
    return weights
