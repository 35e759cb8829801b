from __future__ import annotations

import time
from collections.abc import Sequence

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


def test_throughput_survives_a_batch_that_does_not_fit() -> None:
    def call(rows: Sequence[int]) -> None:
        if len(rows) > 8:
            raise MemoryError
        time.sleep(0.001)

    speed, size = throughput(call, rows=40)
    assert size == 8
    assert speed == pytest.approx(8 / 0.0011, rel=0.25)


@pytest.mark.parametrize(("most", "error"), [(0, MemoryError), (1, ValueError)])
def test_throughput_hides_no_other_failure(most: int, error: type[Exception]) -> None:
    def call(rows: Sequence[int]) -> None:
        if len(rows) > most:
            raise error

    with pytest.raises(error):
        throughput(call, rows=40)
