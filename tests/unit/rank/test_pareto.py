"""The Pareto front against its definition."""

from hypothesis import given
from hypothesis import strategies as st

from harness.rank.pareto import pareto_front

COSTS = st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=8)


@given(COSTS)
def test_the_front_is_what_nothing_dominates(costs: list[tuple[int, ...]]) -> None:
    front = pareto_front(costs)
    for row, is_on in zip(costs, front, strict=True):
        dominated = any(
            all(a <= b for a, b in zip(o, row, strict=True)) and any(a < b for a, b in zip(o, row, strict=True)) for o in costs
        )
        assert is_on is not dominated


@given(COSTS.filter(bool))
def test_somebody_is_on_the_front_and_equals_are_on_it_together(costs: list[tuple[int, ...]]) -> None:
    front = pareto_front(costs)
    assert any(front)
    assert pareto_front([*costs, costs[0]])[-1] is front[0]


def test_a_missing_measurement_bars_from_the_front_and_does_not_dominate() -> None:
    assert pareto_front([(0, None), (1, 1), (None, None)]) == (False, True, False)
    assert pareto_front([]) == ()
