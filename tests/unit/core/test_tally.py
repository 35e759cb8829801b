"""Metrics of values and of several labels, against independent implementations on the resampled rows themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from harness.core.data import Rows, stratify
from harness.core.metric_facts import FACTS, facts_of
from harness.core.tally import LABELS, NUMBERS, score, tally_labels, tally_numbers

SPAN = st.integers(-3, 3).map(float)
VALUES = st.integers(3, 30).flatmap(lambda n: st.tuples(*[st.lists(SPAN, min_size=n, max_size=n)] * 2))


def correlation(function: object, true: np.ndarray, told: np.ndarray) -> float:
    return 0.0 if len(set(true)) < 2 or len(set(told)) < 2 else float(function(true, told).statistic)  # type: ignore[operator]


OF_NUMBERS = {
    "spearman": lambda true, told: correlation(stats.spearmanr, true, told),
    "pearson": lambda true, told: correlation(stats.pearsonr, true, told),
    "r2": lambda true, told: sk.r2_score(true, told) if len(set(true)) > 1 else 0.0,
    "mae": sk.mean_absolute_error,
    "rmse": sk.root_mean_squared_error,
}
OF_LABELS = {
    "micro_f1": lambda true, told: sk.f1_score(true, told, average="micro", zero_division=0),
    "macro_f1": lambda true, told: np.mean(
        [sk.f1_score(true[:, i], told[:, i], zero_division=0) for i in range(true.shape[1]) if (true + told)[:, i].any()] or [0]
    ),
    "weighted_f1": lambda true, told: sk.f1_score(true, told, average="weighted", zero_division=0),
    "samples_f1": lambda true, told: sk.f1_score(true, told, average="samples", zero_division=1),
    "accuracy": lambda true, told: (true == told).all(1).mean(),
}


@pytest.mark.parametrize("name", sorted(NUMBERS))
@settings(max_examples=40, deadline=None)
@given(pair=VALUES, seed=st.integers(0, 9))
def test_a_resample_of_values_scores_like_the_rows_that_were_drawn(
    name: str, pair: tuple[list[float], list[float]], seed: int
) -> None:
    true, told = (np.array(side) for side in pair)
    drawn = np.random.default_rng(seed).integers(len(true), size=len(true))
    weights = np.bincount(drawn, minlength=len(true)).astype(np.float32)[None]
    found = NUMBERS[name].draw(tally_numbers(true, told), weights)
    assert found.tolist() == pytest.approx([OF_NUMBERS[name](true[drawn], told[drawn])], abs=1e-6)


@pytest.mark.parametrize("name", sorted(LABELS))
@pytest.mark.parametrize("seed", range(8))
def test_a_resample_of_labels_scores_like_the_rows_that_were_drawn(name: str, seed: int) -> None:
    draw = np.random.default_rng(seed)
    true, told = ((draw.random((25, 4)) < share).astype(np.float32) for share in (0.3, 0.4))
    true[0] = told[0] = 0
    drawn = draw.integers(25, size=25)
    weights = np.stack([np.bincount(drawn, minlength=25), np.ones(25)]).astype(np.float32)
    found = LABELS[name].draw(tally_labels(true, told), weights)
    expected = [OF_LABELS[name](true[drawn], told[drawn]), OF_LABELS[name](true, told)]
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


def test_a_large_offset_costs_no_digits() -> None:
    true = 1e7 + np.arange(50.0)
    told = true + np.random.default_rng(0).normal(size=50)
    for name in ("pearson", "r2", "rmse"):
        assert score(NUMBERS[name], tally_numbers(true, told)) == pytest.approx(OF_NUMBERS[name](true, told), rel=1e-6)


def test_every_metric_says_where_its_best_is() -> None:
    true = np.array([1.0, 2.0, 4.0])
    assert set(NUMBERS) | set(LABELS) <= set(FACTS)
    for name, metric in NUMBERS.items():
        assert score(metric, tally_numbers(true, true)) == pytest.approx(facts_of(name).best)
        worse = score(metric, tally_numbers(true, true[::-1]))
        assert (worse > facts_of(name).best) == (facts_of(name).better == "lower")
    both = np.eye(3, dtype=np.float32)
    assert {name: score(metric, tally_labels(both, both)) for name, metric in LABELS.items()} == dict.fromkeys(LABELS, 1.0)


def test_values_are_divided_by_size_and_labels_by_the_rarest() -> None:
    assert stratify(np.arange(20.0)).tolist() == [i // 2 for i in range(20)]
    assert stratify(np.array([7.0, 7.0, 7.0, 9.0])).tolist() == [0, 0, 0, 7]
    rows = Rows(("a", "b", "c"), ("x", "y", "z"), ((0, 1), (0,), ()), ("often", "rare"), target="labels")
    assert rows.strata() == (1, 0, 2)
    assert rows.truth().tolist() == [[1, 1], [1, 0], [0, 0]]
    assert rows.sizes() == (2, 1)
    assert rows.take([2, 0]).truth().tolist() == [[0, 0], [1, 1]]
