from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.relevance import COLUMNS
from harness.measure.relevance import judge_lists, ndcg, recall, reciprocal_rank


def judge(places: list[int], grades: dict[int, float]) -> dict[str, float]:
    return dict(zip(COLUMNS, judge_lists(np.asarray([places]), [grades])[0].tolist(), strict=True))


def test_figures_are_those_of_a_calculation_by_hand() -> None:
    """Grades 3, 2 and 1 stand at places 2, never and 4; the ideal order has them at 1, 2 and 3."""
    found = judge([10, 7, 11, 5], {7: 3.0, 8: 2.0, 5: 1.0})
    gained = 3 / math.log2(3) + 1 / math.log2(5)
    ideal = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    assert found["ndcg@10"] == pytest.approx(gained / ideal)
    assert found["ndcg@10"] == pytest.approx(0.487932, abs=1e-6)
    assert found["mrr"] == 1 / 2
    assert (found["recall@1"], found["recall@5"], found["recall@100"]) == (0, pytest.approx(2 / 3), pytest.approx(2 / 3))


def test_the_example_of_wikipedia() -> None:
    """Six results of grades 3, 2, 3, 0, 1, 2, and two more right documents of grades 3 and 2: the published nDCG at 6 is 0.785."""
    grades = {0: 3.0, 1: 2.0, 2: 3.0, 4: 1.0, 5: 2.0, 6: 3.0, 7: 2.0}
    assert ndcg([0, 1, 2, 3, 4, 5], grades, 6) == pytest.approx(0.785, abs=5e-4)


def test_what_is_beyond_the_cut_does_not_count() -> None:
    places = [*range(10), 77]
    assert judge(places, {77: 1.0})["ndcg@10"] == 0
    assert judge(places, {77: 1.0})["mrr"] == pytest.approx(1 / 11)
    far = [*range(100), 777]
    assert set(judge(far, {777: 1.0}).values()) == {0.0}


def test_an_empty_place_is_no_document() -> None:
    assert judge([-1, -1], {0: 1.0, 1: 1.0}) == dict.fromkeys(COLUMNS, 0.0)
    assert judge([1, -1], {0: 1.0, 1: 1.0})["recall@10"] == 0.5


def test_the_ideal_is_cut_too() -> None:
    """With more right documents than places, a list of right ones alone is perfect."""
    grades = dict.fromkeys(range(30), 1.0)
    assert judge(list(range(20)), grades)["ndcg@10"] == pytest.approx(1)
    assert judge(list(range(20)), grades)["recall@10"] == pytest.approx(10 / 30)


@given(st.permutations(range(12)), st.dictionaries(st.integers(0, 11), st.integers(1, 3).map(float), min_size=1))
def test_figures_lie_between_nothing_and_one_and_the_best_order_reaches_it(places: list[int], grades: dict[int, float]) -> None:
    best = sorted(places, key=lambda place: -grades.get(place, 0))
    for figure in (lambda order: ndcg(order, grades, 10), lambda order: reciprocal_rank(order, grades)):
        assert 0 <= figure(places) <= figure(best) <= 1
        assert figure(best) == pytest.approx(1)
    assert recall(places, grades, 12) == 1
