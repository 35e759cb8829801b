from __future__ import annotations

import time

import pytest

from harness.measure.latency import CALLS_AT_LEAST, SECONDS_AT_LEAST, Latency, as_measurements, throughput, time_calls


def test_a_call_that_sleeps_20_ms_takes_20_ms() -> None:
    found = time_calls(lambda _: time.sleep(0.02), rows=3)
    assert found.percentile_ms(50) == pytest.approx(20, rel=0.05)
    assert len(found.seconds) >= CALLS_AT_LEAST
    assert sum(found.seconds) >= SECONDS_AT_LEAST * 0.95
    assert found.warm_up >= 5


def test_rows_are_taken_in_turn() -> None:
    seen = []

    def call(row: int) -> None:
        seen.append(row)
        time.sleep(0.01)

    time_calls(call, rows=7)
    assert set(seen) == set(range(7))


def test_percentiles_are_those_of_the_calls() -> None:
    found = as_measurements(Latency(tuple(i / 1000 for i in range(1, 101)), 5), "batch 1")
    assert [round(m.value, 2) for m in found] == [50.5, 95.05, 99.01]
    assert {m.better for m in found} == {"lower"}
    assert {m.n for m in found} == {100}


def test_throughput_takes_the_best_batch_size() -> None:
    speed, size = throughput(lambda rows: time.sleep(0.004 + 0.0001 * len(rows)), rows=40)
    assert size == 32
    assert speed == pytest.approx(32 / 0.0072, rel=0.25)
