"""What a crash leaves of a run, and what stands of it afterwards."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.measurement import Measurement
from harness.core.trial import Failed, Finished, Inapplicable, Outcome, Record, Skipped, Trial
from harness.errors import WorkspaceError
from harness.store import journal, predictions, runs
from harness.store.predictions import Predictions
from harness.store.resume import done

FAILED = Failed(stage="load", error="x")


def record(name: str, outcome: Outcome = FAILED) -> Record:
    trial = Trial(candidate=name, technique="knn", task="t", task_digest="d", source_digest="s")
    return Record(trial=trial, outcome=outcome, started="2026-01-01T00:00:00", seconds=1.5)


def write(folder: Path, *found: Record) -> Path:
    for one in found:
        journal.append(folder / "records.jsonl", one)
    return folder / "records.jsonl"


def answer(folder: Path, one: Record) -> None:
    truth = np.array([0, 1])
    shares = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    (folder / "predictions").mkdir(exist_ok=True)
    predictions.write(folder / "predictions" / one.predictions, Predictions(["a", "b"], truth, shares, ["c", "d"], truth, shares))


@pytest.mark.parametrize(
    ("outcome", "stands"),
    [
        (Finished(measurements=(Measurement(name="score", value=0.5),)), True),
        (FAILED, True),
        (Failed(stage="embed", error="killed", may_pass=True), False),
        (Skipped(reason="no network"), False),
        (Inapplicable(reason="cannot fit"), True),
    ],
)
def test_what_stands_is_not_run_again(outcome: Outcome, stands: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a table
    one = record("a", outcome)
    answer(tmp_path, one)
    write(tmp_path, one)
    assert (one.trial.key in done(tmp_path, [one.trial])) is stands
    assert done(tmp_path, [record("b").trial]) == {}


def test_a_finished_trial_without_its_predictions_does_not_stand(tmp_path: Path) -> None:
    one = record("a", Finished())
    write(tmp_path, one)
    assert done(tmp_path, [one.trial]) == {}
    answer(tmp_path, one)
    assert done(tmp_path, [one.trial]) == {one.trial.key: one}
    path = tmp_path / "predictions" / one.predictions
    path.write_bytes(path.read_bytes()[:-7])
    assert done(tmp_path, [one.trial]) == {}


def test_the_last_record_of_a_trial_counts(tmp_path: Path) -> None:
    one = record("a")
    write(tmp_path, record("a", Failed(stage="load", error="killed", may_pass=True)), one)
    assert done(tmp_path, [one.trial]) == {one.trial.key: one}


@given(st.integers(0, 400), st.binary(max_size=60))
def test_a_journal_torn_anywhere_is_made_whole(cut: int, rubbish: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        path = write(Path(name), record("a"), record("b"))
        whole = path.read_bytes()
        first = whole.index(b"\n") + 1
        path.write_bytes(whole[: first + cut % (len(whole) - first)] + rubbish.replace(b"\n", b""))
        journal.repair(path)
        assert [r.trial.candidate for r in journal.read(path)] == ["a"]
        journal.append(path, record("c"))
        assert [r.trial.candidate for r in journal.read(path)] == ["a", "c"]


def test_a_damaged_line_in_the_middle_is_set_aside(tmp_path: Path) -> None:
    path = write(tmp_path, record("a"), record("b"))
    path.write_bytes(path.read_bytes().replace(b'"candidate":"a"', b'"candidate":\0\0\0', 1))
    assert journal.repair(path) == 1
    assert [r.trial.candidate for r in journal.read(path)] == ["b"]
    assert b"\0\0\0" in (tmp_path / "records.damaged.jsonl").read_bytes()
    assert journal.repair(path) == 0


FULL = """
import resource, sys
from pathlib import Path
from tests.unit.store.test_resume import record, write
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    for number in range(99): write(path, record(f"c{number}"))
except Exception as error:
    print(type(error).__name__, str(error).splitlines()[0])
