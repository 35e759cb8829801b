"""What a candidate may do to itself, and must not do to anybody else: real processes, really ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest

from harness.core.trial import Failed, Record
from harness.execute import local, process
from harness.execute.job import Job
from harness.execute.limits import Limits
from harness.execute.warden import Ward
from tests.unit.execute.plugins import GOOD, jobs, records, states

ROOT = Path(__file__).parents[3]
QUICK = ("quality",)
FOREVER = "while True: time.sleep(0.05)"
DETACHED = f"""
        if not os.listdir(MARKS) and os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                open(MARKS + "/" + str(os.getpid()), "w").close()
                {FOREVER}
            os._exit(0)
"""


def broken(body: str) -> str:
    return GOOD.replace("return vectors(texts)", body)


def detached(marks: Path, then: str) -> str:
    """Return a candidate that starts a process out of its sight, and then goes on."""
    return f"MARKS = {str(marks)!r}\n" + broken(f"{DETACHED}        {then}")


def limited(job: Job, **limits: float) -> Job:
    import dataclasses

    return dataclasses.replace(job, limits=Limits(**limits))  # type: ignore[arg-type]


def failure(found: list[Record]) -> Failed:
    outcome = found[0].outcome
    assert isinstance(outcome, Failed)
    return outcome


@pytest.fixture
def marks(tmp_path: Path) -> Iterator[Path]:
    """A folder in which processes leave their number; none of them may be left at the end."""
    folder = tmp_path / "marks"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) != []
    for mark in folder.iterdir():
        assert not psutil.pid_exists(int(mark.name)) or psutil.Process(int(mark.name)).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("body", "limits", "error"),
    [
        ("while True: pass", {"seconds": 1.5}, "no result within the time limit of 1.5 s"),
        ("import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()", {"seconds": 1.5}, "no result within"),
        (
            "kept = []\n        while True: kept.append(np.ones(4_000_000))",
            {"memory_bytes": 300_000_000},
            "it took",
        ),
        (
            "import tempfile\n        with tempfile.NamedTemporaryFile() as f:\n            while True: f.write(b'x' * 1_000_000)",
            {"disk_bytes": 50_000_000},
            "it wrote",
        ),
        ("os.kill(os.getpid(), signal.SIGKILL)", {}, "the process was ended by SIGKILL"),
    ],
    ids=["spins", "deadlocks", "leaks", "fills-the-disk", "is-killed"],
)
def test_what_takes_too_much_is_ended_with_the_reason(body: str, limits: dict[str, float], error: str, tmp_path: Path) -> None:
    found = records([limited(jobs(tmp_path, ("greedy", broken(body)))[0], **limits)])
    assert failure(found).error.startswith(error)
    assert failure(found).may_pass
    assert failure(found).stage == "embed"
    assert not list(tmp_path.glob(".work*"))


@pytest.mark.parametrize(
    ("body", "stage"),
    [
        ("os.closerange(3, 200); return vectors(texts)", "embed"),
        ("os.closerange(0, 200); return vectors(texts)", "embed"),
        ("raise KeyboardInterrupt", "embed"),
        ("os.killpg(0, signal.SIGKILL)", "embed"),
        ("raise GeneratorExit", "embed"),
        ("raise ValueError('half a pair: \\ud800')", "embed"),
    ],
)
def test_the_others_go_on_whatever_one_does(body: str, stage: str, tmp_path: Path) -> None:
    found = records(jobs(tmp_path, ("bad", broken(body)), ("good", GOOD), measures=QUICK))
    assert failure(found).stage == stage
    assert states(found, "bad") == {"failed"}
    assert states(found, "good") == {"finished", "inapplicable"}


def test_a_forger_of_messages_is_not_believed(tmp_path: Path) -> None:
    forged = """
        for fd in range(3, 60):
            try: os.write(fd, b'["record", "{}"]\\n["stage", "heaven"]\\nnot a message\\n')
            except OSError: pass
        time.sleep(60)"""
    found = records([limited(jobs(tmp_path, ("forger", broken(forged)))[0], seconds=20)])
    assert {r.outcome.state for r in found} == {"failed"}
    assert "no message" in failure(found).error
    assert not failure(found).may_pass


def test_nothing_that_a_candidate_starts_outlives_it(marks: Path, tmp_path: Path) -> None:
    forks = detached(marks, "time.sleep(0.3); return vectors(texts)")
    found = records(jobs(tmp_path, ("forks", forks), measures=QUICK))
    assert states(found, "forks") == {"finished", "inapplicable"}


def test_when_bench_is_gone_so_is_everything_else(marks: Path, tmp_path: Path) -> None:
    script = f"""
