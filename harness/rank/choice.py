"""The rule of the decision: the cheapest contender that is good enough."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.ranking import RankedContender
from harness.core.task import Prefer
from harness.rank.statistics import EQUAL, expected_regret

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# What to prefer -> the measurement that is its cost, and -1 where more of it is cheaper.
_COSTS: dict[Prefer, tuple[str, int]] = {
    "latency": ("latency_p95_ms", 1),
    "memory": ("memory_mb", 1),
    "throughput": ("throughput_per_s", -1),
    "parameters": ("parameters", 1),
    "training_cost": ("training_minutes", 1),
}
# Costs that differ by a smaller share than this are the same.
_SAME_COST = 0.1


@dataclass(frozen=True, slots=True)
class Field:
    """Contenders to choose among, with their joint evidence.

    `points` are `(contenders,)` scores and `draws` `(resamples, contenders)`, more being better in both.
    """

    rows: tuple[RankedContender, ...]
    points: Floats
    draws: Floats

    def take(self, wanted: Callable[[RankedContender], bool]) -> Field:
        """Return the field without those that are not wanted."""
        where = [i for i, row in enumerate(self.rows) if wanted(row)]
        return Field(tuple(self.rows[i] for i in where), self.points[where], self.draws[:, where])


@dataclass(frozen=True, slots=True)
class Rule:
    """What the decision depends on beside the evidence; each validation row stands for `rows_each` labeled rows.

    `labeled` is what such a row is called.
    """

    metric: str
    margin: float
    prefer: Prefer
    validation_rows: int
    rows_each: float = 1.0
    labeled: str = "labeled row"

    @property
    def measurement(self) -> str:
        """Return the name of the measurement that counts as cost."""
        return _COSTS[self.prefer][0]

    def cost(self, row: RankedContender) -> float:
        """Return what a contender costs, infinite where it was not measured.

        A baseline has no parameters of a foundation model, and a head on frozen features no cost of training.
        """
        name, sign = _COSTS[self.prefer]
        value = row.value(name)
        if value is None:
            is_free = row.baseline if self.prefer == "parameters" else row.value("trainable_parameters") is None
            return 0.0 if is_free and self.prefer in {"parameters", "training_cost"} else math.inf
        return sign * value


@dataclass(frozen=True, slots=True)
class Choice:
    """The position of the chosen contender, and of all those that were good enough.

    `regret` is the chosen one's expected regret. `is_forced` is true where nobody's was within the margin, so that the least had
    to do.
    """

    index: int
    eligible: tuple[int, ...]
    regret: float
    is_forced: bool


def choose(field: Field, rule: Rule) -> Choice:
    """Choose the cheapest of those whose expected regret is at most the margin; of equal cost, the one with the least regret.

    Costs that differ by less than a tenth count as equal: so much the same model differs from itself when it is measured again.
    Where nobody's is (few rows, many contenders), the least expected regret stands in for the margin. The field must not be empty.
    """
    regret = expected_regret(field.draws)
    bound = max(rule.margin, float(regret.min()))
    eligible = [i for i in range(len(field.rows)) if regret[i] <= bound + EQUAL]
    costs = {i: rule.cost(field.rows[i]) for i in eligible}
    least = min(costs.values())
    cheap = [i for i in eligible if costs[i] <= least + _SAME_COST * abs(least)]
    index = min(cheap, key=lambda i: (regret[i], costs[i], field.rows[i].name))
    return Choice(index, tuple(eligible), float(regret[index]), bool(regret.min() > rule.margin + EQUAL))
