"""Several tasks judged together: against brute force, and what must not matter."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from harness.core.ranking import Excluded, FailedCandidate, Ranking, Recommendation, SkippedCandidate
from harness.errors import WorkspaceError
from harness.rank.choice import Field
from harness.rank.suite import rank_suite
from harness.rank.suite_evidence import Measure, Part, lay_out, ranks, spread

RESAMPLES = 400
Make = Callable[..., Any]


@pytest.fixture
def make_part(make_row: Make) -> Make:
    """A task with contenders `name/technique` of known scores; `deviations` are added to each resample of each."""

    def make(task: str, scores: dict[str, float], *, weight: float = 1.0, noise: float = 1e-7, **changes: Any) -> Part:
        modality, costs, own = changes.pop("modality", "text"), changes.pop("costs", {}), changes.pop("own", None)
        names = sorted(scores)
        rows = []
        for name in names:
            candidate, _, technique = name.partition("/")
            rows.append(
                make_row(candidate, scores[name], technique or "linear-probe", **costs.get(candidate, {"latency_p95_ms": 5.0}))
            )
        points = np.array([scores[name] for name in names])
        generator = np.random.default_rng(len(names))
        draws = points + noise * generator.standard_normal((RESAMPLES, len(names)))
        best = own or max(names, key=lambda name: scores[name], default="none")
        candidate, _, technique = best.partition("/")
        chosen = Recommendation(
            candidate=candidate, technique=technique or "linear-probe", score=scores.get(best, 0), low=0, high=1, expected_regret=0,
            probability_best=1, probability_within_margin=1, decisive=True, reason="It is.",
        )  # fmt: skip
        facts: dict[str, Any] = {
            "metric": "accuracy", "higher_is_better": True, "margin": 0.01, "prefer": "latency", "validation_rows": 200,
            "test_rows": 50, "alternatives": (), "excluded": (), "failed": (), "skipped": (),
        }  # fmt: skip
        ranking = Ranking(task=task, rows=tuple(rows), recommendation=chosen if names else None, **facts | changes)
        return Part(weight, modality, f"run-{task}", ranking, Field(tuple(rows), points, draws))

    return make


def close(expected: Any) -> Any:
    """Compare up to the little doubt that the draws have."""
    return pytest.approx(expected, abs=1e-5)


def only(parts: list[Part], **more: Any) -> Any:
    (group,) = rank_suite("s", parts, **more).groups
    return group


def test_ranks_are_those_of_scipy() -> None:
    scores = np.random.default_rng(0).integers(0, 4, size=(50, 6)).astype(float)
    assert np.array_equal(ranks(scores), rankdata(-scores, axis=1))


def test_without_doubt_the_figures_are_plain_arithmetic(make_part: Make) -> None:
    parts = [
        make_part("first", {"a": 0.90, "b": 0.80, "c": 0.60}, weight=3),
        make_part("second", {"a": 0.50, "b": 0.70, "c": 0.71}, weight=1),
    ]
    group = only(parts)
    assert {row.candidate: row.regret.score for row in group.rows} == close({"a": 0.0525, "b": 0.0775, "c": 0.225})
    assert {row.candidate: row.place.score for row in group.rows} == close({"a": 1.5, "b": 2, "c": 2.5})
    assert [(task.task, task.share) for task in group.tasks] == [("first", 0.75), ("second", 0.25)]
    single = group.single
    assert (single.candidate, single.decisive, single.excess) == ("a", True, close(0))
    assert single.cost.score == close(0.0525)
    assert [loss.loss for loss in single.losses] == close([0.0, 0.21])
    assert (single.cost.low, single.cost.high) == close((0.0525, 0.0525))


def test_the_figures_are_those_of_brute_force(make_part: Make) -> None:
    parts = [
        make_part("x", {"a": 0.8, "b": 0.82, "c": 0.7}, noise=0.03),
        make_part("y", {"a": 0.6, "b": 0.55}, weight=2, noise=0.05),
    ]
    board = lay_out(parts, Measure.of(parts), 7)
    assert board.names == ("a", "b")
    regrets, places = np.zeros((RESAMPLES, 2)), np.zeros((RESAMPLES, 2))
    for draw, (part, scores) in itertools.product(range(RESAMPLES), zip(parts, board.by_task, strict=True)):
        share = part.weight / 3
        best = max(scores[draw])
        for model in range(2):
            regrets[draw, model] += share * (best - scores[draw, model])
            places[draw, model] += share * (1 + (scores[draw, 1 - model] > scores[draw, model]))
    assert np.allclose(-board.draws, regrets)
    assert np.allclose(board.places, places)
    assert -board.points == pytest.approx([0.02 / 3, 2 * 0.05 / 3])
    rows = {row.candidate: row for row in only(parts, seed=7).rows}
    assert rows["b"].regret.score == pytest.approx(regrets[:, 1].mean())
    assert rows["b"].regret.low == pytest.approx(np.quantile(regrets[:, 1], 0.025))
    assert rows["b"].place.high == pytest.approx(np.quantile(places[:, 1], 0.975))
    assert rows["a"].excess == pytest.approx((regrets[:, 0] - regrets.min(axis=1)).mean())
    assert rows["c"].rank == 0


def test_resamples_of_tasks_are_independent_of_each_other(make_part: Make) -> None:
    parts = [make_part(name, {"a": 0.5, "b": 0.5}, noise=0.1) for name in ("x", "y")]
    assert np.array_equal(parts[0].field.draws, parts[1].field.draws), "as equally many rows give them"
    board = lay_out(parts, Measure.of(parts), 0)
    together = np.corrcoef(board.by_task[0][:, 0], board.by_task[1][:, 0])[0, 1]
    assert abs(together) < 0.15
    each = float(parts[0].field.draws[:, 0].std())
    assert np.mean([scores[:, 0] for scores in board.by_task], axis=0).std() == pytest.approx(each / np.sqrt(2), rel=0.1)


def test_one_task_gives_that_task_s_own_ranking(make_run: Make, entry: Any) -> None:
    from harness.rank.ranking import rank_with_evidence

    run = make_run([entry("a", 0.95, seed=1), entry("b", 0.93, seed=2), entry("c", 0.6), entry("b", 0.9, technique="knn", seed=3)])
    found = rank_with_evidence(run.info, run.answers, run.truth, run.records)
    group = only([Part(5.0, "text", "r", found.ranking, found.choosable)])
    best = {row.candidate: row for row in reversed(found.ranking.rows)}
    assert [row.candidate for row in group.rows] == ["a", "b", "c"]
    for row in group.rows:
        assert row.regret.score == pytest.approx(best[row.candidate].expected_regret)
        assert row.scores[0].technique == best[row.candidate].technique
    assert (group.unit, group.margin, group.single.candidate) == ("accuracy", 0.01, found.ranking.recommendation.candidate)
    assert group.single.probability_within_margin == pytest.approx(found.ranking.recommendation.probability_within_margin, abs=0.02)
    assert (group.single.cost.score, group.single.cost.low, group.single.cost.high) == (0, 0, 0)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    scores=st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=2, max_size=4),
    weights=st.lists(st.floats(0.1, 10), min_size=4, max_size=4),
    factor=st.floats(0.1, 10),
)
def test_neither_the_order_of_tasks_nor_the_scale_of_weights_matters(
    make_part: Make, scores: list[list[float]], weights: list[float], factor: float
) -> None:
    def build(scale: float) -> list[Part]:
        return [
            make_part(f"t{i}", dict(zip("abc", found, strict=True)), weight=scale * weights[i], noise=0.05)
            for i, found in enumerate(scores)
        ]

    def shown(parts: list[Part]) -> list[Any]:
        group = only(parts)
        return [(row.candidate, row.rank, row.regret.score, row.regret.high, row.place.score) for row in group.rows]

    plain = shown(build(1.0))
    for other in (shown(build(1.0)[::-1]), shown(build(factor))):
        for mine, theirs in zip(plain, other, strict=True):
            assert mine[:2] == theirs[:2]
            assert mine[2:] == pytest.approx(theirs[2:], abs=1e-9)


@given(low=st.floats(0.01, 1), high=st.floats(0.01, 1))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_more_weight_pulls_the_regret_toward_that_task(make_part: Make, low: float, high: float) -> None:
    low, high = sorted((low, high))

    def regret(weight: float) -> float:
        parts = [make_part("good", {"a": 0.9, "b": 0.5}), make_part("bad", {"a": 0.5, "b": 0.9}, weight=weight)]
        return next(float(row.regret.score) for row in only(parts).rows if row.candidate == "a")

    assert regret(low) <= regret(high) + 1e-5


def test_metrics_that_differ_are_counted_in_margins(make_part: Make) -> None:
    errors = make_part("price", {"a": -3.0, "b": -5.0}, metric="rmse", higher_is_better=False, margin=0.5, costs={})
    parts = [make_part("words", {"a": 0.80, "b": 0.85}, margin=0.02), errors]
    group = only(parts)
    assert (group.unit, group.margin) == ("margins", 1.0)
    # a loses 0.05 / 0.02 on words, b loses 2 / 0.5 on prices.
    assert {row.candidate: row.regret.score for row in group.rows} == close({"a": 1.25, "b": 2.0})
    assert group.single.candidate == "a"
    assert [loss.loss for loss in group.single.losses] == close([0.05, 0.0])
    both = [errors, make_part("size", {"a": -1.0, "b": -1.0}, metric="rmse", higher_is_better=False, margin=0.5)]
    assert only(both).unit == "margins", "errors of two tasks are in units of their own"
    assert only([errors]).unit == "rmse"


def test_without_a_margin_other_metrics_cannot_be_joined(make_part: Make) -> None:
    parts = [make_part("words", {"a": 0.8}, margin=0), make_part("other", {"a": 0.8}, metric="mcc")]
    with pytest.raises(WorkspaceError, match='"words" has a margin of 0') as caught:
        rank_suite("s", parts)
    assert "margin" in caught.value.hint


def test_the_cheapest_within_the_margin_of_the_best_single_model(make_part: Make) -> None:
    costs = {"big": {"latency_p95_ms": 50.0}, "small": {"latency_p95_ms": 5.0}, "tiny": {"latency_p95_ms": 1.0}}
    scores = {"big": 0.900, "small": 0.895, "tiny": 0.6}
    parts = [make_part("x", scores, costs=costs), make_part("y", scores | {"expert/lora": 0.99}, costs=costs)]
    group = only(parts)
    assert group.single.candidate == "small", "its distance to the expert, which lacks a task, is no reason against it"
    assert group.single.regret.score == close((0.005 + 0.095) / 2)
    assert group.single.excess == close(0.005)
    assert "the cheapest (p95 latency 5 ms) of the 2 models on both tasks" in group.single.reason
    assert [(loss.candidate, loss.loss) for loss in group.single.losses] == [
        ("big", close(0.005)), ("expert", close(0.095))
    ]  # fmt: skip
    assert {row.candidate: row.cost for row in group.rows if row.rank} == close({"big": 50, "small": 5, "tiny": 1})


def test_costs_are_joined_by_what_they_are(make_part: Make) -> None:
    sizes = {"a": {"memory_mb": 100.0, "latency_p95_ms": 2.0}}
    larger = {"a": {"memory_mb": 300.0, "latency_p95_ms": 4.0}}
    for prefer, expected in (("memory", 300.0), ("latency", 3.5)):
        parts = [
            make_part("x", {"a": 0.9}, costs=sizes, prefer=prefer),
            make_part("y", {"a": 0.9}, costs=larger, prefer=prefer, weight=3),
        ]
        assert only(parts).rows[0].cost == close(expected)
    unmeasured = [make_part("x", {"a": 0.9}, costs=sizes), make_part("y", {"a": 0.9}, costs={"a": {}})]
    assert only(unmeasured).rows[0].cost is None
    mixed = only([make_part("x", {"a": 0.9}, prefer="memory"), make_part("y", {"a": 0.9}, prefer="throughput")])
    assert mixed.prefer == "latency"


def test_a_model_stands_with_its_best_technique_or_the_recommended_one(make_part: Make) -> None:
    scores = {"a/knn": 0.90, "a/lora": 0.91, "b/knn": 0.80}
    (found,) = (row for row in only([make_part("x", scores), make_part("y", scores)]).rows if row.candidate == "a")
    assert ([score.technique for score in found.scores], found.technique) == (["lora", "lora"], "lora")
    cheaper = only([make_part("x", scores), make_part("y", scores, own="a/knn")])
    row = cheaper.rows[0]
    assert ([score.technique for score in row.scores], row.technique) == (["lora", "knn"], "")
    assert [loss.loss for loss in cheaper.single.losses] == [0, 0], "the same model is no loss, whatever the technique"


def test_who_lacks_a_task_is_a_row_with_its_reason(make_part: Make) -> None:
    def absent(kind: type, name: str, **facts: Any) -> tuple[Any, ...]:
        return (kind(candidate=name, **facts),)

    first = make_part(
        "x", {"a": 0.9, "broken": 0.95},
        skipped=absent(SkippedCandidate, "far", reason="not on this machine"),
        excluded=absent(Excluded, "eyes", constraint="modality", verdict="fail", reason="It reads pictures."),
    )  # fmt: skip
    second = make_part(
        "y", {"a": 0.8},
        failed=absent(FailedCandidate, "broken", stage="embed", error="NaN", hint="mend it"),
        skipped=absent(SkippedCandidate, "far", reason="not on this machine"),
        excluded=(
            Excluded(candidate="eyes", constraint="modality", verdict="fail", reason="It reads pictures."),
            Excluded(candidate="dear", technique="knn", constraint="memory_mb", verdict="fail", reason="It needs 9 GB."),
        ),
    )  # fmt: skip
    group = only([first, second])
    assert (group.single.candidate, group.single.reason) == ("a", "a is the only model with a score on both tasks.")
    rows = {row.candidate: row for row in group.rows}
    assert set(rows) == {"a", "broken", "far", "dear"}, "what reads something else belongs to another group"
    assert [(gap.task, gap.state, gap.reason) for gap in rows["broken"].gaps] == [("y", "failed", "embed: NaN")]
    assert [(gap.state, gap.reason) for gap in rows["far"].gaps] == [("skipped", "not on this machine")] * 2
    assert {(gap.task, gap.state) for gap in rows["dear"].gaps} == {("x", "absent"), ("y", "excluded")}
    assert (rows["broken"].rank, rows["broken"].regret, rows["broken"].find("x").validation.score) == (0, None, 0.95)
    assert group.single.losses[0].candidate == "broken", "by itself the first task would take it"


def test_modalities_have_a_choice_each(make_part: Make) -> None:
    parts = [
        make_part("words", {"a": 0.9}), make_part("pictures", {"p": 0.8, "q": 0.7}, modality="image"), make_part("mail", {"a": 0.7})
    ]  # fmt: skip
    found = rank_suite("s", parts)
    assert [(group.modality, [task.task for task in group.tasks], group.single.candidate) for group in found.groups] == [
        ("text", ["words", "mail"], "a"), ("image", ["pictures"], "p")
    ]  # fmt: skip
    assert found.has_choice


def test_no_model_on_every_task_is_no_choice(make_part: Make) -> None:
    found = rank_suite("s", [make_part("x", {"a": 0.9}), make_part("y", {"b": 0.9})])
    assert found.groups[0].single is None
    assert not found.has_choice
    nothing = rank_suite("s", [make_part("x", {"a": 0.9}), make_part("y", {})])
    assert (nothing.groups[0].single, nothing.groups[0].rows[0].gaps[0].state) == (None, "absent")
    stopped = dataclasses.replace(make_part("y", {"a": 0.9}), unfinished=3)
    group = only([make_part("x", {"a": 0.9, "b": 0.8}), stopped])
    assert [task.unfinished for task in group.tasks] == [0, 3]
    assert group.rows[1].gaps[0].reason == "the run was stopped before it was tried"


def test_what_these_rows_do_not_settle_is_said(make_part: Make) -> None:
    parts = [make_part(name, {"a": 0.80, "b": 0.815}, noise=0.05) for name in ("x", "y")]
    single = only(parts).single
    assert not single.decisive
    assert single.more_times > 1
    assert "times as many labeled rows of every task would" in single.reason
    assert "on average against the best single model" in single.reason


def test_a_baseline_that_is_good_enough_comes_first(make_part: Make) -> None:
    costs = {"tfidf": {"latency_p95_ms": 1.0, "baseline": True}, "bert": {"latency_p95_ms": 9.0}}
    found = only([make_part(name, {"tfidf": 0.90, "bert": 0.905}, costs=costs) for name in ("x", "y")]).single
    assert (found.candidate, found.baseline_suffices) == ("tfidf", True)
    assert found.reason.startswith("A baseline suffices: tfidf, without a foundation model, is the cheapest")
    better = only([make_part(name, {"tfidf": 0.80, "bert": 0.905}, costs=costs) for name in ("x", "y")]).single
    assert (better.candidate, better.baseline_suffices) == ("bert", False)


def test_intervals_hold_their_point() -> None:
    skewed = spread(np.array([0.0] * 399 + [40.0]))
    assert skewed.low <= skewed.score <= skewed.high
    moved = spread(np.linspace(-1, 1, 401), 5.0)
    assert (moved.score, moved.low, moved.high) == close((5, 4.05, 5.95))
