"""A measured quantity that knows its unit and its direction."""

from __future__ import annotations

from typing import Literal

from harness.core.noun import Noun

# Before the name of a type of entity: how well it alone is found.
PART_F1 = "f1_of:"
Better = Literal["higher", "lower", "neither"]


class Measurement(Noun):
    """One value. `low` and `high` bound it where an interval was measured; `n` is the number of observations behind it."""

    name: str
    value: float
    unit: str = ""
    better: Better = "neither"
    low: float | None = None
    high: float | None = None
    n: int | None = None
    conditions: str = ""
