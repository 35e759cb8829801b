"""What opens the gate and what does not."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from harness.core.gate import Gate
from harness.errors import BenchError
from harness.past.gate import Wish, gate
from harness.rank.gate import Limits
from tests.unit.past.recorded import Recorded, Told

EARLY, LATE = "20250301-120000-aaaa", "20250302-120000-bbbb"


def check(workspace: Path, limits: Limits | None = None, **wish: object) -> Gate:
    return gate(LATE, limits or Limits(), Wish(**wish), workspace=workspace)  # type: ignore[arg-type]


def verdicts(found: Gate) -> dict[str, str]:
    return {one.name: one.verdict for one in found.checks}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    Recorded([Told("good", 0.1), Told("poor", 0.3)], EARLY).write(tmp_path)
    Recorded([Told("good", 0.15), Told("poor", 0.3), Told("dear", 0.3, "knn", memory_mb=900)], LATE).write(tmp_path)
    return tmp_path


def test_quality_counts_by_the_lower_end_of_its_interval(workspace: Path) -> None:
    found = check(workspace, Limits(min_quality=0.8, max_latency_ms=4, max_memory_mb=100))
    assert (found.candidate, found.technique, found.holds) == ("good", "linear-probe", True)
    assert verdicts(found) == {"constraints": "pass", "min_quality": "pass", "latency_ms.p95": "pass", "memory_mb": "pass"}
    quality = found.checks[1]
    assert quality.low is not None
    assert quality.measured is not None
    assert 0.8 < quality.low < 0.84 < quality.measured
    # The score reaches it, its interval does not.
    found = check(workspace, Limits(min_quality=0.84, max_latency_ms=3.99, max_memory_mb=99))
    assert set(verdicts(found).values()) == {"pass", "fail"}
    assert [one.name for one in found.checks if not one.holds] == ["min_quality", "latency_ms.p95", "memory_mb"]


def test_what_was_not_measured_does_not_hold(tmp_path: Path) -> None:
    Recorded([Told("good", p95_ms=None)], LATE).write(tmp_path)
    found = check(tmp_path, Limits(max_latency_ms=1000))
    assert (verdicts(found)["latency_ms.p95"], found.holds) == ("unknown", False)


def test_a_drop_fails_only_where_the_whole_interval_is_beyond_it(workspace: Path) -> None:
    assert (verdicts(check(workspace, against=EARLY))["against"], check(workspace, against=EARLY).holds) == ("fail", False)
    same = check(workspace, candidate="poor", against=EARLY)
    assert (verdicts(same)["against"], same.holds) == ("pass", True)
    unclear = check(workspace, against=EARLY, max_drop=0.05)
    assert (verdicts(unclear)["against"], unclear.holds) == ("not told apart", True)
    allowed = check(workspace, against=EARLY, max_drop=0.1)
    assert verdicts(allowed)["against"] == "pass"


def test_what_cannot_be_compared_does_not_hold(workspace: Path) -> None:
    found = check(workspace, candidate="dear", against=EARLY)
    assert (verdicts(found)["against"], found.holds) == ("unknown", False)
    assert "no score of it (it took no part)" in found.checks[-1].reason


def test_the_recommended_one_is_held_against_the_one_recommended_then(tmp_path: Path) -> None:
    Recorded([Told("old", 0.1)], EARLY).write(tmp_path)
    Recorded([Told("new", 0.05)], LATE).write(tmp_path)
    found = check(tmp_path, against=EARLY)
    assert found.holds
    assert "Against old with a linear probe in the other run the score changes by +0.05" in found.checks[-1].reason


def test_a_run_in_which_nothing_qualifies_is_held_up(tmp_path: Path) -> None:
    Recorded([Told("good")], LATE, task={"constraints": {"memory_mb": 5}}).write(tmp_path)
    assert verdicts(check(tmp_path)) == {"recommendation": "fail"}
    found = check(tmp_path, candidate="good")
    assert (verdicts(found), found.holds) == ({"constraints": "fail"}, False)
    assert "above the limit of 5 MB" in found.checks[0].reason
    Recorded([Told("good")], "20250303-120000-cccc").write(tmp_path)
    found = gate("mail", Limits(), Wish(against=LATE), workspace=tmp_path)
    assert (found.holds, found.checks[1].reason) == (False, "It cannot be compared with the other run: it recommends nothing.")


@pytest.mark.parametrize(
    ("limits", "wish", "what"),
    [
        (Limits(min_quality=80), {}, "accuracy is between 0 and 1, and 80 is demanded"),
        (Limits(min_quality=math.nan), {}, "nan is no limit"),
        (Limits(max_memory_mb=0), {}, "0 is no limit"),
        (Limits(), {"max_drop": 0.1}, "a drop against what?"),
        (Limits(), {"max_drop": -0.1, "against": EARLY}, "a drop of -0.1 is none"),
        (Limits(), {"technique": "knn"}, "the technique of which candidate?"),
        (Limits(), {"candidate": "goof"}, 'the run has no candidate "goof"'),
        (Limits(), {"candidate": "good", "technique": "kn"}, 'the run has no technique "kn"'),
        (Limits(), {"against": "never"}, 'no run "never"'),
    ],
)
def test_bad_input_is_told_in_three_lines(limits: Limits, wish: dict[str, object], what: str, workspace: Path) -> None:
    with pytest.raises(BenchError) as caught:
        check(workspace, limits, **wish)
    lines = str(caught.value).splitlines()
    assert (lines[0], len(lines)) == (what, 3)
