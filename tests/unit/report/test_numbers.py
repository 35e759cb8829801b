from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.measurement import Measurement
from harness.core.shown import DASH
from harness.report import numbers


@given(st.floats(min_value=1e-6, max_value=1e12))
def test_three_significant_digits_are_near_the_value(value: float) -> None:
    text = numbers.significant(value)
    assert math.isclose(float(text.replace(",", "")), value, rel_tol=5.01e-3)
    assert "e" not in text


@given(st.floats(min_value=0, max_value=1))
def test_a_probability_from_resamples_is_never_certain(value: float) -> None:
    text = numbers.probability(value)
    assert text in {"< 0.01", "> 0.99"} or abs(float(text) - value) <= 0.005 + 1e-12
    assert text not in {"0.00", "1.00"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (999.6, "1.00 K"), (22_713_216, "22.7 M"), (999_960_000, "1.00 B"), (7_000_000_000, "7.00 B")],
)
def test_counts(value: float, text: str) -> None:
    assert numbers.count(value) == text


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_was_not_measured_is_a_dash_that_says_so(value: float | None) -> None:
    found = numbers.quantity(value, numbers.significant)
    assert (found.value, found.text, found.note) == (None, DASH, "not measured")


def test_a_measurement_brings_interval_observations_and_conditions() -> None:
    taken = Measurement(name="latency_p95_ms", value=3.9, low=3.5, high=4.25, n=50, conditions="batch 1")
    found = numbers.measured(taken, numbers.significant)
    assert (found.value, found.text) == (3.9, "3.90")
    assert found.note == "3.50 to 4.25, from 50 observations, batch 1"
    assert numbers.measured(None, numbers.significant).value is None
