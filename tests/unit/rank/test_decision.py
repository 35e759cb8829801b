"""Recommendations on fields made by hand."""

import numpy as np
import pytest

from harness.rank.choice import Rule
from harness.rank.decision import recommend

RULE = Rule("accuracy", 0.01, "latency", 1000)


def test_nobody_is_recommended_from_an_empty_field(make_field) -> None:  # noqa: ANN001 - a factory fixture
    assert recommend(make_field([]), RULE) is None


def test_a_sure_choice_is_decisive_and_says_why(make_row, make_field) -> None:  # noqa: ANN001 - as above
    rows = [
        make_row("big", 0.900, latency_p95_ms=30),
        make_row("minilm", 0.895, latency_p95_ms=3.9),
        make_row("tiny", 0.7, latency_p95_ms=1),
    ]
    found = recommend(make_field(rows), RULE)
    assert (found.candidate, found.technique, found.decisive, found.rivals, found.more_rows) == (
        "minilm",
        "linear-probe",
        True,
        (),
        None,
    )
    assert (found.score, found.low, found.high) == (0.895, 0.875, 0.915)
    assert (found.probability_best, found.probability_within_margin) == (0.0, 1.0)
    assert found.expected_regret == pytest.approx(0.005)
    assert found.reason == (
        "minilm with a linear probe is the cheapest (p95 latency 3.9 ms) of the 2 contenders that are expected to lose at most"
        " the margin of 0.01 accuracy against the best; it is within the margin of the best with probability over 0.99."
    )
    assert found.baseline_suffices is False


def test_doubt_names_rivals_and_rows(make_row, make_field) -> None:  # noqa: ANN001 - as above
    rows = [make_row("a", 0.9, latency_p95_ms=1), make_row("b", 0.9, latency_p95_ms=2), make_row("c", 0.5, latency_p95_ms=3)]
    deviations = np.zeros((4000, 3))
    deviations[:, 1] = np.random.default_rng(0).normal(0, 0.02, 4000)
    found = recommend(make_field(rows, deviations), Rule("accuracy", 0.01, "latency", 1000, rows_each=5.0))
    assert (found.candidate, found.decisive, found.rivals) == ("a", False, ("b · linear-probe",))
    assert found.probability_within_margin == pytest.approx(0.69, abs=0.03)
    assert found.more_rows == pytest.approx(5 * 9800, rel=0.08)
    assert "with probability 0.69, so it is not separated from b with a linear probe; " in found.reason
    assert found.reason.endswith(f"; about {found.more_rows:,} more labeled rows would.")


def test_a_difference_of_the_margin_itself_is_said_to_be_beyond_more_rows(make_row, make_field) -> None:  # noqa: ANN001 - as above
    rows = [make_row("a", 0.9, latency_p95_ms=1), make_row("b", 0.91, latency_p95_ms=2)]
    deviations = np.zeros((1000, 2))
    deviations[:, 1] = np.tile([-0.02, 0.02], 500)
    found = recommend(make_field(rows, deviations), Rule("accuracy", 0.016, "latency", 1000))
    assert found.candidate == "a"
    assert found.more_rows is not None
    deviations[:, 1] = np.random.default_rng(0).normal(0, 0.001, 1000)
    found = recommend(make_field(rows, deviations), Rule("accuracy", 0.01 + 1e-6, "latency", 1000))
    assert (found.candidate, found.decisive, found.more_rows) == ("a", False, None)
    assert "more rows would hardly settle it" in found.reason


def test_a_baseline_that_suffices_comes_first_in_the_sentence(make_row, make_field) -> None:  # noqa: ANN001 - as above
    model, tfidf = make_row("big", 0.900, latency_p95_ms=30), make_row("tfidf", 0.896, "fit", latency_p95_ms=0.4, baseline=True)
    found = recommend(make_field([model, tfidf]), RULE)
    assert (found.candidate, found.baseline_suffices) == ("tfidf", True)
    assert found.reason.startswith("A baseline suffices: tfidf, without a foundation model, is the cheapest (p95 latency 0.4 ms)")
    slow = make_row("tfidf", 0.896, "fit", latency_p95_ms=50, baseline=True)
    found = recommend(make_field([model, slow]), RULE)
    assert (found.candidate, found.baseline_suffices) == ("big", True)
    assert found.reason.startswith(
        "The baseline tfidf, without a foundation model, is already good enough; big with a linear probe is"
    )
    worse = make_row("tfidf", 0.80, "fit", latency_p95_ms=0.4, baseline=True)
    found = recommend(make_field([model, worse]), RULE)
    assert (found.candidate, found.baseline_suffices) == ("big", False)
    assert found.reason.startswith("big with a linear probe is the only contender that is expected to lose at most the margin")


def test_a_single_contender_needs_no_comparison(make_row, make_field) -> None:  # noqa: ANN001 - as above
    found = recommend(make_field([make_row("a")]), RULE)
    assert (found.decisive, found.probability_best, found.expected_regret) == (True, 1.0, 0.0)
    assert found.reason == "a with a linear probe is the only contender that qualifies."


def test_a_forced_choice_says_so(make_row, make_field) -> None:  # noqa: ANN001 - as above
    rows = [make_row(name, 0.9) for name in "abcdefgh"]
    found = recommend(make_field(rows, np.random.default_rng(0).normal(0, 0.04, (1000, 8))), RULE)
    assert found.decisive is False
    assert "is expected to lose the least against the best" in found.reason
    assert "more than the margin of 0.01" in found.reason
    assert "others" in found.reason
    assert found.more_rows > 1000
