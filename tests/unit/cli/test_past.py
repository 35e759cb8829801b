"""`bench history`, `bench diff` and `bench gate` as they are typed, on runs of known predictions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import cli
from tests.unit.past.recorded import ENVIRONMENT, Recorded, Told

EARLY, LATE = "20250301-120000-aaaa", "20250302-120000-bbbb"
HOSTILE = "\x1b[31mred\x1b[0m\n[bold]"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    Recorded([Told("good", 0.1), Told("poor", 0.3)], EARLY).write(tmp_path)
    late = {"environment": {**ENVIRONMENT, "processor": HOSTILE}, "versions": {HOSTILE: HOSTILE}}
    Recorded([Told("good", 0.15), Told("new", 0.3)], LATE, info=late).write(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert cli.run(words) == code
    found = capsys.readouterr()
    assert found.err == ""
    return found.out


@pytest.mark.usefixtures("workspace")
def test_history_is_a_table_or_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    header, first, second = shown(capsys, "history").splitlines()
    assert header.split()[:4] == ["run", "began", "task", "recommended"]
    assert first.startswith(f"{EARLY}  2025-03-01 12:00  mail  good · linear-probe  0.897  [0.87")
    assert second.endswith("new: new; gone: poor")
    assert "mail" not in shown(capsys, "history", "mail")
    found = json.loads(shown(capsys, "history", "--json", "--last", "1"))
    assert (found["schema"], [row["run"] for row in found["runs"]]) == ("bench.history/1", [LATE])
    assert found["runs"][0]["recommendation"]["candidate"] == "good"


@pytest.mark.usefixtures("workspace")
def test_diff_tells_what_changed_then_scores_then_what_stands(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "diff", EARLY, "mail")
    parts = [
        f"mail: from {EARLY} (2025-03-01 12:00) to {LATE}",
        "rows: the same, and divided in the same way",
        "task: the same",
        "machine:\n  processor: x1 → ",
        "versions:\n",
        "candidates:\n  gone: poor\n  new: new",
        "in the first run only: poor",
        "accuracy on the 800 validation rows of both:\n  contender            first",
        "worse",
        "accuracy on the 200 test rows of both:",
        "costs, which cannot be compared: measured on another machine (processor)",
        "Recommendation of the earlier run: holds. Both runs recommend good with a linear probe.",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    found = json.loads(shown(capsys, "diff", EARLY, LATE, "--json"))
    assert found["schema"] == "bench.diff/1"
    assert found["contenders"][0]["validation"]["difference"] == pytest.approx(-0.05, abs=0.01)


@pytest.mark.usefixtures("workspace")
def test_diff_against_the_order_of_time_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "diff", LATE, EARLY)
    assert "the second run is the older one" in text
    assert "better" in text


@pytest.mark.usefixtures("workspace")
def test_the_gate_is_an_exit_code_and_a_line_a_check(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "gate", "mail", "--min-quality", "0.8", "--against", LATE)
    assert text.splitlines()[0] == f"mail, run {LATE}: good · linear-probe"
    assert text.endswith("all checks hold\n")
    text = shown(capsys, "gate", "mail", "--min-quality", "0.99", "--max-memory-mb", "100", "--against", EARLY, code=1)
    assert [line.split()[:2] for line in text.splitlines()[1:5]] == [
        ["holds", "constraints"], ["fails", "min_quality"], ["holds", "memory_mb"], ["fails", "against"],
    ]  # fmt: skip
    assert text.endswith("2 of 4 checks fail\n")
    found = json.loads(shown(capsys, "gate", "mail", "--min-quality", "0.99", "--json", code=1))
    assert (found["schema"], found["holds"]) == ("bench.gate/1", False)
    assert [(one["name"], one["holds"], one["limit"]) for one in found["checks"]] == [
        ("constraints", True, None), ("min_quality", False, 0.99),
    ]  # fmt: skip


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("words", ["history", f"diff {EARLY} {LATE}", "gate mail"])
def test_nothing_that_a_file_says_reaches_the_terminal_as_more_than_text(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(words.split()) == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("history mial", 'there is no run of "mial"'),
        ("diff mail nothing", 'no run "nothing"'),
        ("gate mail --max-latency-ms -1", "-1 is no limit"),
        ("gate mail --min-quality 90", "accuracy is between 0 and 1, and 90 is demanded"),
    ],
)
def test_bad_input_is_three_lines_and_exit_code_two(words: str, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(words.split()) == 2
    found = capsys.readouterr()
    lines = found.err.splitlines()
    assert (found.out, lines[0], [line[:6] for line in lines[1:]]) == ("", what, ["where:", "do:   "])
