"""Whole rankings of runs made by hand."""

import dataclasses
import random

import numpy as np
import pytest

from harness.core.ranking import Excluded, Ranking
from harness.core.trial import Failed, Skipped

FAST, SLOW = {"latency_p95_ms": 3.0}, {"latency_p95_ms": 30.0}


def names(ranking) -> list[str]:  # noqa: ANN001 - a ranking
    return [row.candidate for row in ranking.rows]


def test_rows_come_by_tie_group_then_score_with_everything_measured(make_run, entry) -> None:  # noqa: ANN001 - factory fixtures
    found = make_run([entry("low", 0.5), entry("best", 0.95), entry("mid", 0.8)], classes=3).rank()
    assert names(found) == ["best", "mid", "low"]
    assert [(r.rank, r.tie) for r in found.rows] == [(1, 1), (2, 2), (3, 3)]
    best = found.rows[0]
    assert best.value("memory_mb") == 100
    assert best.value("latency_p95_ms") == 10
    assert (best.train_score, best.metric, best.recipe, best.license) == (0.95, "accuracy", {"C": 1.0}, "MIT")
    assert best.validation.low < 0.95 < best.validation.high
    assert best.test.low < best.test.score < best.test.high
    assert sum(r.probability_best for r in found.rows) == pytest.approx(1)
    assert best.expected_regret == pytest.approx(0, abs=1e-6)
    assert found.rows[1].expected_regret == pytest.approx(0.15, abs=0.005)
    assert (found.task, found.metric, found.higher_is_better, found.margin, found.prefer) == (
        "made",
        "accuracy",
        True,
        0.01,
        "latency",
    )
    assert (found.validation_rows, found.test_rows) == (1000, 500)
    assert Ranking.model_validate_json(found.model_dump_json()) == found


def test_the_cheapest_within_the_margin_is_recommended(make_run, entry) -> None:  # noqa: ANN001 - as above
    found = make_run([entry("big", 0.930, costs=SLOW), entry("minilm", 0.927, costs=FAST), entry("tiny", 0.6)]).rank()
    assert names(found)[0] == "big"
    assert (found.recommendation.candidate, found.recommendation.decisive) == ("minilm", True)
    wishes = {a.wish: a.candidate for a in found.alternatives}
    assert wishes["best by quality alone"] == "big"


def test_a_latency_limit_removes_the_winner_and_keeps_its_row(make_run, entry) -> None:  # noqa: ANN001 - as above
    entries = [entry("slow", 0.95, costs=SLOW), entry("fast", 0.8, costs=FAST)]
    assert make_run(entries).rank().recommendation.candidate == "slow"
    found = make_run(entries, constraints={"latency_ms": 5}).rank()
    assert found.recommendation.candidate == "fast"
    assert found.recommendation.probability_best == 1.0
    assert [(r.candidate, r.rank, r.tie, r.pareto, r.probability_best) for r in found.rows] == [
        ("fast", 1, 1, True, 1),
        ("slow", 0, 0, False, 0),
    ]
    assert [(e.candidate, e.technique, e.constraint, e.verdict) for e in found.excluded] == [
        ("slow", "linear-probe", "latency_ms.p95", "fail")
    ]
    assert found.rows[1].expected_regret == 0.0
    assert {a.wish: a.candidate for a in found.alternatives}["without the constraint on p95 latency"] == "slow"


def test_a_license_policy_applies_when_records_are_ranked_again(make_run, entry) -> None:  # noqa: ANN001 - as above
    entries = [entry("nc", 0.95, license="CC-BY-NC-4.0"), entry("free", 0.8), entry("dark", 0.9, license="unknown")]
    found = make_run(entries, constraints={"license": "commercial"}).rank()
    assert found.recommendation.candidate == "free"
    assert {(e.candidate, e.verdict) for e in found.excluded} == {("nc", "fail"), ("dark", "unknown")}
    accepted = make_run(entries, constraints={"license": {"use": "commercial", "unknown": "accept"}}).rank()
    assert accepted.recommendation.candidate == "dark"


def test_what_was_not_measured_cannot_meet_a_limit(make_run, entry) -> None:  # noqa: ANN001 - as above
    found = make_run([entry("a", 0.95, costs={"memory_mb": None}), entry("b", 0.8)], constraints={"memory_mb": 200}).rank()
    assert found.recommendation.candidate == "b"
    assert [(e.candidate, e.verdict) for e in found.excluded] == [("a", "unknown")]


def test_measured_parameters_stand_before_the_cards(make_run, entry) -> None:  # noqa: ANN001 - as above
    big = entry("a", costs={"parameters": 900.0}, card={"parameters": 2000})
    assert make_run([big], constraints={"parameters": 1000}).rank().recommendation is not None


