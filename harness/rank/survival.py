"""Whether a contender that is only partly trained can still end among the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.core.trial import Epoch
from harness.rank.statistics import EQUAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST_CHANCE = 0.05


def reach(curve: Sequence[Epoch], of: float, *, lower: bool = False, most: float | None = None) -> float:
    """Return the most that a score can still gain until `of` epochs, by the more generous of two ways to draw its curve out.

    One is a straight line over the logarithm of epochs, with the last slope. The other, where the best score there is (`most`) is
    known, lets the error halve whenever the epochs double: early in a schedule the last slope says little. Of a single point
    nothing is known, and the bound is infinite.

    >>> points = [Epoch(epoch=e, train_loss=1, validation_loss=1, validation_score=s) for e, s in ((1, 0.5), (2, 0.6))]
    >>> round(reach(points, 8), 3)
    0.2
    """
    if of <= (curve[-1].epoch if curve else 0):
        return 0.0
    if len(curve) < 2:
        return math.inf
    before, last = curve[-2], curve[-1]
    gained = last.validation_score - before.validation_score
    slope = (-gained if lower else gained) / math.log(last.epoch / before.epoch)
    halved = 0.0 if most is None else (most - last.validation_score) * (1 - last.epoch / of)
    return max(0.0, halved, slope * math.log(of / last.epoch))


def chances(draws: Floats, reaches: Sequence[float], others: Floats, *, margin: float, most: float, seed: int) -> Floats:
    """Return each contender's probability of ending at most the margin below the best, `(contenders,)`.

    `draws` `(resamples, contenders)` are of the scores so far, `others` `(resamples, any)` of contenders that are complete; more is
    better in both, and `most` is the best score that there is. What is still to be gained is drawn evenly between nothing and each
    one's reach, anew in every resample.
    """
    share = np.random.default_rng([seed, 40961]).random(draws.shape)
    bounds = np.minimum(np.asarray(reaches)[None, :], np.maximum(0.0, most - draws))
    ends = draws + share * bounds
    best = np.concatenate([ends, others], axis=1).max(axis=1, keepdims=True)
    likely: Floats = (best - ends <= margin + EQUAL).mean(axis=0)
    return likely
