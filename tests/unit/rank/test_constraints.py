"""Constraints and their verdicts."""

from typing import Any

import pytest

from harness.core.card import Card
from harness.core.measurement import Measurement
from harness.core.ranking import Estimate
from harness.core.task import Task
from harness.rank.constraints import WORDS, judge, screen

ESTIMATE = Estimate(score=0.85, low=0.82, high=0.88)


def task(kind: str = "text-classification", languages: tuple[str, ...] = (), **constraints: Any) -> Task:
    return Task(name="t", kind=kind, data={"train": "x.csv"}, languages=languages, constraints=constraints)


def card(**facts: Any) -> Card:
    return Card(**({"name": "c", "license": "MIT"} | facts))


def verdicts(found: tuple[Any, ...]) -> dict[str, str]:
    assert all(v.reason[0].isupper() and v.reason.endswith(".") for v in found)
    assert all(v.constraint in WORDS for v in found)
    return {v.constraint: v.verdict for v in found}


def test_a_task_without_constraints_asks_for_its_modality_only() -> None:
    assert verdicts(screen(card(), task())) == {"modality": "pass"}
    assert verdicts(screen(card(), task("image-classification"))) == {"modality": "fail"}
    assert verdicts(screen(card(modality=("text", "image")), task("image-classification"))) == {"modality": "pass"}
    assert judge(card(), task(), (), ESTIMATE) == ()


@pytest.mark.parametrize(
    ("license", "policy", "verdict"),
    [
        ("MIT", "commercial", "pass"),
        ("CC-BY-NC-4.0", "commercial", "fail"),
        ("CC-BY-NC-4.0", "any", "pass"),
        ("unknown", "commercial", "unknown"),
        ("unknown", "any", "unknown"),
        ("unknown", {"use": "commercial", "unknown": "accept"}, "pass"),
        ("LicenseRef-Mine", {"use": "commercial"}, "unknown"),
        ("LicenseRef-Mine", {"use": "commercial", "unknown": "accept"}, "pass"),
        ("CC-BY-NC-4.0", {"use": "commercial", "unknown": "accept"}, "fail"),
        ("Apache-2.0", {"deny": ["apache-2.0"]}, "fail"),
        ("Apache-2.0", {"allow": ["MIT"]}, "fail"),
    ],
)
def test_the_license_policy(license: str, policy: Any, verdict: str) -> None:  # noqa: A002 - the card's own word
    assert verdicts(screen(card(license=license), task(license=policy)))["license"] == verdict


@pytest.mark.parametrize(
    ("known", "wanted", "verdict"),
    [
        (("en",), ("en",), "pass"),
        (("en",), ("en-GB",), "pass"),
        (("en-US",), ("EN",), "pass"),
        (("en",), ("de",), "fail"),
        (("en", "fr"), ("de", "fr"), "pass"),
        (("multilingual",), ("de",), "pass"),
        (("multilingual", "en"), ("de",), "pass"),
        ((), ("de",), None),
        (("en",), (), None),
    ],
)
def test_languages_bind_only_where_both_sides_state_them(known: Any, wanted: Any, verdict: str | None) -> None:
    assert verdicts(screen(card(languages=known), task(languages=wanted))).get("languages") == verdict


def test_languages_and_context_bind_neither_baselines_nor_images() -> None:
    assert "languages" not in verdicts(screen(card(languages=("en",), baseline=True), task(languages=("de",))))
    assert "context" not in verdicts(screen(card(baseline=True), task(context=512)))
    both = card(modality=("image",), languages=("en",))
    assert verdicts(screen(both, task("image-classification", languages=("de",), context=512))) == {"modality": "pass"}


@pytest.mark.parametrize(("context", "verdict"), [(512, "pass"), (511, "fail"), (None, "unknown")])
def test_the_context_length_is_a_minimum(context: int | None, verdict: str) -> None:
    assert verdicts(screen(card(context=context), task(context=512)))["context"] == verdict


def test_parameters_are_screened_where_the_card_states_them_and_else_left_to_the_measurement() -> None:
    limit = task(parameters="100M")
    assert verdicts(screen(card(parameters=100_000_000), limit))["parameters"] == "pass"
    assert verdicts(screen(card(parameters=100_000_001), limit))["parameters"] == "fail"
    assert "parameters" not in verdicts(screen(card(), limit))
    assert verdicts(judge(card(), limit, (), ESTIMATE)) == {"parameters": "unknown"}
    assert verdicts(judge(card(baseline=True), limit, (), ESTIMATE)) == {"parameters": "pass"}


def test_measured_parameters_stand_before_the_card() -> None:
    limit, measured = task(parameters=1000), (Measurement(name="parameters", value=900),)
    assert verdicts(judge(card(parameters=2000), limit, measured, ESTIMATE)) == {"parameters": "pass"}
    assert verdicts(judge(card(parameters=2000), limit, (), ESTIMATE)) == {"parameters": "fail"}
    assert "900 measured" in judge(card(parameters=2000), limit, measured, ESTIMATE)[0].reason