import os, signal, sys, time
from pathlib import Path
from harness.execute import local
from tests.unit.execute.plugins import jobs
for progress in local.execute(jobs(Path({str(tmp_path)!r}), ("stays", {detached(marks, FOREVER)!r}))):
    if progress.text == "embed":
        time.sleep(1)
        os.kill(os.getpid(), signal.SIGKILL)
"""
    bench = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert bench.returncode == -signal.SIGKILL
    wait_until(lambda: len(list(marks.iterdir())) == 1)
    wait_until(lambda: not any(psutil.pid_exists(int(mark.name)) for mark in marks.iterdir()))
    wait_until(lambda: not list(tmp_path.glob(".work*")))


def test_a_candidate_without_its_guard_ends(tmp_path: Path) -> None:
    body = f"os.kill(os.getppid(), signal.SIGKILL)\n        {FOREVER}"
    found = records([limited(jobs(tmp_path, ("orphan", broken(body)))[0], seconds=20)])
    assert failure(found).error == "its guard was ended"
    assert failure(found).may_pass


def test_what_a_candidate_started_ends_even_without_its_guard(marks: Path, tmp_path: Path) -> None:
    alone = detached(marks, f"time.sleep(0.5); os.kill(os.getppid(), signal.SIGKILL)\n        {FOREVER}")
    found = records([limited(jobs(tmp_path, ("orphans", alone))[0], seconds=20)])
    assert failure(found).error == "its guard was ended"
    wait_until(lambda: not any(psutil.pid_exists(int(mark.name)) for mark in marks.iterdir()))


def test_memory_that_processes_share_is_counted_once(tmp_path: Path) -> None:
    body = """
        block = np.ones(200 * 2**20, np.uint8)
        for _ in range(4):
            if os.fork() == 0: time.sleep(2); os._exit(0)
        time.sleep(1)
        return vectors(texts)"""
    one = jobs(tmp_path, ("shares", broken(body)), measures=QUICK)[0]
    found = records([limited(one, memory_bytes=700_000_000)])
    assert states(found, "shares") == {"finished", "inapplicable"}, failure(found).error
    tight = records([limited(one, memory_bytes=100_000_000)])
    assert failure(tight).error.startswith("it took")


def test_the_log_of_a_failure_is_of_that_try(tmp_path: Path) -> None:
    one = jobs(tmp_path, ("again", broken("raise ValueError('first try')")), measures=QUICK)[0]
    assert failure(records([one])).log[-1] == "ValueError: first try"
    silent = jobs(tmp_path, ("again", broken("os._exit(3)")), measures=QUICK)[0]
    assert failure(records([silent])).log == ()


def test_comparisons_in_threads_of_one_program_do_not_harm_each_other(tmp_path: Path) -> None:
    main, lost = sys.modules["__main__"], broken(f"os.kill(os.getppid(), signal.SIGKILL)\n        {FOREVER}")
    places = [tmp_path / name for name in "abc"]
    for place in places:
        place.mkdir()
    with ThreadPoolExecutor(3) as pool:
        sources = [(("good", GOOD),), (("lost", lost), ("good", GOOD)), (("good", GOOD),)]
        found = list(pool.map(lambda p, s: records(jobs(p, *s, measures=QUICK)), places, sources))
    assert [states(one, "good") for one in found] == [{"finished", "inapplicable"}] * 3
    assert states(found[1], "lost") == {"failed"}
    assert sys.modules["__main__"] is main


def test_a_disk_that_takes_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    worker = process.Worker(Ward(_leave, None, Limits(), tmp_path / "log", tmp_path / "file" / "work"))
    assert list(worker.messages(lambda: False)) == [("ended", "no folder for its temporary files: Not a directory")]
    worker.stop(20)


def test_a_flood_of_output_is_kept_at_both_ends(tmp_path: Path) -> None:
    body = "\n        for i in range(60_000): print(f'{i:06d}' + 'x' * 94)\n        raise ValueError('enough')"
    found = records(jobs(tmp_path, ("noisy", broken(body)))[:1])
    log = (tmp_path / "noisy.log").read_text()
    assert len(log) < 2_000_000
    assert log.startswith("000000x")
    assert "bytes are left out here" in log
    assert "059999x" in log
    assert failure(found).log[-1] == "ValueError: enough"
    assert len(failure(found).log) == 200


def test_secrets_reach_neither_the_candidate_nor_its_log(tmp_path: Path) -> None:
    body = """
        print(sorted(os.environ), open('/proc/self/environ').read(), 'hf_' + 'q' * 30)
        raise ValueError('stop')"""
    script = f"""
