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
    ("before", "after"), [("", ""), ("old = bytearray(b'1') * 200_000_000", ""), ("", "del block"), ("import torch", "")]
)
def test_300_mb_are_300_mb(before: str, after: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(before=before, after=after)], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) == pytest.approx(300, rel=0.05)
