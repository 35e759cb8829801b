"""Ridge regression of values on frozen features, with the strength of the regularisation tuned on held-out rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Fold = tuple[Floats, Floats, Ints, Ints]

# Of the largest eigenvalue; what is smaller is rounding.
_SMALLEST = 1e-6
PENALTIES = (1.0, 10.0, 100.0, 1000.0, 10000.0, 100000.0)


def choose_penalty(folds: Sequence[Fold], targets: Floats) -> tuple[float, float]:
    """Return the penalty with the least squared error on rows that were not learned from, and that error.

    A fold is the features to learn from and to check, standardized, and the positions of both in `targets` `(n, t)`. One
    eigendecomposition a fold serves all penalties.
    """
    errors = np.zeros(len(PENALTIES))
    for known, asked, learn, check in folds:
        center = targets[learn].mean(0)
        values, vectors = spectrum(known)
        projected = vectors.T @ (known.T @ (targets[learn] - center))
        turned = asked @ vectors
        for i, penalty in enumerate(PENALTIES):
            told = turned @ (projected / (values + penalty)[:, None]) + center
            errors[i] += float(((told - targets[check]) ** 2).mean())
    best = int(np.argmin(errors))
    return PENALTIES[best], float(errors[best] / max(1, len(folds)))


def spectrum(features: Floats) -> tuple[Floats, Floats]:
    """Return the eigenvalues `(k,)` of the features' Gram matrix that are not 0, and their vectors `(d, k)`.

    Where there are fewer rows than features that of the rows is decomposed, which is the smaller one.
    """
    rows, width = features.shape
    if rows >= width:
        values, vectors = np.linalg.eigh(features.T @ features)
        return values, vectors
    values, sides = np.linalg.eigh(features @ features.T)
    kept = values > values[-1] * _SMALLEST
    return values[kept], features.T @ (sides[:, kept] / np.sqrt(values[kept]))


def fit_ridge(features: Floats, targets: Floats, penalty: float) -> tuple[Floats, Floats]:
    """Return weights `(d, t)` and bias `(t,)` of standardized features `(n, d)` for targets `(n, t)`."""
    center = targets.mean(0)
    gram = features.T @ features
    gram[np.diag_indices_from(gram)] += penalty
    weights = np.linalg.solve(gram.astype(np.float64), (features.T @ (targets - center)).astype(np.float64))
    return weights.astype(np.float32), center.astype(np.float32)
