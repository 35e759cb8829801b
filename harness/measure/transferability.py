"""Scores that predict, from frozen features alone, how well a model will transfer: LogME and the shrinkage H-score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.table import Table, blocks

_ROUNDS = 100
_TOLERANCE = 1e-7

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def log_me(features: Table, labels: NDArray[Any], classes: int) -> float:
    """Return the log maximum evidence per row of a Bayesian linear model, averaged over the classes; higher is better.

    `features` is `(n, d)`; `labels` are classes `(n,)`, zeros and ones of labels `(n, classes)`, or values `(n,)`, which are
    standardized, so that their unit does not matter. One decomposition of the smaller Gram matrix serves all classes, whose
    fixed-point iterations run together as vectors, each to its fixed point.

    Source: You, Liu, Wang, Long 2021, "LogME: Practical Assessment of Pre-trained Models" (arXiv 2102.11005), equations 2 to 4 and
    algorithm 3.
    """
    rows, width = features.shape
    is_class = np.issubdtype(labels.dtype, np.integer)
    values, hits, rest = _spectrum(features, labels, classes) if is_class else _spectrum_of(features, _standardized(labels))
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


def h_score(features: Table, labels: Ints, classes: int) -> float:
    """Return the H-score of `(n, d)` features with a Ledoit-Wolf shrunk covariance; higher is better, at most `classes - 1`.

    The features are gone through twice, in blocks. Memory: a block of rows, and a few matrices `(d, d)`.

    Source: Bao et al. 2019, "An Information-Theoretic Approach to Transferability" (the score); Ibrahim, Ponomareva, Mazumder 2022,
    "Newer is not always better" (arXiv 2110.06893), section 4 (the shrinkage); Ledoit and Wolf 2004, "A Well-Conditioned Estimator
    for Large-Dimensional Covariance Matrices", lemma 3.1 and section 3.2 (its amount).
    """
    rows, width = features.shape
    total = np.zeros(width)
    for part in blocks(rows, 8 * width):
        total += features[part].sum(0, dtype=np.float64)
    found = _moments(features, labels, classes, total / rows)
    covariance, shrinkage = _shrink(found.gram / rows, found.fourth, rows)
    sizes = np.bincount(labels, minlength=classes)
    seen = sizes > 0
    means = found.sums[seen] / np.sqrt(sizes[seen])[:, None]
    between = np.linalg.lstsq(covariance, means.T, rcond=None)[0]
    return float((1 - shrinkage) * (means.T * between).sum() / (rows - 1))


@dataclass(frozen=True, slots=True)
class _Moments:
    """Sums over rows: of their outer products `(d, d)`, of the rows of each class `(classes, d)`, of their norms to the fourth."""

    gram: Floats
    sums: Floats
    fourth: float


def _moments(features: Table, labels: Ints, classes: int, center: Floats | float) -> _Moments:
    """Sum over all rows less the center, in float64 and in blocks."""
    rows, width = features.shape
    gram, sums, fourth = np.zeros((width, width)), np.zeros((classes, width)), 0.0
    for part in blocks(rows, 8 * width):
        block = features[part].astype(np.float64)
        block -= center
        gram += block.T @ block
        fourth += float((np.einsum("nd,nd->n", block, block) ** 2).sum())
        order = np.argsort(labels[part], kind="stable")
        ordered = labels[part][order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        sums[ordered[starts]] += np.add.reduceat(block[order], starts, axis=0)
    return _Moments(gram, sums, fourth)


def _shrink(covariance: Floats, fourth: float, rows: int) -> tuple[Floats, float]:
    """Return the covariance shrunk towards a multiple of the identity, and by how much, between 0 and 1."""
    width = len(covariance)
    level = float(np.trace(covariance)) / width
    squares = float((covariance**2).sum())
    distance = squares / width - level**2
    noise = min((fourth / rows - squares) / (width * rows), distance)
    shrinkage = 0.0 if noise == 0 or width == 1 else noise / distance
    return (1 - shrinkage) * covariance + shrinkage * level * np.eye(width), shrinkage


def _spectrum(features: Table, labels: Ints, classes: int) -> tuple[Floats, Floats, Floats]:
    """Return squared singular values `(k,)`, squared projections of the targets `(k, classes)`, and the rest `(classes,)`.

    The targets are one indicator a class; classes without rows have none.
    """
    sizes = np.bincount(labels, minlength=classes)
    seen = sizes > 0
    if features.shape[0] >= features.shape[1]:
        found = _moments(features, labels, classes, 0.0)
        values, vectors = np.linalg.eigh(found.gram)
        kept = values > values[-1] * 1e-13
        values = values[kept]
        hits = (vectors[:, kept].T @ found.sums[seen].T) ** 2 / values[:, None]
    else:
        whole = features[:].astype(np.float64)
        values, vectors = np.linalg.eigh(whole @ whole.T)
        kept = values > values[-1] * 1e-13
        values = values[kept]
        hits = (vectors[:, kept].T @ np.eye(classes)[labels][:, seen]) ** 2
    return values, hits, (sizes[seen] - hits.sum(0)).clip(min=0)


def _standardized(truth: NDArray[Any]) -> Floats:
    """Return targets `(n, t)`: values with mean 0 and deviation 1, labels as they are but for those of all rows or of none."""
    targets = truth.reshape(len(truth), -1).astype(np.float64)
    spread = targets.std(0)
    targets, spread = targets[:, spread > 0], spread[spread > 0]
    return (targets - targets.mean(0)) / spread if truth.ndim == 1 else targets


def _spectrum_of(features: Table, targets: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the same for targets `(n, t)` that are no classes."""
    rows, width = features.shape
    gram, products = np.zeros((width, width)), np.zeros((width, targets.shape[1]))
    for part in blocks(rows, 8 * width):
        block = features[part].astype(np.float64)
        gram += block.T @ block
        products += block.T @ targets[part]
    values, vectors = np.linalg.eigh(gram)
    kept = values > values[-1] * 1e-13
    values = values[kept]
    hits = (vectors[:, kept].T @ products) ** 2 / values[:, None]
    return values, hits, ((targets**2).sum(0) - hits.sum(0)).clip(min=0)


def _maximize(values: Floats, hits: Floats, rest: Floats, ratio: Floats, *, rows: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return alpha, beta, the squared norm of the weights and the squared residual of every class at a ratio alpha / beta."""
    shrunk = values / (values + ratio)
    effective = shrunk.sum(0)
    size = (hits * values / (values + ratio) ** 2).sum(0).clip(min=1e-30)
    miss = ((hits * (ratio / (values + ratio)) ** 2).sum(0) + rest).clip(min=1e-30)
    return effective / size, (rows - effective) / miss, size, miss
