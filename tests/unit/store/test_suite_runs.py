"""Folders of runs of suites: found, read, refused."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from harness.core.run import Settings
from harness.core.suite import Entry, Suite, SuiteInfo
from harness.errors import WorkspaceError
from harness.store import runs, suite_runs

FIRST, SECOND = "20250101-000000-aaaa", "20250102-000000-bbbb"


def head(run: str, name: str = "office") -> SuiteInfo:
    return SuiteInfo(
        run=run, suite=Suite(name=name, tasks=("mail", "calls")), settings=Settings(data_of={"mail": "x.csv"}),
        entries=(Entry(task="mail", path="", weight=1), Entry(task="calls", path="", weight=2, error="no", hint="do")), started="",
    )  # fmt: skip


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    for run in (FIRST, SECOND):
        suite_runs.write_info(suite_runs.create(tmp_path / "reports", "office", run), head(run))
    runs.point_latest(tmp_path / "reports" / "office" / FIRST)
    return tmp_path / "reports"


def test_a_head_is_read_as_it_was_written(reports: Path) -> None:
    assert suite_runs.read_info(reports / "office" / SECOND) == head(SECOND)


def test_a_run_is_found_by_id_path_and_suite(reports: Path) -> None:
    folder = (reports / "office" / SECOND).resolve()
    assert suite_runs.find(reports, SECOND) == suite_runs.find(reports, str(folder)) == folder
    assert suite_runs.find(reports, "office") == (reports / "office" / FIRST).resolve()
    for name in ("other", "*", "../office", "20250103-000000-cccc", "a\0b"):
        assert suite_runs.find(reports, name) is None
    with pytest.raises(WorkspaceError, match="is the run of a suite"):
        runs.find(reports, SECOND)


def test_which_run_goes_on(reports: Path) -> None:
    assert suite_runs.find_earlier(reports, "office", "latest").name == SECOND
    assert suite_runs.find_earlier(reports, "office", FIRST).name == FIRST
    with pytest.raises(WorkspaceError, match="no run of the suite"):
        suite_runs.find_earlier(reports, "none", "latest")
    with pytest.raises(WorkspaceError, match='no run "20250103-000000-cccc" of a suite'):
        suite_runs.find_earlier(reports, "office", "20250103-000000-cccc")
    with pytest.raises(WorkspaceError, match='of the suite "office", not of "other"') as caught:
        suite_runs.find_earlier(reports, "other", FIRST)
    assert "--task office" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ('{"format": "bench.suite-run/1"}', "Field required"),
        (json.dumps(head(FIRST).model_dump(mode="json") | {"more": 1}), "Extra inputs"),
        (json.dumps(head(FIRST).model_dump(mode="json") | {"format": "bench.suite-run/2"}), "newer version of bench"),
    ],
)
def test_a_head_that_cannot_be_read_is_told(reports: Path, content: str, what: str) -> None:
    (reports / "office" / FIRST / "suite.json").write_text(content)
    with pytest.raises(WorkspaceError, match=what) as caught:
        suite_runs.read_info(reports / "office" / FIRST)
    assert caught.value.hint
    (reports / "office" / FIRST / "suite.json").unlink()
    with pytest.raises(WorkspaceError, match=r"no suite\.json"):
        suite_runs.read_info(reports / "office" / FIRST)


def test_runs_of_a_task_of_the_same_name_do_not_sweep_a_suite_s_away(reports: Path) -> None:
    old = time.time() - 3600
    for folder in (reports / "office").iterdir():
        os.utime(folder, (old, old), follow_symlinks=False)
    runs._sweep(reports / "office")
    assert {folder.name for folder in (reports / "office").iterdir()} == {FIRST, SECOND, "latest"}


def test_a_task_s_run_is_known_by_the_suite_s_run(reports: Path) -> None:
    (reports / "mail" / FIRST).mkdir(parents=True)
    (reports / "mail" / FIRST / "run.json").write_text("{}")
    assert suite_runs.find_part(reports, "mail", FIRST) == ""
    assert suite_runs.find_part(reports, "none", FIRST) == ""
