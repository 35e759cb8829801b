"""Runs that earlier versions wrote are read by this one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness import cli
from harness.comparison import reopen
from harness.errors import WorkspaceError
from harness.store import journal, runs
from harness.store.formats import upgrade

# A run of the example task, as the first version of bench left it.
FIRST = Path(__file__).parents[2] / "golden" / "run-1"


def test_a_run_of_the_first_version_is_ranked_as_it_was(tmp_path: Path) -> None:
    assert json.loads((FIRST / "run.json").read_text())["format"] == "bench.run/1"
    shutil.copytree(FIRST, tmp_path / "run")
    found = reopen(str(tmp_path / "run"))
    scores = {f"{row.candidate} {row.technique}": row.validation.score for row in found.result.rows}
    written = [json.loads(line) for line in (FIRST / "records.jsonl").read_text().splitlines()]
    told = {
        f"{r['trial']['candidate']} {r['trial']['technique']}": next(
            m["value"] for m in r["outcome"]["measurements"] if m["name"] == "score"
        )
        for r in written
        if r["trial"]["measures"] == "quality"
    }
    assert scores == pytest.approx(told)
    assert len(scores) == 3
    assert found.recommendation is not None


@pytest.mark.parametrize("out", ["file", "file/below", "/proc/x", "/dev/null/x", "a" * 300])
def test_a_report_that_cannot_be_written_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(FIRST, tmp_path / "run")
    (tmp_path / "file").write_text("mine")
    assert cli.run(["report", "run", "--out", out]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("cannot write the report: ")
    assert [line[:6] for line in captured.err.splitlines()[1:]] == ["where:", "do:   "]
    assert (tmp_path / "file").read_text() == "mine"


def test_upgrading_is_done_once() -> None:
    once = upgrade({"format": "bench.record/1", "trial": {"candidate": "a"}})
    assert upgrade(once) == once
    assert isinstance(once, dict)
    assert once["format"] == "bench.record/2"


def test_what_a_later_version_wrote_is_refused_by_name(tmp_path: Path) -> None:
    shutil.copytree(FIRST, tmp_path / "run")
    for name in ("run.json", "records.jsonl"):
        path = tmp_path / "run" / name
        path.write_text(path.read_text().replace("/1", "/9"))
    with pytest.raises(WorkspaceError, match=r"newer version of bench \(bench.run/9\)"):
        runs.read_info(tmp_path / "run")
    with pytest.raises(WorkspaceError, match=r"newer version of bench \(bench.record/9\)"):
        journal.read(tmp_path / "run" / "records.jsonl")
