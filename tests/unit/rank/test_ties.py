"""Tie groups: no false winners, and true winners found."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.metric import score
from harness.rank.bootstrap import Reference, draw_scores
from harness.rank.ties import tie_groups


def simulate(rng: np.random.Generator, rates: list[float], rows: int, classes: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return labels and predictions; half of what makes a row hard is shared by all contenders."""
    labels, hardness = rng.integers(classes, size=rows), rng.random(rows)
    told = []
    for rate in rates:
        wrong = np.where(rng.random(rows) < 0.5, hardness, rng.random(rows)) > rate
        told.append(np.where(wrong, (labels + rng.integers(1, classes, size=rows)) % classes, labels))
    return labels, told


def groups_of(metric: str, rates: list[float], tasks: int, *, rows: int, classes: int, resamples: int) -> list[tuple[int, ...]]:
    rng = np.random.default_rng(17)
    found = []
    for seed in range(tasks):
        labels, told = simulate(rng, rates, rows, classes)
        points = np.array([score(metric, labels, predicted, classes) for predicted in told])
        found.append(tie_groups(points, draw_scores(metric, Reference(labels, classes), told, seed, number=resamples)))
    return found


def tolerance(share: float, tasks: int) -> float:
    """Return two standard errors of a share that is estimated from so many tasks."""
    return 2 * math.sqrt(share * (1 - share) / tasks)


@pytest.mark.parametrize(("metric", "rows", "classes"), [("accuracy", 200, 2), ("macro_f1", 300, 8)])
def test_ten_equal_contenders_have_no_unique_winner(metric: str, rows: int, classes: int) -> None:
    """At most 5 % of tasks may have one, and 95 % or more should show all ten as tied, each give or take two standard errors."""
    found = groups_of(metric, [0.88] * 10, 300, rows=rows, classes=classes, resamples=400)
    assert np.mean([g.count(1) == 1 for g in found]) <= 0.05 + tolerance(0.05, 300)
    assert np.mean([g.count(1) == 10 for g in found]) >= 0.95 - tolerance(0.95, 300)


@pytest.mark.slow
@pytest.mark.parametrize(("metric", "rows", "classes"), [("accuracy", 200, 2), ("macro_f1", 500, 10), ("mcc", 1000, 5)])
def test_ten_equal_contenders_have_no_unique_winner_in_2000_tasks(metric: str, rows: int, classes: int) -> None:
    """With 2,000 tasks two standard errors are 0.01."""
    found = groups_of(metric, [0.9] * 10, 2000, rows=rows, classes=classes, resamples=1000)
    assert np.mean([g.count(1) == 1 for g in found]) <= 0.05
    assert np.mean([g.count(1) == 10 for g in found]) >= 0.95 - tolerance(0.95, 2000)


def test_the_best_is_in_the_first_group_and_the_clearly_worse_are_not() -> None:
    found = groups_of("accuracy", [0.93, 0.93, 0.9, 0.7, 0.68, 0.3], 100, rows=500, classes=3, resamples=300)
    assert np.mean([g[0] == 1 and g[1] == 1 for g in found]) >= 0.95 - tolerance(0.95, 100)
    assert all(g[3] > 1 and g[4] > 1 and g[5] > max(g[3], g[4]) for g in found)


def test_a_clear_winner_stands_alone() -> None:
    assert all(
        g == (2, 1, 2) for g in groups_of("accuracy", [0.7, 0.95, 0.7], 20, rows=400, classes=3, resamples=300) if g[0] == g[2]
    )


def test_the_same_predictions_are_one_group_and_constant_differences_separate() -> None:
    draws = np.random.default_rng(0).normal(0.9, 0.02, (200, 1))
    assert tie_groups(np.array([0.9, 0.9, 0.9]), np.repeat(draws, 3, axis=1)) == (1, 1, 1)
    assert tie_groups(np.array([0.9, 0.8]), np.c_[draws, draws - 0.1]) == (1, 2)


@pytest.mark.parametrize(("distance", "groups"), [(1.80, (1, 1)), (1.92, (1, 1)), (2.00, (1, 2)), (2.20, (1, 2))])
def test_two_contenders_part_where_their_difference_is_significant_at_5_percent(distance: float, groups: tuple[int, int]) -> None:
    """Of a normal difference, 1.96 standard errors are exceeded in 5 % of cases."""
    spread = np.random.default_rng(0).normal(0, 0.01, 100_000)
    points = np.array([0.9, 0.9 - distance * 0.01])
    assert tie_groups(points, points + np.c_[np.zeros_like(spread), spread]) == groups


def test_small_fields() -> None:
    assert tie_groups(np.empty(0), np.empty((5, 0))) == ()
    assert tie_groups(np.array([0.5]), np.full((5, 1), 0.5)) == (1,)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(5)), st.integers(0, 50))
def test_permuting_the_contenders_permutes_the_groups(order: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(0.8, 0.95, 5)
    draws = points + rng.normal(0, 0.02, (300, 5))
    groups = tie_groups(points, draws)
    assert tie_groups(points[order], draws[:, order]) == tuple(groups[i] for i in order)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000))
def test_groups_count_up_from_one_and_the_best_score_is_in_the_first(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(0.5, 0.95, 6)
    groups = tie_groups(points, points + rng.normal(0, rng.uniform(0.001, 0.05), (200, 6)))
    assert groups[int(points.argmax())] == 1
    assert set(groups) == set(range(1, max(groups) + 1))


def test_a_hopeless_contender_does_not_disturb_the_others() -> None:
    rng = np.random.default_rng(2)
    points = np.array([0.9, 0.89, 0.8])
    draws = points + rng.normal(0, 0.01, (500, 3))
    more = tie_groups(np.r_[points, 0.1], np.c_[draws, 0.1 + rng.normal(0, 0.01, 500)])
    assert more[:3] == tie_groups(points, draws)
