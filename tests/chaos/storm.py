"""Comparisons with faults drawn by lot, each ended in some way and then resumed; counts what was lost. `make chaos` runs it.

A run has one or two candidates that misbehave (a kind and a moment each) beside four that do not, and a disturbance from outside:
none, a signal to bench, to its candidate or to both, at any moment, and after it what a loss of power may do to the files. The
figures of the healthy candidates must equal those of an undisturbed run to the last digit, whatever happened.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

BENCH = Path(os.environ.get("CHAOS_BENCH", Path(sys.executable).parent / "bench"))
TEMPLATE = Path(__file__).parent / "workspace"
HEALTHY = ("steady-pairs", "steady-triples", "baseline-majority", "baseline-tfidf")
FAULTS = (
    "raises", "exits", "leaves", "crashes", "killed", "kills-group", "leaks", "spins", "deadlocks", "forks", "forks-and-spins",
    "prints", "fills-disk", "closes-pipes", "forges", "kills-guard", "nan", "shape", "words",
)  # fmt: skip
MOMENTS = ("load", "1", "2", "3")
DISTURBANCES = ("none", "kill bench", "kill candidate", "kill both", "kill guard", "interrupt", "interrupt twice", "terminate")
POWER_CUTS = ("none", "none", "torn journal", "zeroed end", "lost file")
LIMITS = ("--trial-timeout", "3s", "--memory-limit", "400MB")
MEASURES = ("quality", "quality", "quality", "quality,memory")
FIGURES = ("score", "low", "high", "train_score", "test")
DISK_MB = 150
LONGEST_S = 120


@dataclass(frozen=True)
class Draw:
    """What happens in one run."""

    number: int
    faults: tuple[str, ...]
    moment: str
    disturbance: str
    after: float
    power_cut: str
    measures: str
    two_at_once: bool


@dataclass(frozen=True)
class Calm:
    """An undisturbed run: what a healthy candidate must show, and how long it took."""

    figures: dict[str, object]
    predictions: dict[str, bytes]
    seconds: float


@dataclass
class Found:
    """What was done to one run, what it left behind, and what was wrong about that."""

    draw: Draw
    applied: tuple[str, ...] = ()
    is_hit: bool = False
    is_cut: bool = False
    faults: list[str] = field(default_factory=list)
    first: int | None = None
    second: int | None = None
    resumed: bool = False
    kept: int = 0


def draw(number: int, seed: int) -> Draw:
    """Draw a run by lot; the same number and seed give the same one."""
    lot = random.Random(f"{seed}/{number}")
    return Draw(
        number=number,
        faults=tuple(lot.sample(FAULTS, lot.choice((1, 1, 2)))),
        moment=lot.choice(MOMENTS),
        disturbance=lot.choice(DISTURBANCES),
        after=lot.random(),
        power_cut=lot.choice(POWER_CUTS),
        measures=lot.choice(MEASURES),
        two_at_once=lot.random() < 0.05,
    )


def command(place: Path, names: tuple[str, ...], measures: str, *more: str) -> list[str]:
    """Return the comparison as a user types it."""
    return [
        str(BENCH), "compare", "--task", "small", "--candidates", ",".join(names), "--techniques", "knn", "--measure", measures,
        "--device", "cpu", "--offline", "--format", "json", "--json", "--quiet", "--workspace", str(place), *LIMITS, *more,
    ]  # fmt: skip


def aside(place: Path) -> Path:
    """Return where a run puts temporary files that are not its workspace's; short, as the name of a socket must be."""
    return Path(tempfile.gettempdir()) / f"{place.name}-tmp"


def environment(mark: str, moment: str, place: Path) -> dict[str, str]:
    """Return the environment of a run; the mark is found again in every process that comes of it."""
    others = aside(place)
    others.mkdir(exist_ok=True)
    own = {
        "TMPDIR": str(others),
        "CHAOS_MARK": mark,
        "CHAOS_MOMENT": moment,
        "OMP_NUM_THREADS": "1",
        "BENCH_CACHE": str(place / "cache"),
    }
    return os.environ | own


