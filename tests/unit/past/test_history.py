"""The runs of a workspace, sound and damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import WorkspaceError
from harness.past.history import list_history
from harness.store import runs
from tests.unit.past.recorded import Recorded, Told

FIRST, SECOND, THIRD = "20250301-120000-ffff", "20250302-120000-bbbb", "20250303-120000-aaaa"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    Recorded([Told("good", 0.1), Told("poor", 0.3)], FIRST).write(tmp_path)
    Recorded([Told("good", 0.3), Told("new", 0.1)], SECOND, info={"versions": {"python": "3.12.1"}}).write(tmp_path)
    Recorded([Told("good", 0.1)], THIRD, task={"name": "calls"}).write(tmp_path)
    return tmp_path


def test_runs_come_oldest_first_with_what_changed_since_the_one_before(workspace: Path) -> None:
    first, second, third = list_history(workspace=workspace)
    assert [(row.run, row.task, row.state) for row in (first, second, third)] == [
        (FIRST, "mail", "finished"), (SECOND, "mail", "finished"), (THIRD, "calls", "finished"),
    ]  # fmt: skip
    assert first.recommendation is not None
    assert (first.recommendation.candidate, first.recommendation.decisive) == ("good", True)
    assert (first.since, first.changes, third.changes) == ("", (), ())
    assert second.since == FIRST
    assert second.changes == ("python 3.11.7 → 3.12.1", "new: new", "gone: poor", "another recommendation")


def test_the_newest_are_compared_with_those_that_are_not_told(workspace: Path) -> None:
    assert list_history("mail", workspace=workspace, last=1) == list_history("mail", workspace=workspace)[1:]
    assert [row.run for row in list_history(workspace=workspace, last=2)] == [SECOND, THIRD]


def test_stopped_running_and_damaged_runs_are_rows_that_say_so(workspace: Path) -> None:
    reports = workspace / "reports" / "mail"
    head = reports / FIRST / "run.json"
    content = json.loads(head.read_text())
    head.write_text(json.dumps(content | {"plan": [*content["plan"], "never-run"]}))
    with runs.hold(reports / FIRST):
        assert list_history("mail", workspace=workspace)[0].state == "running"
    stopped, second = list_history("mail", workspace=workspace)
    assert (stopped.state, stopped.note) == ("stopped", "1 of 3 trials were not run")
    kept = sorted((reports / SECOND / "predictions").glob("*.parquet"))
    kept[0].write_bytes(kept[0].read_bytes()[:-50])
    row = list_history("mail", workspace=workspace)[1]
    assert (row.state, row.note) == ("damaged", "the predictions of 1 trial cannot be read")
    assert row.recommendation is not None
    (reports / SECOND / "records.jsonl").write_text("{}\n" * 3)
    assert "journal cannot be read" in list_history("mail", workspace=workspace)[1].note
    (reports / SECOND / "run.json").write_text("{")
    row = list_history("mail", workspace=workspace)[1]
    assert (row.state, row.recommendation, second.since) == ("damaged", None, FIRST)
    assert "run.json cannot be read" in row.note
    (reports / SECOND / "run.json").unlink()
    assert list_history("mail", workspace=workspace)[1].note == "the run has no run.json"


def test_a_task_without_runs_is_told_and_a_workspace_without_any_is_empty(workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match='there is no run of "mial"') as caught:
        list_history("mial", workspace=workspace)
    assert caught.value.hint.startswith('use "mail"')
    assert list_history(workspace=tmp_path / "nowhere") == ()