def test_nothing_qualifies(make_run, entry) -> None:  # noqa: ANN001 - as above
    found = make_run([entry("a", 0.8), entry("b", 0.7)], constraints={"min_quality": 0.9}).rank()
    assert found.recommendation is None
    assert [row.rank for row in found.rows] == [0, 0]
    assert {e.constraint for e in found.excluded} == {"min_quality"}
    assert [(a.wish, a.candidate) for a in found.alternatives] == [("without the constraint on quality", "a")]


def test_doubt_names_the_rivals(make_run, entry) -> None:  # noqa: ANN001 - as above
    entries = [entry("a", 0.85, costs=FAST, seed=1), entry("b", 0.85, seed=2), entry("c", 0.4)]
    found = make_run(entries, rows=400, margin=0.015).rank()
    assert {row.tie for row in found.rows[:2]} == {1}
    assert found.recommendation.candidate == "a"
    assert found.recommendation.decisive is False
    assert found.recommendation.rivals == ("b · linear-probe",)
    assert found.recommendation.more_rows > 400
    assert f"about {found.recommendation.more_rows:,} more labeled rows would" in found.recommendation.reason


def test_rows_are_counted_as_labeled_ones(make_run, entry) -> None:  # noqa: ANN001 - as above
    """The made runs validate on a fifth of the training rows; with the test rows drawn from the same file even less."""
    run = make_run([entry("a", 0.85, costs=FAST, seed=1), entry("b", 0.85, seed=2)], rows=400, test_rows=2000, margin=0.015)
    given = run.rank().recommendation.more_rows
    info = run.info.model_copy(update={"data": run.info.data.model_copy(update={"drawn_test": True})})
    drawn = dataclasses.replace(run, info=info).rank().recommendation.more_rows
    assert drawn == pytest.approx(2 * given, rel=0.1)


def test_a_baseline_that_suffices_is_said_first(make_run, entry) -> None:  # noqa: ANN001 - as above
    baseline = entry("tfidf", 0.93, technique="fit", costs={"latency_p95_ms": 0.3}, card={"baseline": True})
    found = make_run([baseline, entry("big", 0.932)]).rank()
    assert found.recommendation.candidate == "tfidf"
    assert found.recommendation.baseline_suffices is True
    assert found.recommendation.reason.startswith("A baseline suffices: tfidf")


def test_a_control_is_shown_and_never_recommended(make_run, entry) -> None:  # noqa: ANN001 - as above
    found = make_run(
        [entry("random", 0.95, costs=FAST, card={"control": True}), entry("model", 0.9), entry("good", 0.96, costs=SLOW)]
    ).rank()
    control = next(row for row in found.rows if row.candidate == "random")
    assert (control.control, control.pareto, control.probability_best) == (True, False, 0.0)
    assert control.rank == 2
    assert found.recommendation.candidate == "good"
    notes = {row.candidate: " ".join(row.notes) for row in found.rows}
    assert "pre-training shows no use here" in notes["model"]
    assert "pre-training" not in notes["good"] + notes["random"]
    alone = make_run([entry("random", card={"control": True})]).rank()
    assert alone.recommendation is None
    assert [row.rank for row in alone.rows] == [1]


def test_overfitting_is_flagged(make_run, entry) -> None:  # noqa: ANN001 - as above
    found = make_run([entry("a", 0.8, train_score=1.0), entry("b", 0.9, train_score=0.91)]).rank()
    assert {row.candidate: row.overfit for row in found.rows} == {"a": True, "b": False}


def test_a_metric_of_another_run_brings_no_train_score(make_run, entry) -> None:  # noqa: ANN001 - as above
    run = make_run([entry("a", 0.8)], classes=3)
    task = run.info.task.model_copy(update={"metric": "mcc"})
    (row,) = dataclasses.replace(run, info=run.info.model_copy(update={"task": task})).rank().rows
    assert (row.metric, row.train_score, row.overfit) == ("mcc", None, False)


def test_pareto_front_over_quality_latency_and_memory(make_run, entry) -> None:  # noqa: ANN001 - as above
    entries = [
        entry("best", 0.95, costs={"latency_p95_ms": 30, "memory_mb": 300}),
        entry("quick", 0.8, costs={"latency_p95_ms": 3, "memory_mb": 300}),
        entry("lean", 0.8, costs={"latency_p95_ms": 30, "memory_mb": 30}),
        entry("dominated", 0.7, costs={"latency_p95_ms": 30, "memory_mb": 300}),
        entry("gap", 0.99, costs={"latency_p95_ms": 1, "memory_mb": None}),
    ]
    found = make_run(entries).rank()
    assert {row.candidate for row in found.rows if row.pareto} == {"best", "quick", "lean"}