def kin(mark: str) -> list[psutil.Process]:
    """Return every living process that bears a mark."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            told = Path(f"/proc/{process.pid}/environ").read_bytes()
            if f"CHAOS_MARK={mark}\0".encode() in told and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def disturb(started: list[subprocess.Popen[str]], mark: str, kind: str) -> bool:
    """Do to a running comparison, the first if there are two, what was drawn; tell whether there was anybody to do it to.

    Candidates and guards are those of either comparison: a candidate has a group of its own, its guard leads a session of its own.
    """
    bench, told = started[0], {one.pid for one in started}
    hit = False
    for process in kin(mark) if kind in {"kill candidate", "kill both", "kill guard"} else ():
        with contextlib.suppress(psutil.Error, OSError):
            leads = os.getsid(process.pid) == process.pid
            has_group = os.getpgid(process.pid) == process.pid
            if process.pid not in told and has_group and leads == (kind == "kill guard"):
                process.kill()
                hit = True
    number = {"kill bench": signal.SIGKILL, "kill both": signal.SIGKILL, "terminate": signal.SIGTERM}.get(kind)
    if kind.startswith("interrupt"):
        number = signal.SIGINT
    if number is not None and bench.poll() is None:
        bench.send_signal(number)
        hit = True
    if kind == "interrupt twice":
        time.sleep(0.2)
        bench.send_signal(signal.SIGINT)
    return hit


def cut_power(run: Path, one: Draw) -> set[str]:
    """Do to the files what a loss of power may; return the keys of trials whose evidence it took."""
    kind, lot = one.power_cut, random.Random(one.number)
    journal = run / "records.jsonl"
    whole = journal.read_bytes() if journal.is_file() else b""
    lines = whole.splitlines(keepends=True)
    if kind == "torn journal" and lines:
        journal.write_bytes(whole[: len(whole) - lot.randrange(1, len(lines[-1]))])
        return {key(lines[-1])}
    if kind == "zeroed end" and lines:
        journal.write_bytes(whole[: len(whole) - len(lines[-1])] + b"\0" * len(lines[-1]))
        return {key(lines[-1])}
    files = sorted((run / "predictions").glob("*.parquet"))
    if kind == "lost file" and files:
        lost = lot.choice(files)
        # The rename did not reach the disk: the temporary name is there in its place.
        lost.rename(lost.with_name(f".{lost.name}.abcdefgh"))
        return {lost.stem}
    return set()


def key(line: bytes) -> str:
    """Return the key of a record's trial, as bench computes it."""
    from harness.core.trial import Record

    return Record.model_validate_json(line).trial.key


def records(run: Path) -> dict[str, list[str]]:
    """Return the states that a journal holds, by the key of their trial; torn lines are left out."""
    found: dict[str, list[str]] = {}
    path = run / "records.jsonl"
    for line in path.read_bytes().splitlines(keepends=True) if path.is_file() else []:
        if line.endswith(b"\n") and line.startswith(b"{"):
            found.setdefault(key(line), []).append(json.loads(line)["outcome"]["state"])
    return found


def figures(told: str) -> dict[str, object]:
    """Return the healthy candidates' figures from what `--json` printed."""
    return {row["candidate"]: [row[name] for name in FIGURES] for row in json.loads(told)["ranking"] if row["candidate"] in HEALTHY}


def predictions(run: Path) -> dict[str, bytes]:
    """Return the content of every predictions file."""
    return {path.name: path.read_bytes() for path in (run / "predictions").glob("*.parquet")}


def leftovers(place: Path) -> list[str]:
    """Return the temporary files and folders below a workspace, and what is left where the run was told to put others."""
    return [str(path) for path in (*place.rglob(".*"), *aside(place).iterdir())]


@contextlib.contextmanager
def small_disk(parent: Path) -> Iterator[tuple[Path, bool]]:
    """Give a folder on a small disk of its own, and whether it is one: mounting takes rights that not everybody has."""
    place = Path(tempfile.mkdtemp(dir=parent))
    mounted = shutil.which("mount") is not None and os.geteuid() == 0
    if mounted:
        options = ["-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(place)]
        mounted = subprocess.run(["mount", *options], check=False, capture_output=True).returncode == 0
    try:
        yield place, mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], check=False)
        shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(aside(place), ignore_errors=True)


def wait_for_none(mark: str, seconds: float = 15) -> list[psutil.Process]:
    """Wait until no process bears the mark; return those that still do."""
    until = time.monotonic() + seconds
    while (left := kin(mark)) and time.monotonic() < until:
        time.sleep(0.3)
    return left


def weather(one: Draw, parent: Path, calm: Calm) -> Found:
    """Run one comparison through its storm, resume it, and look at what is left."""
    found = Found(one)
    with small_disk(parent) as (place, mounted):
        shutil.copytree(TEMPLATE, place, dirs_exist_ok=True)
        faults = tuple(f for f in one.faults if mounted or f != "fills-disk")
        found.applied = faults
        names = (*HEALTHY[:2], *(f"faulty-{fault}" for fault in faults))
        mark = f"{os.getpid()}-{one.number}"
        surroundings = environment(mark, one.moment, place)
        lines = command(place, names, one.measures)
        started = [begin(lines, surroundings) for _ in range(2 if one.two_at_once else 1)]
        if one.disturbance != "none":
            with contextlib.suppress(subprocess.TimeoutExpired):
                started[0].wait(one.after * calm.seconds * 1.5)
            found.is_hit = disturb(started, mark, one.disturbance)
        for bench in started:
            finish(bench, found, "first")
        found.first = started[0].returncode
        left = wait_for_none(mark)
        found.faults += [f"process left after the first run: {' '.join(process.cmdline())}" for process in left]
        _resume(one, found, place, (lines, surroundings))
        _judge(found, place, calm)
        found.faults += [f"process left: {process.pid}" for process in wait_for_none(mark)]
        found.faults += [f"left over: {name}" for name in leftovers(place)]
    return found


