"""The two comparisons of `make demo`: how long they take, what the parent process needs, how fast the report is made again."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from claim import Claim

BENCH = str(Path(sys.executable).parent / "bench")
TASKS = ("support-intents", "digits")
QUICK = ("--offline", "--quiet", "--effort", "quick")
# Runs the command line in this very process and prints its peak, workers not counted.
PARENT = """
import resource, sys
from harness.cli import run
code = run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "torch" in sys.modules, file=sys.stderr)
sys.exit(code)
"""


def parent_mb(*arguments: str) -> float:
    """Return the peak memory of the parent process of a command."""
    done = subprocess.run([sys.executable, "-c", PARENT, *arguments], check=True, capture_output=True, text=True)
    peak, has_torch = done.stderr.strip().splitlines()[-1].split()
    if has_torch == "True":
        sys.exit("the parent process imported torch")
    return float(peak)


def measure() -> list[Claim]:
    """Run both comparisons in an empty workspace."""
    with tempfile.TemporaryDirectory() as workspace:
        start = perf_counter()
        peak = max(parent_mb("compare", "--task", task, *QUICK, "--workspace", workspace) for task in TASKS)
        minutes = (perf_counter() - start) / 60
        start = perf_counter()
        peak = max(peak, parent_mb("report", TASKS[0], "--quiet", "--workspace", workspace))
        again = perf_counter() - start
    return [
        Claim("the demo's two comparisons take", minutes, 3, at_least=False, unit=" min"),
        Claim("peak memory of the parent process", peak, 400, at_least=False, unit=" MB"),
        Claim("`bench report` takes", again, 3, at_least=False, unit=" s"),
    ]
