"""The rule: cheapest within the margin."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.rank.choice import Rule, choose

RULE = Rule("accuracy", 0.01, "latency", 1000)


def test_the_cheapest_within_the_margin_wins_over_the_best(make_row, make_field) -> None:  # noqa: ANN001 - factory fixtures
    rows = [
        make_row("best", 0.900, latency_p95_ms=30),
        make_row("near", 0.892, latency_p95_ms=5),
        make_row("fast", 0.85, latency_p95_ms=1),
    ]
    choice = choose(make_field(rows), RULE)
    assert (rows[choice.index].candidate, choice.eligible, choice.is_forced) == ("near", (0, 1), False)
    assert choice.regret == pytest.approx(0.008)


def test_regret_at_the_margin_is_within_it(make_row, make_field) -> None:  # noqa: ANN001 - as above
    rows = [make_row("best", 0.90, latency_p95_ms=30), make_row("edge", 0.89, latency_p95_ms=5)]
    assert choose(make_field(rows), RULE).index == 1


@pytest.mark.parametrize(("prefer", "winner"), [("latency", "a"), ("memory", "b"), ("throughput", "c"), ("parameters", "d")])
def test_each_preference_has_its_own_cost(prefer, winner, make_row, make_field) -> None:  # noqa: ANN001 - as above
    def costs(number: int) -> dict[str, float]:
        values = {"latency_p95_ms": 10, "memory_mb": 10, "throughput_per_s": 10, "parameters": 10}
        name = list(values)[number]
        return values | {name: 20 if name == "throughput_per_s" else 5}

    rows = [make_row(name, **costs(i)) for i, name in enumerate("abcd")]
    assert rows[choose(make_field(rows), Rule("accuracy", 0.01, prefer, 1000)).index].candidate == winner


def test_what_was_not_measured_is_dearest_but_a_baseline_has_no_parameters(make_row, make_field) -> None:  # noqa: ANN001 - as above
    rows = [make_row("a"), make_row("b", 0.895, latency_p95_ms=99), make_row("base", 0.894, baseline=True)]
    assert choose(make_field(rows), RULE).index == 1
    by_size = Rule("accuracy", 0.01, "parameters", 1000)
    assert [by_size.cost(row) for row in rows] == [math.inf, math.inf, 0.0]


def test_equal_costs_are_decided_by_regret_then_by_name(make_row, make_field) -> None:  # noqa: ANN001 - as above
    rows = [make_row("b", 0.895, latency_p95_ms=5), make_row("c", 0.9, latency_p95_ms=5), make_row("a", 0.9, latency_p95_ms=5)]
    assert choose(make_field(rows), RULE).index == 2


@pytest.mark.parametrize(
    ("prefer", "cost", "near", "far"), [("latency", "latency_p95_ms", 10.9, 11.1), ("throughput", "throughput_per_s", 92, 89)]
)
def test_costs_within_a_tenth_are_equal(prefer, cost, near, far, *, make_row, make_field) -> None:  # noqa: ANN001 - as above
    least = 10 if prefer == "latency" else 100
    for other, winner in ((near, 1), (far, 0)):
        rows = [make_row("cheap", 0.895, **{cost: least}), make_row("good", 0.9, **{cost: other})]
        assert choose(make_field(rows), Rule("accuracy", 0.01, prefer, 1000)).index == winner


def test_where_nobody_is_within_the_margin_the_least_regret_must_do(make_row, make_field) -> None:  # noqa: ANN001 - as above
    rows = [make_row(name, 0.9, latency_p95_ms=cost) for name, cost in (("a", 9), ("b", 1), ("c", 5))]
    deviations = np.random.default_rng(0).normal(0, 0.05, (500, 3))
    deviations[:, 0] += 0.03
    choice = choose(make_field(rows, deviations), RULE)
    assert (choice.index, choice.eligible, choice.is_forced) == (0, (0,), True)


@given(st.permutations(range(4)), st.integers(0, 30))
def test_the_order_of_contenders_does_not_matter(order: list[int], seed: int) -> None:
    from harness.core.measurement import Measurement
    from harness.core.ranking import Estimate, RankedContender
    from harness.rank.choice import Field

    rng = np.random.default_rng(seed)
    rows = [
        RankedContender.model_construct(
            candidate=f"c{i}",
            technique="knn",
            baseline=False,
            validation=Estimate(score=0.9, low=0.8, high=1),
            measurements=(Measurement(name="latency_p95_ms", value=float(rng.integers(1, 4))),),
        )
        for i in range(4)
    ]
    points = rng.uniform(0.88, 0.92, 4)
    draws = points + rng.normal(0, 0.01, (100, 4))
    one = choose(Field(tuple(rows), points, draws), RULE)
    other = choose(Field(tuple(rows[i] for i in order), points[order], draws[:, order]), RULE)
    assert order[other.index] == one.index
