"""What candidates' code may do to its own process, and must not do to bench: real processes, really ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from harness.builtin import builtin_root
from harness.testing import check_candidate
from tests.conformance.plugins import HEAD

FOREVER = "while True: time.sleep(0.05)"


def plugin(folder: Path, embed: str, marks: Path | None = None) -> Path:
    """Write a plugin whose first candidate does something when it is first asked, and whose second one is right."""
    odd = f"""
MARKS = {str(marks)!r}

def mark():
    open(MARKS + "/" + str(os.getpid()), "w").close()

def detach():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            mark()
            {FOREVER}
        os._exit(0)
    time.sleep(0.3)

def write(*lines):
    for descriptor in range(3, 64):
        try: os.write(descriptor, "".join(line + "\\n" for line in lines).encode())
        except OSError: pass

class Odd(Right):
    def embed_text(self, texts):
        {embed}
        return super().embed_text(texts)

candidates = (candidate(Odd), candidate(Right, "next"))
"""
    path = folder / "plugin.py"
    path.write_text(HEAD + odd)
    return path


@pytest.fixture
def aside() -> Iterator[Path]:
    """Give a folder for temporary files whose path is short, as the name of a socket in it must be."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def start(path: Path, folder: Path, *options: str) -> subprocess.Popen[str]:
    """Check a file with the command, its temporary files in a folder."""
    command = [sys.executable, "-m", "harness", "candidates", "check", str(path), *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=builtin_root(), env=os.environ | {"TMPDIR": str(folder)}, text=True, **pipes)


def message(kind: str, content: object) -> str:
    return json.dumps([kind, content])


DOCUMENT = {"subject": "odd", "check": "shape", "status": "passed", "what": "fine"}


def finding(subject: str, check: str) -> str:
    return message("finding", json.dumps(DOCUMENT | {"subject": subject, "check": check}))


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def living(marks: Path) -> list[int]:
    return [pid for pid in (int(mark.name) for mark in marks.iterdir()) if is_alive(pid)]


def wait_until(holds: Callable[[], object], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def marks(tmp_path: Path) -> Iterator[Path]:
    """A folder in which processes leave their number; none of them may be left at the end, and there must be one."""
    folder = tmp_path / "marks"
    folder.mkdir()
    yield folder
    found, left = list(folder.iterdir()), living(folder)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert found
    assert not left


def test_what_a_candidate_detaches_ends_with_the_check(tmp_path: Path, marks: Path) -> None:
    findings = check_candidate(plugin(tmp_path, "if not os.listdir(MARKS): detach()", marks))
    assert {finding.status for finding in findings} == {"passed"}


def test_what_a_plugin_detaches_when_it_is_imported_ends_with_the_check(tmp_path: Path, marks: Path) -> None:
    (tmp_path / "candidates").mkdir()
    path = plugin(tmp_path / "candidates", "pass", marks)
    path.write_text(path.read_text() + "detach()\n")
    findings = check_candidate("next", workspace=tmp_path)
    assert {finding.status for finding in findings} == {"passed"}
    assert {finding.subject for finding in findings} == {"plugin.py", "next"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_when_bench_is_ended_so_is_everything_else(tmp_path: Path, marks: Path, aside: Path, number: signal.Signals) -> None:
    path = plugin(tmp_path, f"detach(); mark()\n        {FOREVER}", marks)
    bench = start(path, aside)
    wait_until(lambda: len(list(marks.iterdir())) == 2)
    bench.send_signal(number)
    bench.communicate(timeout=60)
    assert bench.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    wait_until(lambda: not living(marks), 20)
    if number == signal.SIGKILL:
        wait_until(lambda: not list(aside.rglob("scratch")), 20)
    else:
        assert not list(aside.glob("bench-check-*"))


def test_nobody_gives_itself_more_time(tmp_path: Path, aside: Path) -> None:
    renewing = f"while True: write({message('begin', '')!r}); time.sleep(0.1)"
    bench = start(plugin(tmp_path, renewing), aside, "--timeout", "2s")
    try:
        out, _ = bench.communicate(timeout=60)
    finally:
        bench.kill()
        bench.communicate()
    assert bench.returncode == 1
    assert "out of turn" in out
    assert "plugin.py, line" in out


@pytest.mark.parametrize(
    "busy",
    [FOREVER, "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()", "while True: print('x' * 10_000)"],
)
def test_the_time_limit_is_that_of_one_candidate(tmp_path: Path, busy: str) -> None:
    findings = check_candidate(plugin(tmp_path, busy), seconds=2)
    [failed] = [finding for finding in findings if finding.status == "failed"]
    assert (failed.subject, failed.check, failed.what) == ("odd", "shape", "it gave no answer within 2 s")
    assert failed.where.startswith(f"{tmp_path / 'plugin.py'}, line ")


@pytest.mark.parametrize(
    ("lines", "check", "what"),
    [
        (
            [message("finding", DOCUMENT), message("end", "odd"), message("done", None)],
            "shape",
            "it sent something that is no mess",
        ),
        ([finding("odd", "shape")], "determinism", "it ended its process, with exit status 0"),
        ([finding("odd", "shape")] * 2, "determinism", "it reported out of turn: shape of odd, where determinism of odd is due"),
        ([finding("next", "shape")], "shape", "it reported out of turn: shape of next, where shape of odd is due"),
        ([message("able", "{}")], "shape", "it reported out of turn: able, where finding is due"),
        ([message("finding", "[]")], "shape", "it reported what is no Finding"),
        ([message("well", "")], "shape", "it ended its process, with exit status 0"),
    ],
)
def test_a_forged_report_fails_the_check_that_was_due(tmp_path: Path, lines: list[str], check: str, what: str) -> None:
    findings = check_candidate(plugin(tmp_path, f"write(*{lines!r}); os._exit(0)"))
    [failed] = [finding for finding in findings if finding.status == "failed"]
    assert (failed.subject, failed.check, failed.what[: len(what)]) == ("odd", check, what)
    assert {finding.status for finding in findings if finding.subject == "next"} == {"passed"}


def test_what_a_file_forges_when_it_is_imported_is_not_believed(tmp_path: Path) -> None:
    path = plugin(tmp_path, "pass")
    lines = [finding("plugin.py", "import"), message("names", '{"names": ["odd"]}')]
    path.write_text(path.read_text() + f"write(*{lines!r}); os._exit(0)\n")
    [failed] = [finding for finding in check_candidate(path) if finding.status == "failed"]
    assert (failed.subject, failed.check, failed.what) == ("odd", "card", "it ended its process, with exit status 0")


def test_a_library_that_the_server_has_is_still_seen_in_a_plugin(tmp_path: Path) -> None:
    path = plugin(tmp_path, "pass")
    path.write_text("import sklearn\n" + path.read_text())
    script = f"""
import multiprocessing
from harness.execute import process
from harness.testing import check_candidate
multiprocessing.get_context("forkserver").set_forkserver_preload(["sklearn", "harness.execute.server"])
assert process.ask(len, "abc") == 3
print(check_candidate({str(path)!r})[0].what)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=builtin_root(), capture_output=True, text=True, check=True)
    assert done.stdout.startswith("importing the file imports sklearn")
