"""Rows of two runs side by side, and how often the interval of a paired difference holds the truth."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from harness.core.evidence import Answers, RowNames, Truth
from harness.core.kinds import TALLIED
from harness.core.ranking import Estimate
from harness.core.tally import score as score_tally
from harness.core.tally import tally_labels
from harness.core.task import Task
from harness.rank.changes import compare_heads, in_words
from harness.rank.contender import gather
from harness.rank.pairing import Side, compare_pairs, judge_gap, match, why_too_few, why_untold


def side(run: Any, ids: Sequence[str] | None = None, **info: Any) -> Side:
    """A run made by hand with names for its rows."""
    size = len(run.truth.validation)
    names = {"validation": RowNames(tuple(ids or (f"{row:016x}" for row in range(size)))), "test": RowNames()}
    truth = dataclasses.replace(run.truth, test=np.empty(0, np.int64), test_groups=())
    head = run.info.model_copy(update=info)
    return Side(head, gather(head, run.answers, run.records), truth, names)  # type: ignore[arg-type]


def pair(before: Side, after: Side) -> Any:
    found = match(before, after, "validation")
    return compare_pairs(before, after, [(before.field[0], after.field[0])], found)[0]


def test_repeated_contents_are_matched_by_what_is_right_of_them(make_run: Callable[..., Any], entry: Any) -> None:
    """A file in another order numbers repetitions otherwise."""
    run = make_run([entry("a")], rows=40, classes=2)
    ids = [f"{row:016x}" for row in range(38)] + ["a" * 16, "a" * 16 + "-2"]
    before = side(run, ids)
    order = [*range(38), 39, 38]
    turned = Truth(run.truth.validation[order], run.truth.test)
    told = dataclasses.replace(run.answers[0], validation=run.answers[0].validation[order])
    after = side(dataclasses.replace(run, truth=turned, answers=(told,)), ids)
    found = match(before, after, "validation")
    assert (found.shared.shared, found.shared.relabeled) == (40, 0)
    assert pair(before, after).changed == 0


def test_a_query_id_is_not_taken_for_a_repetition(make_run: Callable[..., Any], entry: Any) -> None:
    run = make_run([entry("a")], rows=30, classes=1)
    keys = side(run, [f"query-{row}" for row in range(30)]).keys("validation")
    assert len({key[0] for key in keys}) == 30


def labeled(run: Any, classes: Sequence[str], true: np.ndarray, told: np.ndarray) -> Side:
    task = Task.model_validate({"name": "made", "kind": "text-classification", "multi_label": True, "data": {"train": "t"}})
    answers = Answers(run.answers[0].record, tally_labels(true, told), np.empty((0, 3 * len(classes) + 2)))
    names = {
        "validation": RowNames(tuple(f"{i:016x}" for i in range(len(true))), ("[]",) * len(true)),
        "test": RowNames(),
    }
    info = run.info.model_copy(
        update={"task": task, "data": run.info.data.model_copy(update={"classes": tuple(classes), "digest": classes[0]})}
    )
    field = gather(info, [answers], run.records)
    return Side(info, field, Truth(np.zeros(len(true), np.int64), np.empty(0, np.int64)), names)  # type: ignore[arg-type]


def test_tallies_of_labels_are_brought_to_the_labels_of_both(make_run: Callable[..., Any], entry: Any) -> None:
    rng = np.random.default_rng(0)
    true, first, second = ((rng.random((60, 2)) < share).astype(float) for share in (0.5, 0.5, 0.4))
    run = make_run([entry("a")], rows=60, classes=2)
    before = labeled(run, ("x", "z"), true, first)
    # The second run has a label more, which no shared row has, between the others.
    more = [np.stack([some[:, 0], np.zeros(60), some[:, 1]], axis=1) for some in (true, second)]
    found = pair(before, labeled(run, ("x", "y", "z"), *more))
    metric = TALLIED["labels"]["micro_f1"]
    assert found.before == pytest.approx(score_tally(metric, tally_labels(true, first)))
    assert found.after == pytest.approx(score_tally(metric, tally_labels(true, second)))
    assert found.changed == (first != second).any(axis=1).sum()


def test_what_cannot_be_compared_is_told(make_run: Callable[..., Any], entry: Any) -> None:
    info = make_run([entry("a")]).info

    def of(metric: str = "accuracy", kind: str = "text-classification", **data: Any) -> Any:
        task = Task.model_validate({"name": "made", "kind": kind, "data": {"train": "t"}, "metric": metric})
        return info.model_copy(update={"task": task, "data": info.data.model_copy(update=data)})

    assert why_untold(of(), of(digest="1")) == ""
    assert why_untold(of(), of("mcc")) == "the metric differs: accuracy and mcc"
    assert "kind of the task differs" in why_untold(of(), of("rmse", "text-regression"))
    assert why_untold(of("ndcg@10", "retrieval"), of("ndcg@10", "retrieval")) == ""
    assert "what is searched" in why_untold(of("ndcg@10", "retrieval"), of("ndcg@10", "retrieval", digest="1"))
    assert "kept for whole runs" in why_untold(of("evaluate:x"), of("evaluate:x", digest="1"))


@pytest.mark.parametrize(("rows", "why"), [(19, "19 shared validation rows are too few; 20 are needed"), (20, "")])
def test_few_rows_tell_nothing(rows: int, why: str, make_run: Callable[..., Any], entry: Any) -> None:
    one = side(make_run([entry("a")], rows=rows))
    assert why_too_few(match(one, one, "validation")) == why


def test_an_external_metric_is_paired_by_the_samples_that_its_workers_kept(make_run: Callable[..., Any], entry: Any) -> None:
    def of(samples: Sequence[float], right: float) -> Side:
        run = make_run([entry("a", right)], metric="evaluate:rmse")
        answers = tuple(dataclasses.replace(one, validation_sample=np.array(samples)) for one in run.answers)
        return side(dataclasses.replace(run, answers=answers))

    found = pair(of([0.1, 0.2, 0.3], 0.8), of([0.2, 0.3, 0.4], 0.7))
    # Less is better, and each resample is worse by the same.
    assert (found.before, found.after, found.verdict) == (pytest.approx(0.2), pytest.approx(0.3), "worse")
    assert found.low == pytest.approx(found.high)


def test_seeds_of_a_training_are_averaged_and_in_the_interval(make_run: Callable[..., Any], entry: Any) -> None:
    def trained(shares: Sequence[float], first: int) -> Side:
        run = make_run([entry("a", share, technique="full", seed=first + i) for i, share in enumerate(shares)])
        told = []
        for seed, one in enumerate(run.answers):
            trial = one.record.trial.model_copy(update={"measures": "training", "seed": seed, "software_digest": str(first)})
            told.append(dataclasses.replace(one, record=one.record.model_copy(update={"trial": trial})))
        return side(dataclasses.replace(run, answers=tuple(told), records=tuple(one.record for one in told)))

    alike = pair(trained((0.7, 0.7, 0.7), 0), trained((0.8, 0.8, 0.8), 10))
    apart = pair(trained((0.6, 0.7, 0.8), 0), trained((0.9, 0.8, 0.7), 10))
    assert (alike.before, alike.after, alike.difference) == pytest.approx((0.7, 0.8, 0.1))
    assert (apart.before, apart.after) == pytest.approx((0.7, 0.8))
    assert alike.high - alike.low < 0.06 < apart.high - apart.low


@pytest.mark.parametrize(
    ("interval", "changed", "verdicts"),
    [
        ((0.01, 0.03), 6, ("better", "worse")),
        ((-0.03, -0.01), 6, ("worse", "better")),
        ((-0.03, 0.01), 600, ("not told apart", "not told apart")),
        # Five changed answers that all go one way do so by chance in one of sixteen cases.
        ((0.01, 0.03), 5, ("not told apart", "not told apart")),
    ],
)
def test_a_verdict_knows_which_way_is_better(interval: tuple[float, float], changed: int, verdicts: tuple[str, str]) -> None:
    gap = Estimate(score=sum(interval) / 2, low=interval[0], high=interval[1])
    assert (judge_gap(gap, changed, lower=False), judge_gap(gap, changed, lower=True)) == verdicts


# n rows, of which so many are answered rightly by both, by the first alone, by the second alone.
POPULATIONS: Mapping[str, tuple[int, tuple[float, float, float]]] = {
    "few changes": (200, (0.93, 0.015, 0.015)),
    "a drop": (200, (0.72, 0.10, 0.05)),
    "many changes": (60, (0.5, 0.15, 0.25)),
}


@pytest.mark.parametrize("name", POPULATIONS)
def test_the_interval_holds_the_difference_of_the_population(name: str, make_run: Callable[..., Any], entry: Any) -> None:
    rows, (both, first, second) = POPULATIONS[name]
    rng, held, wrong = np.random.default_rng(11), 0, 0
    run = make_run([entry("a")], rows=rows, classes=2)
    one = side(run)
    labels, simulations = run.truth.validation, 120
    for seed in range(simulations):
        fate = rng.choice(4, size=rows, p=[both, first, second, 1 - both - first - second])
        told = [np.where(np.isin(fate, right), labels, 1 - labels) for right in ((0, 1), (0, 2))]
        sides = []
        for number, answers in enumerate(told):
            trial = run.answers[0].record.trial.model_copy(update={"software_digest": str(number)})
            record = run.answers[0].record.model_copy(update={"trial": trial})
            mine = (dataclasses.replace(one.field[0], answers=Answers(record, answers, np.empty(0, np.int64))),)
            settings = one.info.settings.model_copy(update={"seed": seed})
            sides.append(dataclasses.replace(one, field=mine, info=one.info.model_copy(update={"settings": settings})))
        found = pair(*sides)
        held += found.low <= second - first <= found.high
        wrong += found.verdict == ("better" if first >= second else "worse")
    # 120 simulations of 95 % lie below this in one of a thousand cases.
    assert held / simulations >= 0.88
    assert wrong / simulations <= 0.05


def test_heads_are_compared_in_order_and_told_in_words(make_run: Callable[..., Any], entry: Any) -> None:
    before = make_run([entry("a"), entry("b")], margin=0.01).info
    after = make_run([entry("a", license="apache-2.0"), entry("c")], margin=0.02, constraints={"latency_ms": 5}).info
    after = after.model_copy(
        update={
            "data": after.data.model_copy(update={"digest": "1", "train": 7}),
            "settings": after.settings.model_copy(update={"seed": 3}),
            "environment": {"cores": 4},
            "versions": {"torch": "2.9"},
        }
    )
    assert compare_heads(before, before) == ()
    assert [(c.about, c.what, c.before, c.after) for c in compare_heads(before, after)] == [
        ("rows", "hash", "0", "1"),
        ("rows", "train", "5000", "7"),
        ("task", "margin", "0.01", "0.02"),
        ("task", "constraints.latency_ms.p95", "", "5"),
        ("task", "constraints.latency_ms.batch_size", "", "1"),
        ("settings", "seed", "0", "3"),
        ("machine", "cores", "", "4"),
        ("versions", "torch", "", "2.9"),
        ("candidates", "a", "license MIT", "another card"),
        ("candidates", "b", "there", ""),
        ("candidates", "c", "", "there"),
    ]
    assert in_words(compare_heads(before, after)) == (
        "rows or their division", "margin, constraints.latency_ms.p95, constraints.latency_ms.batch_size", "seed", "machine: cores",
        "torch – → 2.9", "new: c", "gone: b", "another card: a",
    )  # fmt: skip
