"""Against the definitions, computed the slow way."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from harness.core.table import blocks
from harness.measure import transferability
from harness.measure.transferability import h_score, log_me


def sample(rows: int, width: int, classes: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    generator = np.random.default_rng(rows)
    labels = generator.integers(classes, size=rows)
    spread = np.geomspace(1, 0.05, width)
    features = generator.normal(size=(rows, width)) * spread + generator.normal(size=(classes, width))[labels] * 0.4
    return features.astype(np.float32), labels


def maximum_evidence(features: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """Maximise the log marginal likelihood of y = F w + noise over both precisions, from its Gaussian form."""
    rows = len(target)
    gram = features @ features.T

    def loss(logs: NDArray[np.float64]) -> float:
        alpha, beta = np.exp(logs)
        covariance = np.eye(rows) / beta + gram / alpha
        _, determinant = np.linalg.slogdet(covariance)
        return float(0.5 * (rows * np.log(2 * np.pi) + determinant + target @ np.linalg.solve(covariance, target)))

    found = minimize(loss, np.log([1.0, 1.0]), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 4000})
    return -float(found.fun) / rows


@pytest.mark.parametrize(("rows", "width", "classes"), [(120, 10, 3), (60, 90, 2), (80, 80, 4)])
def test_logme_is_the_maximum_of_the_evidence(rows: int, width: int, classes: int) -> None:
    features, labels = sample(rows, width, classes)
    expected = np.mean([maximum_evidence(features.astype(float), (labels == c).astype(float)) for c in range(classes)])
    assert log_me(features, labels, classes) == pytest.approx(expected, abs=1e-6)


def test_logme_of_values_and_of_labels_is_the_maximum_of_the_evidence() -> None:
    features, labels = sample(120, 10, 3)
    values = features @ np.arange(10.0) + np.random.default_rng(0).normal(size=120)
    standard = (values - values.mean()) / values.std()
    assert log_me(features, 1000 * values + 5, 1) == pytest.approx(maximum_evidence(features.astype(float), standard), abs=1e-6)
    one_hot = np.eye(3, dtype=np.float32)[labels]
    assert log_me(features, one_hot, 3) == pytest.approx(log_me(features, labels, 3), abs=1e-9)


def test_h_score_equals_its_definition() -> None:
    from sklearn.covariance import LedoitWolf

    features, labels = sample(200, 12, 3)
    centered = features.astype(float) - features.astype(float).mean(0)
    fitted = LedoitWolf(assume_centered=True).fit(centered)
    between = sum(
        (labels == c).sum() * np.outer(centered[labels == c].mean(0), centered[labels == c].mean(0)) for c in range(3)
    ) / (len(labels) - 1)
    expected = (1 - fitted.shrinkage_) * np.trace(np.linalg.inv(fitted.covariance_) @ between)
    assert h_score(features, labels, 3) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("score", [log_me, h_score])
def test_features_that_tell_the_classes_apart_score_higher(score: object) -> None:
    features, labels = sample(300, 8, 3)
    noise = np.random.default_rng(1).normal(size=features.shape).astype(np.float32)
    assert score(features, labels, 3) > score(noise, labels, 3) + 0.05  # type: ignore[operator]


def test_a_class_without_rows_does_not_matter() -> None:
    features, labels = sample(100, 8, 3)
    assert log_me(features, labels, 4) == pytest.approx(log_me(features, labels, 3))
    assert h_score(features, labels, 4) == pytest.approx(h_score(features, labels, 3))


def whole_log_me(features: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    """LogME by a singular value decomposition of the whole matrix and one class after the other."""
    left, singular, _ = np.linalg.svd(features, full_matrices=False)
    evidences = []
    for target in targets.T:
        hits, ratio = (left.T @ target) ** 2, 1.0
        rest = target @ target - hits.sum()
        for _ in range(200):
            shrunk = singular**2 / (singular**2 + ratio)
            size = (hits * singular**2 / (singular**2 + ratio) ** 2).sum()
            miss = (hits * (ratio / (singular**2 + ratio)) ** 2).sum() + rest
            alpha, beta = shrunk.sum() / size, (len(target) - shrunk.sum()) / miss
            ratio = alpha / beta
        determinant = np.log(alpha + beta * singular**2).sum()
        rows, width = features.shape
        evidence = width * np.log(alpha) + rows * np.log(beta / (2 * np.pi)) - determinant - beta * miss - alpha * size
        evidences.append(evidence / (2 * rows))
    return float(np.mean(evidences))


def test_blocks_of_rows_give_what_all_rows_at_once_give(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.covariance import ledoit_wolf

    features, labels = sample(700, 12, 5)
    monkeypatch.setattr(transferability, "blocks", lambda rows, size: blocks(rows, size, limit=100 * size))
    double, members = features.astype(float), np.eye(5)[labels]
    assert log_me(features, labels, 5) == pytest.approx(whole_log_me(double, members), abs=1e-9)
    centered = double - double.mean(0)
    covariance, shrinkage = ledoit_wolf(centered, assume_centered=True)
    means = (members.T @ centered) / np.sqrt(members.sum(0))[:, None]
    expected = (1 - shrinkage) * np.trace(means @ np.linalg.solve(covariance, means.T)) / (len(labels) - 1)
    assert h_score(features, labels, 5) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("score", [log_me, h_score])
def test_memory_is_that_of_a_block_of_rows(score: object) -> None:
    """All rows in float64 would take 154 MB, all classes of all rows 480 MB; a block takes 34 MB, and up to three are alive."""
    features, labels = sample(300_000, 64, 200)
    tracemalloc.start()
    try:
        score(features, labels, 200)  # type: ignore[operator]
        assert tracemalloc.get_traced_memory()[1] < 120_000_000
    finally:
        tracemalloc.stop()