@pytest.mark.parametrize("percentile", ["p50", "p95", "p99"])
def test_each_latency_bound_looks_at_its_own_percentile(percentile: str) -> None:
    limit = task(latency_ms={percentile: 10})
    others = [Measurement(name=f"latency_{p}_ms", value=99.0) for p in ("p50", "p95", "p99") if p != percentile]
    key = f"latency_ms.{percentile}"

    def verdict(value: float) -> str:
        return verdicts(judge(card(), limit, [*others, Measurement(name=f"latency_{percentile}_ms", value=value)], ESTIMATE))[key]

    assert (verdict(10.0), verdict(10.01)) == ("pass", "fail")
    assert verdicts(judge(card(), limit, others, ESTIMATE)) == {key: "unknown"}


@pytest.mark.parametrize(
    ("constraint", "limit", "good", "bad"),
    [("memory_mb", 200, 200.0, 201.0), ("weights_mb", 90, 86.6, 90.5), ("throughput_per_s", 100, 100.0, 99.0)],
)
def test_measured_limits(constraint: str, limit: float, good: float, bad: float) -> None:
    limits = task(**{constraint: limit})
    for value, expected in ((good, "pass"), (bad, "fail")):
        (found,) = judge(card(), limits, [Measurement(name=constraint, value=value)], ESTIMATE)
        assert found.verdict == expected
        assert f"{value:g}" in found.reason
        assert f"{limit:g}" in found.reason
    assert verdicts(judge(card(), limits, (), ESTIMATE)) == {constraint: "unknown"}


def test_weights_of_a_baseline_are_no_obstacle_but_its_memory_is() -> None:
    found = verdicts(judge(card(baseline=True), task(weights_mb=1, memory_mb=1), (), ESTIMATE))
    assert found == {"weights_mb": "pass", "memory_mb": "unknown"}


def test_a_reason_holds_value_unit_and_limit() -> None:
    (found,) = judge(card(), task(latency_ms=50), [Measurement(name="latency_p95_ms", value=61.27)], ESTIMATE)
    assert found.reason == "The p95 latency, 61.27 ms measured, is above the limit of 50 ms."
    (close,) = judge(card(), task(memory_mb=100), [Measurement(name="memory_mb", value=100.004)], ESTIMATE)
    assert "100.004 MB" in close.reason


@pytest.mark.parametrize(("bound", "verdict"), [(0.80, "pass"), (0.82, "pass"), (0.83, "fail"), (0.90, "fail")])
def test_quality_counts_as_met_only_if_the_lower_end_reaches_it(bound: float, verdict: str) -> None:
    (found,) = judge(card(), task(min_quality=bound), (), ESTIMATE)
    assert (found.constraint, found.verdict) == ("min_quality", verdict)
    assert "[0.82, 0.88]" in found.reason


@pytest.mark.parametrize(("bound", "verdict"), [(0.90, "pass"), (0.88, "pass"), (0.86, "fail")])
def test_where_less_is_better_the_upper_end_must_reach_it(bound: float, verdict: str) -> None:
    score = Measurement(name="score", value=0.85, better="lower")
    assert verdicts(judge(card(), task(min_quality=bound), [score], ESTIMATE)) == {"min_quality": verdict}


SERVED = {"source": "https://api.example.org/v1", "remote": {"model": "m", "offers": ["chat"]}}


def test_what_a_server_takes_binds_it_alone_and_memory_of_this_machine_does_not() -> None:
    limits = {"memory_mb": 10, "cost_per_1000_rows": 0.5, "parameters": 10}
    paid = Measurement(name="cost_per_1000_rows", value=0.7, unit="EUR")
    far, here = card(**SERVED), card()
    assert verdicts(judge(far, task(**limits), (paid,), ESTIMATE)) == {
        "memory_mb": "pass", "cost_per_1000_rows": "fail", "parameters": "unknown"
    }  # fmt: skip
    assert verdicts(judge(far, task(**limits), (), ESTIMATE))["cost_per_1000_rows"] == "unknown"
    assert verdicts(judge(here, task(**limits), (), ESTIMATE)) == {
        "memory_mb": "unknown", "cost_per_1000_rows": "pass", "parameters": "unknown"
    }  # fmt: skip


def test_a_proprietary_license_is_unknown_until_the_task_says_otherwise() -> None:
    found = screen(card(license="proprietary"), task(license="commercial"))
    assert verdicts(found)["license"] == "unknown"
    assert "its terms decide" in next(v.reason for v in found if v.constraint == "license")
    for policy in ({"use": "commercial", "unknown": "accept"}, {"use": "commercial", "allow": ["proprietary"]}):
        assert verdicts(screen(card(license="proprietary"), task(license=policy)))["license"] == "pass"
