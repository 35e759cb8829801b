"""Logistic regression of each label on frozen features; all labels are fitted together, with one strength of regularisation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Fold = tuple[Floats, Floats, Ints, Ints]

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
_ITERATIONS = 200


def choose_strength(folds: Sequence[Fold], truth: Floats) -> float:
    """Return the C with the least log loss on rows that were not learned from, walking from strong to weak until it rises.

    A fold is the features to learn from and to check, standardized, and the positions of both in `truth` `(n, k)`.
    """
    losses: list[float] = []
    for strength in STRENGTHS:
        losses.append(sum(_held_out_loss(fold, truth, strength) for fold in folds))
        if len(losses) > 1 and losses[-1] > losses[-2]:
            break
    return STRENGTHS[int(np.argmin(losses))]


def _held_out_loss(fold: Fold, truth: Floats, strength: float) -> float:
    known, asked, learn, check = fold
    weights, bias = fit_logistic(known, truth[learn], strength)
    return _loss(asked @ weights + bias, truth[check])


def fit_logistic(features: Floats, truth: Floats, strength: float) -> tuple[Floats, Floats]:
    """Return weights `(d, k)` and bias `(k,)` that minimize `C · log loss + ½ |weights|²`, as scikit-learn's do.

    `features` `(n, d)` are standardized, `truth` `(n, k)` is zeros and ones; a label that no row has gets a low bias.
    """
    width, labels = features.shape[1], truth.shape[1]

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, bias = flat[:-labels].reshape(width, labels), flat[-labels:]
        margins = features @ weights.astype(np.float32) + bias.astype(np.float32)
        wrong = expit(margins) - truth
        slope = strength * (features.T @ wrong) + weights
        value = strength * len(features) * labels * _loss(margins, truth) + 0.5 * float((weights**2).sum())
        return value, np.concatenate([slope.ravel(), strength * wrong.sum(0)]).astype(np.float64)

    shares = (truth.sum(0) + 0.5) / (len(truth) + 1)
    start = np.concatenate([np.zeros(width * labels), np.log(shares / (1 - shares))])
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS, "ftol": 1e-7}).x
    return found[:-labels].reshape(width, labels).astype(np.float32), found[-labels:].astype(np.float32)


def _loss(margins: Floats, truth: Floats) -> float:
    """Return the mean log loss over rows and labels."""
    return float((np.logaddexp(0, margins) - truth * margins).mean(dtype=np.float64))
