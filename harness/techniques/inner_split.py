"""How a technique divides its own training rows to tune itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL = 2000
FOLDS = 3


def inner_folds(labels: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return (learn, check) positions: 3 folds up to 2,000 rows, else one hold-out of a quarter. Stratified, the same every time.

    A class with a single row is always learned from.
    """
    shuffled = np.random.default_rng(0).permutation(len(labels))
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]
    # Numbering rows class by class and taking the number modulo the folds spreads each class evenly.
    parts = FOLDS if len(labels) <= SMALL else 4
    part = np.empty(len(labels), np.int64)
    part[order] = np.arange(len(labels)) % parts
    part[np.isin(labels, np.flatnonzero(np.bincount(labels) == 1))] = -1
    return [(np.flatnonzero(part != fold), np.flatnonzero(part == fold)) for fold in range(FOLDS if parts == FOLDS else 1)]


def thin(labels: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return positions of about `most` rows, each class by its share and with a row at least, in order; the same every time.

    >>> import numpy as np
    >>> np.bincount(np.arange(100)[thin(np.arange(100) % 2, 10)] % 2)
    array([5, 5])
    """
    if len(labels) <= most:
        return np.arange(len(labels))
    shuffled = np.random.default_rng(0).permutation(len(labels))
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]
    first = np.flatnonzero(np.diff(labels[order], prepend=-1))
    return np.sort(order[np.union1d(np.arange(most) * len(labels) // most, first)])
