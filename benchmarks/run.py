"""Measures what bench claims about itself, in one run on one machine; exits with 1 if a claim is missed.

Ratios compare two things run in turn, so that a noisy machine disturbs both alike. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

ALL = ("startup", "logme", "embedding", "words", "asking", "generation", "search", "training", "scale", "demo")


def main(names: list[str]) -> int:
    """Measure the named benchmarks, all if none is named, and print a line a claim."""
    sys.path.insert(0, str(Path(__file__).parent))
    missed = 0
    for name in names or ALL:
        for claim in importlib.import_module(name).measure():
            print(claim, flush=True)
            missed += not claim.holds
    print(f"{missed} missed" if missed else "all hold", f"({os.cpu_count()} cores, Python {sys.version.split()[0]})")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
