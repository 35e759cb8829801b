"""Feeds every parser with thousands of inputs and counts what comes of them. `make fuzz` runs it.

Each parser has a process of its own, so that one that crashes the interpreter, hangs or eats memory is told by its name.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings

from tests.fuzz.parsers import PARSERS, check

SECONDS = 5
MEMORY = 6_000_000_000
PROCESS_SECONDS = 900
INPUTS = 550  # times the share of each parser


def hunt(name: str, inputs: int) -> Counter[str]:
    """Feed one parser; the same inputs each time. An outcome that is no outcome is raised, with the shortest input that has it."""
    parser = PARSERS[name]
    seen: Counter[str] = Counter()

    @settings(
        max_examples=inputs,
        derandomize=True,
        database=None,
        deadline=timedelta(seconds=SECONDS),
        # Files are longer than hypothesis likes; none of these says anything about bench.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )
    @given(parser.inputs())
    def feed(content: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            seen[check(parser, Path(folder), content)] += 1

    feed()
    return seen


def main() -> int:
    """Run the whole hunt, or with a name one parser of it, and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("name", nargs="?", choices=PARSERS)
    options.add_argument("--inputs", type=int, default=INPUTS)
    given_ = options.parse_args()
    if given_.name:
        warnings.simplefilter("error")
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        sys.stdout.write(json.dumps(hunt(given_.name, given_.inputs * PARSERS[given_.name].share)) + "\n")
        return 0
    return _hunt_all(given_.inputs)


def _hunt_all(inputs: int) -> int:
    total: Counter[str] = Counter()
    faulty = []
    sys.stdout.write(f"{'parser':<22}{'inputs':>8}{'values':>8}{'errors':>8}{'seconds':>9}\n")
    for name in PARSERS:
        start = time.monotonic()
        command = [sys.executable, "-m", "tests.fuzz.hunt", name, "--inputs", str(inputs)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PROCESS_SECONDS, check=False)
            problem = done.stderr if done.returncode else ""
        except subprocess.TimeoutExpired:
            problem = "it hangs"
        if problem:
            faulty.append(name)
            sys.stdout.write(f"{name:<22}  FAULT\n{problem[-6000:]}\n")
            continue
        seen = Counter(json.loads(done.stdout.splitlines()[-1]))
        total += seen
        seconds = time.monotonic() - start
        sys.stdout.write(f"{name:<22}{seen.total():>8}{seen['value']:>8}{seen['error']:>8}{seconds:>9.1f}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{'all':<22}{total.total():>8}{total['value']:>8}{total['error']:>8}\n")
    if faulty:
        sys.stdout.write(f"a parser gave neither a value nor an error of three lines: {', '.join(faulty)}\n")
    return int(bool(faulty))


if __name__ == "__main__":
    sys.exit(main())