"""


def test_a_record_that_does_not_fit_on_the_disk_leaves_the_journal_whole(tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)
    told = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True
    ).stdout
    assert told.startswith("WorkspaceError cannot write the records")
    names = [r.trial.candidate for r in journal.read(tmp_path / "records.jsonl")]
    assert names == [f"c{i}" for i in range(len(names))]
    assert (tmp_path / "records.jsonl").read_bytes().endswith(b"\n")
    assert os.strerror(errno.EFBIG) in told or "full" in told


def test_a_run_is_held_by_one_bench_at_a_time(tmp_path: Path) -> None:
    script = f"""
import time
from pathlib import Path
from harness.store.runs import hold
with hold(Path({str(tmp_path)!r})):
    print("held", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(WorkspaceError, match="another bench is working"), runs.hold(tmp_path):
            pass
        other.kill()
    with runs.hold(tmp_path):
        pass


def test_holding_a_run_clears_away_what_was_half_written(tmp_path: Path) -> None:
    (tmp_path / "predictions").mkdir()
    (tmp_path / "logs" / ".work-a").mkdir(parents=True)
    for name in (".run.json.abcd1234", "predictions/.1f.parquet.abcd1234", "logs/.work-a/tmp", "run.json", "logs/a.log"):
        (tmp_path / name).write_text("x")
    with runs.hold(tmp_path):
        left = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert left == ["logs/a.log", "run.json"]


def test_runs_that_never_began_are_swept_away_and_nothing_else_is(tmp_path: Path) -> None:
    from tests.unit.store.test_formats import FIRST

    info = runs.read_info(FIRST)
    place = tmp_path / "example"
    dead, young, torn, ended, shared = (
        place / name
        for name in ("20260101-000000-dead", "20260101-000000-a001", "20260101-000000-a002", "20260101-000000-a003", "shared")
    )
    for folder in (dead, young, torn, ended / "logs" / ".work-a", shared):
        folder.mkdir(parents=True)
    (shared / "report.html").write_text("a report that the user put there")
    write(torn, record("a"))
    runs.write_info(ended, info)
    past = time.time() - 60
    for folder in (dead, torn, ended, shared):
        os.utime(folder, (past, past))
    folder = runs.create(tmp_path, info)
    assert {p.name for p in place.iterdir()} == {info.run, young.name, torn.name, ended.name, "shared"}
    assert not (ended / "logs" / ".work-a").exists()
    assert not (folder / "run.json").exists()
    runs.write_info(folder, info)
    assert runs.read_info(folder) == info
    assert runs.find_latest(tmp_path, "example") == folder
    with pytest.raises(WorkspaceError, match="no run"):
        runs.find_latest(tmp_path, "other")


def test_latest_leads_to_the_run_however_it_was_named(tmp_path: Path) -> None:
    from tests.unit.store.test_formats import FIRST

    folder = tmp_path / "example" / "20260101-000000-a001"
    shutil.copytree(FIRST, folder)
    # What a bench that was ended in between may have left.
    (folder.parent / f".latest-{folder.name}").symlink_to("nowhere")
    for name in (str(folder), str(folder.parent / "latest"), "example"):
        runs.point_latest(runs.find(tmp_path, name))
        assert (folder.parent / "latest").readlink() == Path(folder.name)
    assert sorted(p.name for p in folder.parent.iterdir()) == [folder.name, "latest"]


def test_a_contender_whose_predictions_are_gone_loses_its_own_row_only(tmp_path: Path) -> None:
    from harness.comparison import reopen
    from tests.unit.store.test_formats import FIRST

    shutil.copytree(FIRST, tmp_path / "run")
    next(iter(sorted((tmp_path / "run" / "predictions").iterdir()))).unlink()
    found = reopen(str(tmp_path / "run"))
    assert len(found.result.rows) == 2
    assert [(row.stage, row.error.partition(":")[0]) for row in found.result.failed] == [("reading", "predictions cannot be read")]
