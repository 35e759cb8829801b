from __future__ import annotations

import subprocess
import sys
import time

from harness.measure.busy import Neighbors


def test_a_process_outside_bench_that_spins_is_named() -> None:
    spin = subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
    try:
        neighbors = Neighbors()
        time.sleep(1.0)
        assert neighbors.busiest() is not None
    finally:
        spin.kill()
        spin.wait()


def test_its_own_work_is_not_a_neighbor() -> None:
    neighbors = Neighbors()
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        pass
    assert "pytest" not in (neighbors.busiest() or "")
