"""How two runs differ, from runs on the disk."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.difference import RunDifference
from harness.errors import WorkspaceError
from harness.past.difference import compare_runs
from tests.unit.past.recorded import CLASSES, ROWS, TESTS, Recorded, Told

FIRST, SECOND = "20250301-120000-aaaa", "20250302-120000-bbbb"
BOTH = (Told("good", 0.1), Told("poor", 0.3))


@pytest.fixture
def diff(tmp_path: Path) -> Callable[..., RunDifference]:
    def of(one: Recorded, other: Recorded) -> RunDifference:
        one.write(tmp_path)
        other.write(tmp_path)
        return compare_runs(one.run, other.run, workspace=tmp_path)

    return of


def test_the_same_run_twice_differs_in_nothing_and_its_recommendation_holds(diff: Callable[..., RunDifference]) -> None:
    found = diff(Recorded(BOTH), Recorded(BOTH, SECOND))
    assert found.changes == ()
    assert [(s.part, s.before, s.after, s.shared) for s in found.shared] == [("validation", 800, 800, 800), ("test", 200, 200, 200)]
    assert [one.name for one in found.contenders] == ["good · linear-probe", "poor · linear-probe"]
    for one in found.contenders:
        for pair in (one.validation, one.test):
            assert pair is not None
            assert (pair.difference, pair.changed, pair.verdict) == (0, 0, "not told apart")
        assert one.validation is not None
        # Not nothing: rows that nobody saw may be answered otherwise.
        assert one.validation.high == -one.validation.low == pytest.approx(1.96 / (ROWS + 2), rel=1e-3)
        assert [cost.ratio for cost in one.costs] == [1, 1]
    assert (found.standing.verdict, found.standing.candidate, found.standing.by) == ("holds", "good", SECOND)


def test_a_run_differs_from_itself_in_nothing_at_all(tmp_path: Path) -> None:
    Recorded(BOTH).write(tmp_path)
    pair = compare_runs("mail", FIRST, workspace=tmp_path).contenders[0].validation
    assert pair is not None
    assert (pair.difference, pair.low, pair.high) == (0, 0, 0)


@pytest.mark.parametrize(("shift", "groups"), [(0, False), (37, False), (37, True)])
def test_a_drop_of_five_points_is_found(shift: int, groups: bool, diff: Callable[..., RunDifference]) -> None:  # noqa: FBT001 - a case
    worse = (Told("good", 0.15, shift=shift), Told("poor", 0.3))
    found = diff(Recorded(BOTH, groups=groups), Recorded(worse, SECOND, groups=groups))
    pair, other = (one.validation for one in found.contenders)
    assert pair is not None
    assert other is not None
    assert pair.difference == pytest.approx(pair.after - pair.before)
    assert pair.low < -0.05 < pair.high < 0
    assert pair.verdict == "worse"
    # Where the same rows are wrong and some more, the pairing leaves little doubt; single intervals are twice as wide.
    assert (pair.high - pair.low < 0.04) is (shift == 0)
    assert other.difference == 0
    assert found.standing.verdict == "holds"


def test_neither_the_order_of_rows_nor_of_classes_matters(diff: Callable[..., RunDifference], tmp_path: Path) -> None:
    worse = (Told("good", 0.15, shift=9), Told("poor", 0.3))
    plain = diff(Recorded(BOTH), Recorded(worse, SECOND))
    rows, tests = list(range(ROWS)), list(range(ROWS, ROWS + TESTS))
    random.Random(3).shuffle(rows)
    random.Random(4).shuffle(tests)
    shuffled = Recorded(worse, "20250303-120000-cccc", rows, tests, classes=("x", *reversed(CLASSES)))
    shuffled.write(tmp_path)
    again = compare_runs(FIRST, shuffled.run, workspace=tmp_path)
    assert [one.validation for one in again.contenders] == [one.validation for one in plain.contenders]
    assert [one.test for one in again.contenders] == [one.test for one in plain.contenders]


def test_rows_that_one_run_lacks_or_labels_otherwise_are_left_out(diff: Callable[..., RunDifference]) -> None:
    later = Recorded(BOTH, SECOND, range(300, ROWS), range(ROWS, ROWS + 10), relabeled=frozenset(range(300, 320)))
    found = diff(Recorded(BOTH), later)
    validation, test = found.shared
    assert (validation.before, validation.after, validation.shared, validation.relabeled) == (800, 500, 480, 20)
    assert (test.shared, found.untold) == (10, "")
    for one in found.contenders:
        assert one.validation is not None
        assert (one.validation.rows, one.validation.difference) == (480, 0)
        # Ten rows tell nothing.
        assert one.test is None
    assert {change.what for change in found.changes} == {"hash", "validation", "test"}


def test_runs_on_other_rows_or_by_another_metric_are_not_compared(diff: Callable[..., RunDifference], tmp_path: Path) -> None:
    found = diff(Recorded(BOTH), Recorded(BOTH, SECOND, range(ROWS + TESTS, 2 * ROWS)))
    assert found.untold == "the runs share no validation rows"
    assert [one.validation for one in found.contenders] == [None, None]
    by_f1 = Recorded(BOTH, "20250303-120000-cccc", task={"metric": "macro_f1"})
    by_f1.write(tmp_path)
    found = compare_runs(FIRST, by_f1.run, workspace=tmp_path)
    assert found.untold == "the metric differs: accuracy and macro_f1"
    assert [(c.about, c.what, c.before, c.after) for c in found.changes] == [("task", "metric", "accuracy", "macro_f1")]


def test_machines_costs_and_candidates_are_told(diff: Callable[..., RunDifference], tmp_path: Path) -> None:
    later = (Told("good", 0.1, p95_ms=8.0, memory_mb=50, source="other"), Told("new", 0.09, p95_ms=None))
    found = diff(Recorded(BOTH), Recorded(later, SECOND))
    assert {(c.what, c.after) for c in found.changes} == {("good", "other files"), ("new", "there"), ("poor", "")}
    assert (found.only_before, found.only_after) == (("poor · linear-probe",), ("new · linear-probe",))
    (good,) = found.contenders
    assert {cost.name: cost.ratio for cost in good.costs} == {"latency_p95_ms": 2.0, "memory_mb": 0.5}
    elsewhere = Recorded(later, "20250303-120000-cccc", info={"environment": {"processor": "x2", "device": "cpu"}})
    elsewhere.write(tmp_path)
    costs = compare_runs(SECOND, elsewhere.run, workspace=tmp_path).contenders[0].costs
    assert {(cost.ratio, cost.note) for cost in costs} == {(None, "measured on another machine (processor, cores, threads)")}


def test_one_that_left_a_race_has_no_test_rows_and_the_others_do(diff: Callable[..., RunDifference]) -> None:
    early = Told("also", 0.2, confirms=False)
    found = diff(Recorded((early, *BOTH)), Recorded((early, *BOTH), SECOND))
    assert {one.candidate: (one.validation is not None, one.test is not None) for one in found.contenders} == {
        "good": (True, True), "also": (True, False), "poor": (True, True),
    }  # fmt: skip


STANDINGS = {
    "holds": (Told("good", 0.1), Told("poor", 0.3)),
    "good enough": (Told("good", 0.1, p95_ms=9.0), Told("poor", 0.1)),
    "in doubt": (Told("good", 0.1), Told("poor", 0.085, shift=400)),
    "no longer": (Told("good", 0.2), Told("poor", 0.1)),
    "unknown": (Told("poor", 0.1), Told("new", 0.1)),
}


@pytest.mark.parametrize("verdict", STANDINGS)
def test_whether_the_recommendation_stands_is_told_by_the_newer_run(verdict: str, diff: Callable[..., RunDifference]) -> None:
    found = diff(Recorded(STANDINGS[verdict], SECOND), Recorded(BOTH))
    assert (found.standing.verdict, found.standing.by, found.standing.candidate) == (verdict, SECOND, "good"), found.standing


def test_runs_of_two_tasks_are_refused(tmp_path: Path) -> None:
    Recorded(BOTH).write(tmp_path)
    Recorded(BOTH, SECOND, task={"name": "calls"}).write(tmp_path)
    with pytest.raises(WorkspaceError, match='two tasks, "mail" and "calls"'):
        compare_runs("mail", "calls", workspace=tmp_path)