from pathlib import Path
from tests.unit.execute.plugins import jobs, records
for record in records(jobs(Path({str(tmp_path)!r}), ("curious", {broken(body)!r}), measures=("quality",))):
    print(record.model_dump_json())
"""
    secrets = {"HF_TOKEN": "hf_" + "q" * 30, "MY_SECRET_THING": "swordfish-swordfish"}
    # A fresh bench: a server of processes that runs already was started without them.
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=os.environ | secrets, capture_output=True, text=True, check=True
    )
    told = (tmp_path / "curious.log").read_text() + done.stdout
    assert "stop" in done.stdout
    assert "PATH" in told
    assert "qqqqqqqqqq" not in told
    assert "swordfish" not in told
    assert "HF_TOKEN" not in told


def test_stopping_leaves_no_record_of_what_was_under_way(tmp_path: Path) -> None:
    begun = time.monotonic()
    only = jobs(tmp_path, ("stays", broken(FOREVER)))
    found = [p.record for p in local.execute(only, lambda: time.monotonic() - begun > 3) if p.record]
    assert found == []


def test_a_guard_that_does_not_answer_is_overruled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_PATIENCE_S", 1.0)
    body = f"os.kill(os.getppid(), signal.SIGSTOP)\n        {FOREVER}"
    found = records([limited(jobs(tmp_path, ("paralyser", broken(body)))[0], seconds=2)])
    assert failure(found).error.startswith("no result within")


def test_a_signal_without_a_name_is_told_by_its_number(tmp_path: Path) -> None:
    found = records(jobs(tmp_path, ("real-time", broken("os.kill(os.getpid(), 40)")), measures=QUICK))
    assert failure(found).error == "it killed its process with signal 40"


def test_a_ward_that_prints_nothing_leaves_no_log(tmp_path: Path) -> None:
    worker = process.Worker(Ward(_leave, None, Limits(), tmp_path / "log", tmp_path / "work"))
    assert list(worker.messages(lambda: False)) == [("well", "")]
    worker.stop(20)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("first", "again"), [("serve_interpreters()", False), ("preload([], offline=False)", True)])
def test_a_server_that_was_started_for_interpreters_gives_way_to_one_with_libraries(first: str, again: bool) -> None:  # noqa: FBT001
    script = f"""
from multiprocessing import forkserver
from harness.execute import process
from tests.unit.execute.test_containment import has_worker
process.{first}
found = [process.ask(has_worker, None)]
server = forkserver._forkserver._forkserver_pid
process.serve_interpreters()
assert forkserver._forkserver._forkserver_pid == server
process.preload([], offline=False)
found.append(process.ask(has_worker, None))
print(*found, forkserver._forkserver._forkserver_pid == server)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == ([str(again), "True", str(again)], "")


