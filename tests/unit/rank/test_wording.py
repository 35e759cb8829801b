"""Numbers and names in sentences."""

from hypothesis import given
from hypothesis import strategies as st

from harness.rank.wording import between, cost, enumerate_some, name, probability, round_up, summary


def test_names_read_as_part_of_a_sentence(make_row) -> None:  # noqa: ANN001 - a factory fixture
    assert name(make_row("minilm")) == "minilm with a linear probe"
    assert name(make_row("minilm", technique="knn")) == "minilm with nearest neighbors"
    assert name(make_row("tfidf", technique="fit")) == "tfidf"
    assert name(make_row("minilm", technique="prompt-tuning")) == "minilm with prompt tuning"


def test_costs_and_summaries_leave_out_what_was_not_measured(make_row) -> None:  # noqa: ANN001 - as above
    assert cost(make_row("a", latency_p95_ms=3.914), "latency_p95_ms") == " (p95 latency 3.91 ms)"
    assert cost(make_row("a"), "latency_p95_ms") == ""
    assert cost(make_row("a", parameters=22713216), "parameters") == " (parameters 22,713,216)"
    assert summary(make_row("a", memory_mb=143.2)) == "accuracy 0.900 [0.880, 0.920], memory 143 MB"


def test_lists_of_names() -> None:
    assert enumerate_some(["a"]) == "a"
    assert enumerate_some(["a", "b"]) == "a and b"
    assert enumerate_some(["a", "b", "c"]) == "a, b and c"
    assert enumerate_some(["a", "b", "c", "d"]) == "a, b, c and 1 other"


def test_a_share_of_resamples_never_reads_as_certain() -> None:
    assert [probability(p) for p in (0.0, 0.5, 0.994, 0.996, 1.0)] == ["0.00", "0.50", "0.99", "over 0.99", "over 0.99"]


@given(st.integers(1, 10**7))
def test_rounding_up_keeps_two_digits_and_adds_less_than_a_tenth(value: int) -> None:
    rounded = round_up(value)
    assert value <= rounded < value * 1.1 + 1
    assert len(str(rounded).rstrip("0")) <= 2


@given(st.floats(0, 1e4), st.floats(1e-3, 1e4))
def test_a_limit_between_two_values_separates_them(least: float, step: float) -> None:
    limit = between(least, least + step)
    assert least <= limit < least + step
