"""Latency: what a caller waits for, one row at a time; and throughput, at the batch size that gives most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from harness.core.measurement import Measurement
from harness.models.batches import is_out_of_memory, release

WINDOW = 5
AGREEMENT = 0.05
WARM_UP_AT_MOST_S = 3.0
CALLS_AT_LEAST = 50
SECONDS_AT_LEAST = 2.0
SECONDS_AT_MOST = 10.0
BATCH_SIZES = (1, 8, 32, 128)
_SECONDS_A_BATCH_SIZE = 0.3


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds of every timed call, in order, after `warm_up` calls that are not among them."""

    seconds: tuple[float, ...]
    warm_up: int

    def percentile_ms(self, percent: float) -> float:
        """Return a percentile in milliseconds."""
        return float(np.percentile(self.seconds, percent) * 1000)


def time_calls(call: Callable[[int], object], rows: int) -> Latency:
    """Call `call(row)` over the rows in turn and time each call.

    Warms up until two successive windows of 5 calls agree within 5 % in their medians (3 s at most), then takes at least 50 calls
    and 2 s, at most 10 s. The call must return only when its result is there, a device's queue emptied.
    """
    warm_up = _warm_up(call, rows)
    seconds: list[float] = []
    start = perf_counter()
    while True:
        begun = perf_counter()
        call((warm_up + len(seconds)) % rows)
        ended = perf_counter()
        seconds.append(ended - begun)
        spent = ended - start
        if (len(seconds) >= CALLS_AT_LEAST and spent >= SECONDS_AT_LEAST) or spent >= SECONDS_AT_MOST:
            return Latency(tuple(seconds), warm_up)


def _warm_up(call: Callable[[int], object], rows: int) -> int:
    """Repeat the same row, so that windows differ by warmth and not by length; return the number of calls."""
    medians: list[float] = []
    start = perf_counter()
    calls = 0
    while perf_counter() - start < WARM_UP_AT_MOST_S:
        window = []
        for _ in range(WINDOW):
            begun = perf_counter()
            call(calls // (10 * WINDOW) % rows)
            window.append(perf_counter() - begun)
            calls += 1
        medians.append(float(np.median(window)))
        if len(medians) > 1 and abs(medians[-1] - medians[-2]) <= AGREEMENT * medians[-2]:
            break
    return calls


def throughput(call: Callable[[Sequence[int]], object], rows: int) -> tuple[float, int]:
    """Return the most rows per second over batch sizes up to 128, and that batch size; each is tried for 0.3 s after one call.

    A batch size for which memory does not suffice ends the search; the best before it counts.
    """
    best = (0.0, 1)
    for size in BATCH_SIZES:
        if size > max(rows, 1):
            break
        try:
            best = max(best, (_rate(call, rows, size), size))
        except Exception as error:
            if size == 1 or not is_out_of_memory(error):
                raise
            break
    release()
    return best


def _rate(call: Callable[[Sequence[int]], object], rows: int, size: int) -> float:
    call([i % rows for i in range(size)])
    done, start = 0, perf_counter()
    while (spent := perf_counter() - start) < _SECONDS_A_BATCH_SIZE:
        call([(done + i) % rows for i in range(size)])
        done += size
    return done / spent


def as_measurements(latency: Latency, conditions: str) -> list[Measurement]:
    """Return p50, p95 and p99 in milliseconds."""
    return [
        Measurement(
            name=f"latency_p{percent}_ms",
            value=latency.percentile_ms(percent),
            unit="ms",
            better="lower",
            n=len(latency.seconds),
            conditions=conditions,
        )
        for percent in (50, 95, 99)
    ]
