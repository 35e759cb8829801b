"""Whether a contender that is only partly trained can still end among the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.rank.statistics import EQUAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST_CHANCE = 0.05
# The steepest power of the epochs by which the distance to the best score is thought to fall; 0018 has what was measured.
_STEEPEST = 2.0


def remainder(looks: Sequence[tuple[float, float]], of: float, *, most: float) -> float:
    """Return the least share of the distance to `most`, the best score there is, that can be left after `of` epochs.

    `looks` are (epochs, score), the last of them the present one; more is better. The distance is taken for a power of the epochs,
    as learning curves are. At the steepest it falls to a quarter whenever they double, or as it fell between the last two looks, if
    that was more: early in a schedule these say little, and one alone says nothing.

    Source: Viering and Loog 2023 (power laws).

    >>> remainder([(1.0, 0.5), (2.0, 0.6)], 8.0, most=1.0)
    0.0625
    """
    if of <= (looks[-1][0] if looks else 0):
        return 1.0
    gaps = [most - score for _, score in looks[-2:]]
    if not gaps or gaps[-1] <= 0:
        return 0.0
    steepest = _STEEPEST
    if gaps[0] > gaps[-1]:
        steepest = max(steepest, math.log(gaps[0] / gaps[-1]) / math.log(looks[-1][0] / looks[-2][0]))
    return float((looks[-1][0] / of) ** steepest)


def lead(looks: Sequence[tuple[float, float]], of: float) -> float:
    """Return the loss to which a training leads that ends after `of` epochs, from (epochs, loss) at its looks, one at least.

    It falls on, as a power of the epochs, as it fell between the last two looks, but no more than at the steepest. Where it did not
    fall, or there was one look only, the training leads to where it stands. A distance to the best there is can stand for the loss.

    >>> lead([(1.0, 0.8), (4.0, 0.2)], 16.0)
    0.05
    """
    (since, before), (epochs, loss) = looks[-2:] if len(looks) > 1 else (looks[-1], looks[-1])
    if not since < epochs < of or not 0 < loss < before:
        return loss
    steepness = math.log(before / loss) / math.log(epochs / since)
    return float(loss * (epochs / of) ** min(steepness, _STEEPEST))


def chances(draws: Floats, remainders: Sequence[float], others: Floats, *, margin: float, most: float, seed: int) -> Floats:
    """Return each contender's probability of ending at most the margin below the rival that is the hardest for it, `(contenders,)`.

    `draws` `(resamples, contenders)` are of the scores so far, `others` `(resamples, any)` of contenders that are complete; more is
    better in both, and `most` is the best score that there is. Rivals are every other contender by itself, and the best of those
    that are complete: so nobody's chance is small because many run of whom as little is known.

    What is left of a contender's distance to `most` is drawn between all of it and its remainder, evenly in the exponent of the
    power law, for each contender alone and anew in every resample.
    """
    exponents = np.random.default_rng([seed, 40961]).random(draws.shape)
    ends = most - np.maximum(0.0, most - draws) * np.asarray(remainders, np.float64) ** exponents
    rivals = [*ends.T, *([others.max(axis=1)] if others.shape[1] else [])]
    likely: Floats = np.min([np.mean(rival[:, None] - ends <= margin + EQUAL, axis=0) for rival in rivals], axis=0)
    return likely
