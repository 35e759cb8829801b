"""What the joint bootstrap says of each contender, and of the choice of one.

`draws` are always `(resamples, contenders) float64`, and but for `estimate` more is better in them.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from harness.core.metric_facts import MetricFacts, facts_of
from harness.core.ranking import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CONFIDENCE = 0.95
MOST_ROWS = 1_000_000
Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
# Scores that differ by rounding alone are equal.
EQUAL = 1e-12


def estimate(metric: str, score: float, draws: Floats, units: int) -> Estimate:
    """Return a score with its 95 % interval from one contender's draws, `(resamples,)`; `units` are its independent rows or groups.

    For metrics whose bounds are known it is Wilson's interval around the score less its bootstrap bias, with as many
    observations as the bootstrap's variance amounts to: near the bounds and with many classes the percentiles of a bootstrap
    cover too seldom. For other metrics it is the bias-corrected percentile interval. The interval always holds the score.

    Source: Wilson 1927 (interval); Korn and Graubard 1998 (effective number of observations); Efron 1981 (bias correction).
    """
    facts = facts_of(metric)
    low, high = _bounded(facts, score, draws, units) if facts.is_bounded else _bias_corrected(score, draws)
    if facts.least is not None:
        low = max(low, facts.least)
    return Estimate(score=score, low=min(low, score), high=max(high, score))


def _bounded(facts: MetricFacts, score: float, draws: Floats, units: int) -> tuple[float, float]:
    floor, top = facts.least or 0.0, facts.greatest or 1.0
    share, spread = (score - floor) / (top - floor), float(draws.std()) / (top - floor)
    inside = EQUAL < share < 1 - EQUAL
    if spread < EQUAL and inside:
        return score, score
    count = share * (1 - share) / spread**2 if spread >= EQUAL and inside else float(units)
    bias = (float(draws.mean()) - score) / (top - floor)
    center = min(1.0, max(0.0, share - bias))
    middle = (center + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z / (1 + Z**2 / count) * math.sqrt(center * (1 - center) / count + Z**2 / (4 * count**2))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return floor + low * (top - floor), floor + high * (top - floor)


def _bias_corrected(score: float, draws: Floats) -> tuple[float, float]:
    normal = NormalDist()
    below = float(np.mean(draws < score) + np.mean(draws == score) / 2)
    edge = 1 / (len(draws) + 1)
    shift = normal.inv_cdf(min(1 - edge, max(edge, below)))
    low, high = np.quantile(draws, [normal.cdf(2 * shift - Z), normal.cdf(2 * shift + Z)])
    return float(low), float(high)


def spread(draws: Floats, point: float | None = None) -> Estimate:
    """Return the mean of draws `(resamples,)` with their 95 % interval; or a point, and the draws moved to lie around it."""
    center = float(draws.mean())
    score = center if point is None else point
    low, high = np.quantile(draws, [0.025, 0.975]) + (score - center)
    return Estimate(score=score, low=min(float(low), score), high=max(float(high), score))


def probability_best(draws: Floats) -> Floats:
    """Return each contender's share of the resamples in which it is the best, `(contenders,)`; those that tie share equally."""
    top = draws >= draws.max(axis=1, keepdims=True) - EQUAL
    shares: Floats = (top / top.sum(axis=1, keepdims=True)).mean(axis=0)
    return shares


def expected_regret(draws: Floats) -> Floats:
    """Return what choosing each contender is expected to lose, `(contenders,)`: the mean of the best's score less its own."""
    regret: Floats = (draws.max(axis=1, keepdims=True) - draws).mean(axis=0)
    return regret


def probability_within(draws: Floats, chosen: int, margin: float) -> float:
    """Return the share of resamples in which the chosen contender is at most the margin below the best."""
    return float(np.mean(draws.max(axis=1) - draws[:, chosen] <= margin + EQUAL))


def find_rivals(draws: Floats, chosen: int, margin: float) -> tuple[int, ...]:
    """Return the fewest contenders without which the chosen one were surely within the margin, the likeliest to be better first.

    Surely: with probability 0.95. Empty if it is so already.
    """
    better = (draws - draws[:, [chosen]] > margin + EQUAL).mean(axis=0)
    order = sorted(range(draws.shape[1]), key=lambda i: (-better[i], i))
    order.remove(chosen)
    for count in range(len(order)):
        rest = [chosen, *order[count:]]
        if probability_within(draws[:, rest], 0, margin) >= CONFIDENCE:
            return tuple(order[:count])
    return tuple(order)


def more_rows(points: Floats, draws: Floats, chosen: int, *, margin: float, rows: int) -> int | None:
    """Return about how many more validation rows would settle whether the chosen contender is within the margin of the best.

    Supposes that the scores stay and that their deviations shrink as 1/√n. None if a million would not do: then the difference
    is about the margin itself.
    """
    deviations = draws - draws.mean(axis=0)
    settles_within = points.max() - points[chosen] <= margin

    def is_settled(total: float) -> bool:
        shrunk = points + deviations * math.sqrt(rows / total)
        within = probability_within(shrunk, chosen, margin)
        return within >= CONFIDENCE if settles_within else within <= 1 - CONFIDENCE

    few, many = float(rows), float(rows + MOST_ROWS)
    if not is_settled(many):
        return None
    while many - few > max(1.0, 0.005 * few):
        middle = math.sqrt(few * many)
        few, many = (few, middle) if is_settled(middle) else (middle, many)
    return math.ceil(many - rows)


def is_overfit(train: float, validation: Estimate, *, rows: tuple[int, int], margin: float, lower: bool) -> bool:
    """Tell whether the train score is better than the validation score by more than the margin allows, beyond chance.

    The interval of the gap joins the distance from the validation score to its better end with the same distance for the train
    score, which is taken as the former scaled by 1/√n; `rows` are the numbers of train and validation rows. Source: Zou and
    Donner 2008.
    """
    gap = validation.score - train if lower else train - validation.score
    reach = validation.score - validation.low if lower else validation.high - validation.score
    least = gap - reach * math.sqrt(1 + rows[1] / max(1, rows[0]))
    return least > margin
