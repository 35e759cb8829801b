"""The installed command, stopped and taken up again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness import cli
from harness.cli.init import make_workspace
from tests.e2e.command import BENCH, run_bench, run_here

QUICK = ("--techniques", "knn", "--measure", "quality", "--device", "cpu", "--offline", "--format", "json")
SLOW = """
import os, pathlib, time
import numpy as np
from harness import Candidate, Card

PLACE = pathlib.Path(__file__).resolve().parents[1]

class Slow:
    def embed_text(self, texts):
        (PLACE / "mark").touch()
        time.sleep(float((PLACE / "sleep").read_text()))
        return np.array([[[len(text), text.count("e")] for text in texts]], np.float32)

candidates = (Candidate(Card(name="slow", license="MIT"), lambda device, dtype: Slow()),)
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A workspace with a candidate that takes as long as it is told to."""
    make_workspace(tmp_path / "w")
    (tmp_path / "w" / "candidates" / "slow.py").write_text(SLOW)
    (tmp_path / "w" / "sleep").write_text("0")
    return tmp_path / "w"


def start(place: Path, *more: str) -> subprocess.Popen[str]:
    """Start a comparison, and wait until its slow candidate is at work."""
    mark = place / "mark"
    (place / "sleep").write_text("60")
    command = [str(BENCH), "compare", "--task", "example", "--candidates", "hashing,slow", *QUICK, *more]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    bench = subprocess.Popen(command, cwd=place, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not mark.exists():
        assert time.monotonic() < until
        assert bench.poll() is None, bench.stderr and bench.stderr.read()
        time.sleep(0.05)
    return bench


def resume(place: Path, run: Callable[..., subprocess.CompletedProcess[str]] = run_here) -> dict[str, Any]:
    (place / "sleep").write_text("0")
    done = run("compare", "--task", "example", "--resume", "--json", cwd=place)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"stderr": done.stderr}


def test_a_killed_run_goes_on_where_it_was(place: Path) -> None:
    bench = start(place)
    bench.kill()
    bench.communicate()
    found = resume(place, run_bench)
    assert "2 of 6 trials are finished" in found["stderr"]
    assert {row["candidate"] for row in found["ranking"]} == {"hashing", "slow", "baseline-tfidf", "baseline-majority"}
    assert len(list((place / "reports/example").glob("2*"))) == 1
    whole = resume(place)
    assert "6 of 6 trials are finished" in whole["stderr"]
    assert whole["ranking"] == found["ranking"]
    info = json.loads((place / "reports/example/latest/run.json").read_text())
    assert len(info["resumed"]) == 2
    assert info["settings"]["techniques"] == ["knn"]


def test_ctrl_c_reports_what_is_known(place: Path) -> None:
    bench = start(place, "--format", "html,json")
    bench.send_signal(signal.SIGINT)
    out, err = bench.communicate(timeout=60)
    assert bench.returncode == 130, err
    assert "hashing" in out
    assert "report.html" in out
    latest = place / "reports/example/latest"
    assert len((latest / "records.jsonl").read_text().splitlines()) == 2
    assert (latest / "report.html").is_file()
    report = json.loads((latest / "report.json").read_text())
    assert any("The run was stopped: 4 of 6 trials were not run" in warning for warning in report["warnings"])


def test_ctrl_c_twice_ends_at_once(place: Path) -> None:
    bench = start(place)
    # A guard that is held up holds up the first wish, by many seconds.
    guards = [p for p in psutil.Process(bench.pid).children(recursive=True) if os.getsid(p.pid) == p.pid]
    assert len(guards) == 1
    guards[0].suspend()
    bench.send_signal(signal.SIGINT)
    time.sleep(1)
    assert bench.poll() is None
    bench.send_signal(signal.SIGINT)
    _, err = bench.communicate(timeout=10)
    assert not guards[0].is_running()
    assert bench.returncode == 130
    assert "Traceback" not in err
    assert not list((place / "reports/example").glob("2*/report.json"))
    assert len(resume(place)["ranking"]) == 4


def test_ctrl_c_of_a_terminal_reaches_everybody_and_fails_nobody(place: Path) -> None:
    command = [str(BENCH), "compare", "--task", "example", "--candidates", "hashing,slow", *QUICK]
    bench = subprocess.Popen(command, cwd=place, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    # While the server of processes is importing.
    until = time.monotonic() + 60
    while not list((place / "reports").glob("example/2*/run.json")):
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(0.3)
    os.killpg(bench.pid, signal.SIGINT)
    _, err = bench.communicate(timeout=60)
    assert bench.returncode == 130, err
    assert "Traceback" not in err
    for journal in (place / "reports").glob("example/2*/records.jsonl"):
        assert '"state":"failed"' not in journal.read_text()


def test_a_mended_plugin_is_run_again_and_the_others_are_not_whatever_folder_it_goes_to(place: Path) -> None:
    plugin = place / "candidates" / "slow.py"
    plugin.write_text(SLOW.replace("time.sleep", "raise ValueError"))
    first = run_here("compare", "--task", "example", "--candidates", "hashing,slow", *QUICK, "--json", cwd=place)
    assert [row["candidate"] for row in json.loads(first.stdout)["failed"]] == ["slow"]
    plugin.write_text(SLOW.replace("        time.sleep", "        os.chdir('/')\n        time.sleep"))
    found = resume(place)
    assert found["failed"] == []
    assert "slow" in [row["candidate"] for row in found["ranking"]]
    assert "4 of 6 trials are finished" in found["stderr"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--resume",), 'there is no run of "example" to resume'),
        (("--resume", "nothing"), 'no run "nothing"'),
        (("--measure", "speed"), 'unknown measure "speed"'),
        (("--format", "pdf"), 'unknown format "pdf"'),
        (("--trial-timeout", "soon"), '"soon" is not a positive quantity'),
        (("--memory-limit", "0"), '"0" is not a positive quantity'),
    ],
)
def test_bad_wishes_are_told_in_three_lines(
    arguments: tuple[str, ...], told: str, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ("compare", "--task", "example", "--candidates", "hashing", "--offline", *arguments)
    assert cli.run([*words, "--workspace", str(place)]) == 2
    err = capfd.readouterr().err
    assert err.startswith(told)
    assert len(err.strip().splitlines()) == 3
    assert not list((place / "reports").glob("example"))


def test_two_comparisons_at_once_do_not_harm_each_other(place: Path) -> None:
    one, two = start(place), None
    try:
        (place / "mark").unlink()
        two = start(place, "--seed", "1")
        other = run_here("compare", "--task", "example", "--resume", cwd=place)
        assert other.returncode == 2
        assert other.stderr.startswith("another bench is working on this run")
    finally:
        for bench in (one, two):
            if bench:
                bench.kill()
                bench.communicate()
    assert len(list((place / "reports/example").glob("2*"))) == 2
    shutil.rmtree(place / "reports")
