"""How soon bench answers: its help, a second worker, a report rendered again."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from claim import Claim, ratio

from harness.execute import machine, process

BENCH = str(Path(sys.executable).parent / "bench")


def run(*command: str) -> None:
    """Run a command to its end."""
    subprocess.run(command, check=True, capture_output=True)


def second_worker_ms() -> float:
    """Return the median time until a later worker of a warm forkserver has answered."""
    process.preload([], offline=True)
    process.ask(machine.survey, ("cpu", "macro_f1"))
    times = []
    for _ in range(7):
        start = perf_counter()
        process.ask(machine.survey, ("cpu", "macro_f1"))
        times.append((perf_counter() - start) * 1000)
    return statistics.median(times)


def measure() -> list[Claim]:
    """Measure start-up."""
    share = 1 / ratio(lambda: run(sys.executable, "-c", "import torch"), lambda: run(BENCH, "--help"))
    return [
        Claim("`bench --help`, share of the time of `import torch`", share, 0.25, at_least=False),
        Claim("a second worker of the same library is ready in", second_worker_ms(), 300, at_least=False, unit=" ms"),
    ]
