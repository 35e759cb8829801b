"""Constraints as a task states them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.core.constraint import Constraints, LatencyLimit, LicensePolicy, Verdict, parse_count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("500M", 500_000_000),
        ("1.5B", 1_500_000_000),
        ("22k", 22_000),
        ("7 b", 7_000_000_000),
        ("1G", 10**9),
        ("42", 42),
        (" 3M ", 3_000_000),
    ],
)
def test_counts_are_read_as_people_write_them(text: str, count: int) -> None:
    assert parse_count(text) == count
    assert Constraints(parameters=text).parameters == count  # type: ignore[arg-type]


@given(st.integers(1, 10**12))
def test_plain_numbers_pass_through(count: int) -> None:
    assert parse_count(count) == count
    assert parse_count(str(count)) == count


@pytest.mark.parametrize("wrong", ["many", "-5M", "5X", 0, -1, "0", "9" * 400, "9" * 400 + "B"])
def test_what_is_no_count_is_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        Constraints(parameters=wrong)


@pytest.mark.parametrize("wrong", ["", "MIT OR", "(", "MIT OR Apache-2.0", "agpl-3", "llama3"])
def test_a_policy_names_licenses_that_are_known_one_by_one(wrong: str) -> None:
    for part in ("allow", "deny"):
        with pytest.raises(ValidationError, match="SPDX"):
            LicensePolicy.model_validate({part: ["MIT", wrong]})


def test_nothing_binds_by_default() -> None:
    assert set(Constraints().model_dump().values()) == {None}


def test_short_forms_mean_p95_and_use() -> None:
    short = Constraints.model_validate({"latency_ms": 50, "license": "commercial"})
    assert short == Constraints(latency_ms=LatencyLimit(p95=50), license=LicensePolicy(use="commercial"))
    assert Constraints.model_validate({"latency_ms": 2.5}).latency_ms == LatencyLimit(p95=2.5)


def test_reading_does_not_change_what_was_read() -> None:
    content = {"latency_ms": 50}
    Constraints.model_validate(content)
    assert content == {"latency_ms": 50}


@pytest.mark.parametrize(
    "wrong",
    [
        {"latencyms": 5},
        {"latency_ms": {"p96": 5}},
        {"latency_ms": 0},
        {"license": "comercial"},
        {"memory_mb": -1},
        {"latency_ms": {"batch_size": 2}},
    ],
)
def test_unknown_keys_and_impossible_limits_are_faults(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Constraints.model_validate(wrong)


def test_unknown_licenses_are_rejected_unless_said_otherwise() -> None:
    assert LicensePolicy().unknown == "reject"


def test_round_trip() -> None:
    constraints = Constraints.model_validate(
        {"latency_ms": {"p50": 5, "p95": 9}, "license": {"deny": ["GPL-3.0-only"]}, "min_quality": 0.8}
    )
    assert Constraints.model_validate_json(constraints.model_dump_json()) == constraints


def test_a_verdict_is_one_of_three() -> None:
    with pytest.raises(ValidationError):
        Verdict.model_validate({"constraint": "license", "verdict": "maybe", "reason": ""})