def test_where_less_is_better_the_order_turns_round(make_run, entry) -> None:  # noqa: ANN001 - as above
    run = make_run([entry("a", 0.9, train_score=0.1), entry("b", 0.7, train_score=0.1)], metric="evaluate:rmse", margin=0.05)
    rng = np.random.default_rng(0)
    answers = tuple(
        dataclasses.replace(a, validation_sample=rng.normal(point, 0.005, 500), test_sample=rng.normal(point, 0.005, 500))
        for a, point in zip(run.answers, (0.1, 0.3), strict=True)
    )
    found = dataclasses.replace(run, answers=answers).rank()
    assert (names(found), found.higher_is_better) == (["a", "b"], False)
    assert found.recommendation.candidate == "a"
    assert found.rows[0].validation.low < 0.1 < found.rows[0].validation.high
    assert found.rows[1].expected_regret == pytest.approx(0.2, abs=0.005)
    assert [row.overfit for row in found.rows] == [False, True]


def test_what_failed_before_and_during_the_run_is_told(make_run, make_record, entry) -> None:  # noqa: ANN001 - as above
    extra = [
        make_record("broken", "knn", Failed(stage="embed", error="NaN in features", hint="see the log")),
        make_record("absent", "knn", Skipped(reason="no GPU")),
    ]
    run = make_run([entry("a")], extra=extra)
    early = Excluded(candidate="early", constraint="license", verdict="fail", reason="no")
    found = dataclasses.replace(run, info=run.info.model_copy(update={"excluded": (early,)})).rank()
    assert found.excluded == (early,)
    assert [(f.candidate, f.stage) for f in found.failed] == [("broken", "embed")]
    assert [s.candidate for s in found.skipped] == ["absent"]


def test_a_run_in_which_nothing_finished(make_run, make_record) -> None:  # noqa: ANN001 - as above
    found = make_run([], extra=[make_record("a", "knn", Failed(stage="load", error="no"))]).rank()
    assert (found.rows, found.recommendation, found.alternatives) == ((), None, ())
    assert [f.candidate for f in found.failed] == ["a"]


def test_the_order_of_records_does_not_matter_and_two_rankings_agree(make_run, entry) -> None:  # noqa: ANN001 - as above
    run = make_run([entry(f"m{i}", 0.85, seed=i, costs={"latency_p95_ms": 5.0 + i % 2}) for i in range(6)], rows=300)
    first = run.rank()
    assert run.rank() == first
    shuffler = random.Random(0)
    for _ in range(3):
        answers, records = list(run.answers), list(run.records)
        shuffler.shuffle(answers)
        shuffler.shuffle(records)
        assert dataclasses.replace(run, answers=tuple(answers), records=tuple(records)).rank() == first


def test_a_dominated_contender_changes_nothing_for_the_others(make_run, entry) -> None:  # noqa: ANN001 - as above
    entries = [entry("a", 0.92, costs=SLOW), entry("b", 0.915, shift=3, costs=FAST), entry("c", 0.7)]
    one, more = (
        make_run(entries).rank(),
        make_run([*entries, entry("hopeless", 0.3, costs={"latency_p95_ms": 99, "memory_mb": 999})]).rank(),
    )
    assert more.recommendation.candidate == one.recommendation.candidate
    assert more.recommendation.expected_regret == one.recommendation.expected_regret
    assert more.rows[:3] == one.rows


def test_groups_of_rows_widen_the_interval(make_run, entry) -> None:  # noqa: ANN001 - as above
    run = make_run([entry("a", 0.8)])
    groups = tuple(f"g{i // 20}" for i in range(1000))
    grouped = dataclasses.replace(run, truth=dataclasses.replace(run.truth, validation_groups=groups)).rank().rows[0].validation
    plain = run.rank().rows[0].validation
    assert grouped.high - grouped.low > 2 * (plain.high - plain.low)


def test_thirty_contenders_on_2000_rows_of_77_classes_take_seconds_and_little_memory(make_run, entry) -> None:  # noqa: ANN001 - as above
    import time
    import tracemalloc

    run = make_run([entry(f"m{i}", 0.7 + 0.005 * i, seed=i) for i in range(30)], rows=2000, test_rows=2000, classes=77)
    start = time.perf_counter()
    run.rank()
    assert time.perf_counter() - start < 20
    tracemalloc.start()
    run.rank()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 * 2**20


def test_baselines_and_controls_alone_say_nothing_of_models(make_run, entry) -> None:  # noqa: ANN001 - as above
    """Nobody may read that no model is needed where none was judged."""
    baseline = entry("pixels", 0.93, technique="fit", card={"baseline": True})
    found = make_run([baseline, entry("untrained", 0.90, card={"control": True})]).rank().recommendation
    assert found.candidate == "pixels"
    assert found.baseline_suffices is False
    assert found.reason.startswith("No foundation model was judged; pixels ")