def begin(lines: list[str], surroundings: dict[str, str]) -> subprocess.Popen[str]:
    """Start bench in a session of its own."""
    return subprocess.Popen(
        lines, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finish(bench: subprocess.Popen[str], found: Found, which: str) -> str:
    """Wait for the end of bench, and hold a hang or a traceback against it; return what it printed."""
    try:
        told, complained = bench.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        bench.kill()
        found.faults.append(f"{which} run hung")
        return ""
    if "Traceback" in complained or "internal error" in complained:
        found.faults.append(f"{which} run broke: {complained[-300:]}")
    return told


def _resume(one: Draw, found: Found, place: Path, begun: tuple[list[str], dict[str, str]]) -> None:
    """Cut the power if that was drawn, and go on with the run that was begun by a command in an environment."""
    lines, surroundings = begun
    runs = sorted(path.parent for path in (place / "reports").glob("small/2*/run.json"))
    before = {run: records(run) for run in runs}
    lost = cut_power(runs[-1], one) if runs else set()
    found.resumed, found.is_cut = bool(runs), bool(lost)
    bench = begin([*lines, "--resume"] if runs else lines, surroundings | {"CHAOS_MOMENT": "never"})
    told = finish(bench, found, "second")
    found.second = bench.returncode
    if bench.returncode != 0:
        found.faults.append(f"second run ended with {bench.returncode}")
        return
    (place / "told.json").write_text(told)
    if runs:
        after = records(runs[-1])
        for name, states in before[runs[-1]].items():
            if name not in after:
                found.faults.append(f"record lost: {name}")
            elif "finished" in states and name not in lost:
                found.kept += 1
                if len(after[name]) > len(states):
                    found.faults.append(f"run again although finished: {name}")


def _judge(found: Found, place: Path, calm: Calm) -> None:
    """Compare the healthy candidates with an undisturbed run."""
    told = place / "told.json"
    if not told.is_file():
        return
    if figures(told.read_text()) != calm.figures:
        found.faults.append(f"figures differ: {figures(told.read_text())} and not {calm.figures}")
    latest = place / "reports/small/latest"
    mine = predictions(latest)
    found.faults += [f"predictions differ: {name}" for name, content in calm.predictions.items() if mine.get(name) != content]
    told.unlink()


def undisturbed(parent: Path) -> Calm:
    """Run the healthy candidates alone."""
    with small_disk(parent) as (place, _):
        shutil.copytree(TEMPLATE, place, dirs_exist_ok=True)
        start = time.monotonic()
        bench = begin(command(place, HEALTHY[:2], "quality"), environment(f"{os.getpid()}-calm", "1", place))
        told, complained = bench.communicate(timeout=LONGEST_S)
        if bench.returncode:
            sys.exit(f"the undisturbed run failed:\n{complained}")
        return Calm(figures(told), predictions(place / "reports/small/latest"), time.monotonic() - start)


def storm(runs: int, seed: int, lanes: int) -> list[Found]:
    """Weather so many runs, several at a time, and print each fault as it is found."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(lanes) as pool:
        parent = Path(folder)
        calm = undisturbed(parent)
        waiting = [pool.submit(weather, draw(number, seed), parent, calm) for number in range(runs)]
        done = []
        for one in waiting:
            done.append(one.result())
            for fault in done[-1].faults:
                print(f"run {done[-1].draw}: {fault}", file=sys.stderr, flush=True)
        return done


def summary(done: list[Found], seconds: float) -> str:
    """Return the numbers."""
    faults = Counter(fault for one in done for fault in one.applied)
    disturbed = Counter(one.draw.disturbance if one.is_hit else "none met" for one in done)
    cuts = Counter(one.draw.power_cut if one.is_cut else "none" for one in done)
    broken = [one for one in done if one.faults]
    lines = [
        f"{len(done)} runs, {sum(one.resumed for one in done)} of them resumed and the others, ended before they began, run anew",
        f"faults:       {', '.join(f'{name} {number}' for name, number in sorted(faults.items()))}",
        f"disturbances: {', '.join(f'{name} {number}' for name, number in sorted(disturbed.items()))}",
        f"power cuts:   {', '.join(f'{name} {number}' for name, number in sorted(cuts.items()))}",
        f"exit codes of the first run: {dict(sorted(Counter(str(one.first) for one in done).items()))}",
        f"finished trials that a resumed run found and did not run again: {sum(one.kept for one in done)}",
        f"runs with a lost record, a differing figure, an orphan, a leftover or a traceback: {len(broken)}",
        f"{seconds / 60:.1f} minutes",
    ]
    return "\n".join(lines)


def main() -> int:
    """Run the storm and print its summary; 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lanes", type=int, default=5)
    wish = parser.parse_args()
    start = time.monotonic()
    done = storm(wish.runs, wish.seed, wish.lanes)
    print(summary(done, time.monotonic() - start))
    return int(any(one.faults for one in done))


if __name__ == "__main__":
    sys.exit(main())
