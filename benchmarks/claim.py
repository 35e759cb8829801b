"""A claim that bench makes about itself, and what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Claim:
    """`value` must be at least (or at most) `limit`."""

    text: str
    value: float
    limit: float
    at_least: bool
    unit: str = ""

    @property
    def holds(self) -> bool:
        """Tell whether the claim is met."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        """Return one line."""
        sign = "≥" if self.at_least else "≤"
        state = "holds " if self.holds else "MISSED"
        return f"{state}  {self.text}: {self.value:.3g}{self.unit} (claimed {sign} {self.limit:g}{self.unit})"


def ratio(slow: Callable[[], object], fast: Callable[[], object], rounds: int = 5) -> float:
    """Return the median of how many times longer `slow` takes, the two run in turn after one unmeasured round."""
    ratios = []
    for number in range(rounds + 1):
        start = perf_counter()
        slow()
        middle = perf_counter()
        fast()
        if number:
            ratios.append((middle - start) / (perf_counter() - middle))
    return statistics.median(ratios)
