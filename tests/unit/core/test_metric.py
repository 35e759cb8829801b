"""Metrics against an independent implementation and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from harness.core.metric import METRICS, counts, score

PAIRS = st.integers(1, 40).flatmap(lambda n: st.tuples(*[st.lists(st.integers(0, 4), min_size=n, max_size=n)] * 2))
INDEPENDENT = {
    "accuracy": sk.accuracy_score,
    "micro_f1": sk.accuracy_score,
    "macro_f1": lambda true, told: sk.f1_score(true, told, average="macro", zero_division=0),
    "weighted_f1": lambda true, told: sk.f1_score(true, told, average="weighted", zero_division=0),
    "mcc": sk.matthews_corrcoef,
    "balanced_accuracy": lambda true, told: np.mean([np.mean(told[true == c] == c) for c in np.unique(true)]),
}


@pytest.mark.filterwarnings("ignore:A single label was found")
@pytest.mark.parametrize("name", sorted(METRICS))
@settings(max_examples=60, deadline=None)
@given(pair=PAIRS)
def test_every_metric_equals_an_independent_implementation(name: str, pair: tuple[list[int], list[int]]) -> None:
    true, told = (np.array(side, np.int64) for side in pair)
    assert score(name, true, told, 6) == pytest.approx(INDEPENDENT[name](true, told), abs=1e-9)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_all_right_is_one(name: str) -> None:
    labels = np.array([0, 1, 2, 1])
    assert score(name, labels, labels, 3) == pytest.approx(1.0)


def test_closed_forms() -> None:
    """Of 6 rows in 2 classes 4 are right: 3 of 4 and 1 of 2; predicted are 4 and 2."""
    true, told = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 0])
    assert score("accuracy", true, told, 2) == pytest.approx(4 / 6)
    assert score("balanced_accuracy", true, told, 2) == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert score("macro_f1", true, told, 2) == pytest.approx((6 / 8 + 2 / 4) / 2)
    assert score("weighted_f1", true, told, 2) == pytest.approx((4 * 6 / 8 + 2 * 2 / 4) / 6)
    assert score("mcc", true, told, 2) == pytest.approx((3 * 1 - 1 * 1) / np.sqrt(4 * 4 * 2 * 2))


def test_one_class_on_either_side_has_no_correlation() -> None:
    assert score("mcc", np.array([0, 0, 1]), np.array([0, 0, 0]), 2) == 0.0


def test_counts_are_hits_predictions_and_truths_per_class() -> None:
    hits, predicted, true = counts(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1]), 4)
    assert (hits.tolist(), predicted.tolist(), true.tolist()) == ([1, 1, 0, 0], [1, 3, 0, 0], [2, 1, 1, 0])


@pytest.mark.parametrize("name", sorted(METRICS))
def test_many_resamples_at_once_equal_one_by_one(name: str) -> None:
    rng = np.random.default_rng(0)
    stacked = [counts(rng.integers(3, size=20), rng.integers(3, size=20), 3) for _ in range(5)]
    together = METRICS[name](*(np.stack(part) for part in zip(*stacked, strict=True)))
    assert together == pytest.approx([float(METRICS[name](*one)) for one in stacked])


@pytest.mark.parametrize("name", sorted(METRICS))
def test_no_rows_give_zero_and_no_warning(name: str) -> None:
    empty = np.empty(0, np.int64)
    assert score(name, empty, empty, 2) == 0.0
