from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
from harness.measure.memory import PeakMemory
{before}
peak = PeakMemory("cpu")
block = bytearray(300 * 1024 * 1024)
for i in range(0, len(block), 4096):
    block[i] = 1
{after}
print(peak.added_mb())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's high-water mark is Linux's")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("old = bytearray(b'1') * 200_000_000", ""),
        ("", "del block"),
        ("import torch", ""),
        ("", "more = bytearray(b'1') * 100_000_000; del more; peak.forget()"),
    ],
)
def test_300_mb_are_300_mb(before: str, after: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(before=before, after=after)], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) == pytest.approx(300, rel=0.05)


FREED = """
import psutil
from harness.measure.memory import give_back_large
resident = lambda: psutil.Process().memory_info().rss / 2**20
{before}
del (first := [bytearray(30 * 2**20)])[:]
level, blocks = resident(), []
for number in range(20):
    blocks.append(b"1" * (8 * 2**20))
last = b"1" * (8 * 2**20)
blocks.clear()
print(resident() - level)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap is meant")
@pytest.mark.parametrize(("before", "least", "most"), [("", 120, 200), ("give_back_large()", 0, 20)])
def test_large_blocks_are_given_back_though_later_ones_stay(before: str, least: float, most: float) -> None:
    done = subprocess.run([sys.executable, "-c", FREED.format(before=before)], capture_output=True, text=True, check=True)
    assert least <= float(done.stdout) <= most