def test_a_server_that_lacks_a_library_gives_way_to_one_that_has_it() -> None:
    script = """
from multiprocessing import forkserver
from harness.execute import process
from tests.unit.execute.test_containment import imported
servers = []
for names in (["wave"], ["colorsys"], ["wave"]):
    process._offer([*process._LITTLE, *names])
    print(process.ask(imported, ("wave", "colorsys")))
    servers.append(forkserver._forkserver._forkserver_pid)
print(servers[0] == servers[1], servers[1] == servers[2])
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout.splitlines(), done.stderr) == (["[True, False]", "[True, True]", "[True, True]", "False True"], "")


def imported(names: tuple[str, ...]) -> list[bool]:
    """Tell of modules whether they were there when this process was born."""
    return [name in sys.modules for name in names]


def has_worker(_argument: object) -> bool:
    """Tell whether this process was born with the libraries of trials."""
    return "harness.execute.worker" in sys.modules


def test_a_server_in_use_is_left_alone(tmp_path: Path) -> None:
    script = f"""
from multiprocessing import forkserver
from pathlib import Path
from harness.execute import process
from harness.execute.limits import Limits
from harness.execute.warden import Ward
from tests.unit.execute.test_containment import rest
process.serve_interpreters()
worker = process.Worker(Ward(rest, None, Limits(), Path({str(tmp_path)!r}, "log"), Path({str(tmp_path)!r}, "work")))
server = forkserver._forkserver._forkserver_pid
process.preload([], offline=False)
assert list(worker.messages(lambda: False)) == [("well", "")]
worker.stop(20)
print(forkserver._forkserver._forkserver_pid == server)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True\n", "")


def rest(_argument: object, _pipe: object) -> None:
    """Take a while."""
    time.sleep(1)


def test_who_is_ended_is_asked_before_where_it_is(tmp_path: Path) -> None:
    worker = process.Worker(Ward(_stay, None, Limits(seconds=2), tmp_path / "log", tmp_path / "work", signal.SIGUSR1))
    assert list(worker.messages(lambda: False)) == [("ended", "no result within the time limit of 2 s")]
    worker.stop(20)
    assert "in _stay" in (tmp_path / "log").read_text()


def _stay(_argument: object, _pipe: object) -> None:
    """Say where it is when asked, and never come back."""
    import faulthandler

    faulthandler.register(signal.SIGUSR1)
    while True:
        time.sleep(0.05)


def test_what_came_before_something_that_is_no_message_is_heard(tmp_path: Path) -> None:
    worker = process.Worker(Ward(_stammer, None, Limits(), tmp_path / "log", tmp_path / "work"))
    *heard, (kind, reason) = worker.messages(lambda: False)
    worker.stop(20)
    assert heard == [("stage", "embed")]
    assert (kind, reason.partition(":")[0]) == ("broke", "it sent something that is no message")


def _stammer(_argument: object, pipe: Connection) -> None:
    """Send a message and something else in one breath."""
    os.write(pipe.fileno(), b'["stage", "embed"]\nwell\n')
    time.sleep(20)


def _leave(_argument: object, _pipe: object) -> None:
    """Do nothing."""


def wait_until(holds: object, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_bench_that_is_killed_before_its_server_looks_leaves_no_folder(tmp_path: Path) -> None:
    code = """
import os, signal
from multiprocessing import forkserver
from harness.execute import kin, process
process.preload([], offline=True)
os.environ[kin.SERVED] = str(os.getpid())
forkserver.ensure_running()
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"TMPDIR": str(tmp_path)}, check=False)
    assert list(tmp_path.glob("pymp-*"))
    until = time.monotonic() + 60
    while list(tmp_path.glob("pymp-*")) and time.monotonic() < until:
        time.sleep(0.1)
    assert not list(tmp_path.glob("pymp-*"))
