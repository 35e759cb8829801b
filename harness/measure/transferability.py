"""Scores that predict, from frozen features alone, how well a model will transfer: LogME and the shrinkage H-score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 100
_TOLERANCE = 1e-7

Floats = NDArray[np.float64]


def log_me(features: NDArray[np.float32], labels: NDArray[np.int64], classes: int) -> float:
    """Return the log maximum evidence per row of a Bayesian linear model, averaged over the classes; higher is better.

    `features` is `(n, d)`. One decomposition of the smaller Gram matrix serves all classes, whose fixed-point iterations run
    together as vectors, each to its fixed point.

    Source: You, Liu, Wang, Long 2021, "LogME: Practical Assessment of Pre-trained Models" (arXiv 2102.11005), equations 2 to 4 and
    algorithm 3.
    """
    rows, width = features.shape
    values, hits, rest = _spectrum(features.astype(np.float64), np.eye(classes)[labels])
    values = values[:, None]
    ratio = np.ones(hits.shape[1])
    for _ in range(_ROUNDS):
        alpha, beta, _, _ = _maximize(values, hits, rest, ratio, rows=rows)
        change = np.abs(alpha / beta - ratio) / ratio
        ratio = alpha / beta
        if change.max() < _TOLERANCE:
            break
    alpha, beta, size, miss = _maximize(values, hits, rest, ratio, rows=rows)
    log_determinant = np.log(alpha + beta * values).sum(0) + (width - len(values)) * np.log(alpha)
    evidence = width * np.log(alpha) + rows * np.log(beta / (2 * np.pi)) - log_determinant - beta * miss - alpha * size
    return float((evidence / (2 * rows)).mean())


def h_score(features: NDArray[np.float32], labels: NDArray[np.int64], classes: int) -> float:
    """Return the H-score of `(n, d)` features with a Ledoit-Wolf shrunk covariance; higher is better, at most `classes - 1`.

    Source: Bao et al. 2019, "An Information-Theoretic Approach to Transferability" (the score); Ibrahim, Ponomareva, Mazumder 2022,
    "Newer is not always better" (arXiv 2110.06893), section 4 (the shrinkage).
    """
    from sklearn.covariance import ledoit_wolf  # noqa: PLC0415 - slow to import, and needed here alone

    centered = features.astype(np.float64)
    centered -= centered.mean(0)
    covariance, shrinkage = ledoit_wolf(centered, assume_centered=True)
    members = np.eye(classes)[labels]
    sizes = members.sum(0)
    seen = sizes > 0
    means = (members.T @ centered)[seen] / np.sqrt(sizes[seen])[:, None]
    between = np.linalg.lstsq(covariance, means.T, rcond=None)[0]
    return float((1 - shrinkage) * (means.T * between).sum() / (len(labels) - 1))


def _spectrum(features: Floats, targets: Floats) -> tuple[Floats, Floats, Floats]:
    """Return squared singular values `(k,)`, squared projections of the targets `(k, classes)`, and the rest `(classes,)`."""
    targets = targets[:, targets.any(0)]
    if features.shape[0] >= features.shape[1]:
        values, vectors = np.linalg.eigh(features.T @ features)
        kept = values > values[-1] * 1e-13
        values = values[kept]
        hits = (vectors[:, kept].T @ (features.T @ targets)) ** 2 / values[:, None]
    else:
        values, vectors = np.linalg.eigh(features @ features.T)
        kept = values > values[-1] * 1e-13
        values = values[kept]
        hits = (vectors[:, kept].T @ targets) ** 2
    return values, hits, (targets.sum(0) - hits.sum(0)).clip(min=0)


def _maximize(values: Floats, hits: Floats, rest: Floats, ratio: Floats, *, rows: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return alpha, beta, the squared norm of the weights and the squared residual of every class at a ratio alpha / beta."""
    shrunk = values / (values + ratio)
    effective = shrunk.sum(0)
    size = (hits * values / (values + ratio) ** 2).sum(0).clip(min=1e-30)
    miss = ((hits * (ratio / (values + ratio)) ** 2).sum(0) + rest).clip(min=1e-30)
    return effective / size, (rows - effective) / miss, size, miss
