"""Groups of contenders that the evidence does not separate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.rank.statistics import EQUAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEVEL = 0.05


def tie_groups(points: Floats, draws: Floats) -> tuple[int, ...]:
    """Return each contender's group, 1 for those that cannot be told from the best; more is better.

    Group 1 is the model confidence set: the true best is in it with probability 0.95 at least, however many contenders there
    are. The next group is the same among the rest, and so on.

    Source: Hansen, Lunde and Nason 2011, range statistic T_R over all pairs.
    """
    groups = [0] * len(points)
    left = list(range(len(points)))
    number = 0
    while left:
        number += 1
        chosen = _confidence_set(points[left], draws[:, left])
        for place in chosen:
            groups[left[place]] = number
        left = [contender for place, contender in enumerate(left) if place not in chosen]
    return tuple(groups)


def _confidence_set(points: Floats, draws: Floats) -> set[int]:
    """Return the positions that remain once no pair differs significantly.

    The order of elimination depends on the scores alone, so the greatest deviation over the pairs of each remaining set is gathered
    backwards, from the last survivor to all. Cost: `resamples × contenders²`.
    """
    deviations = draws - draws.mean(axis=0)
    errors = np.stack([(deviations - deviations[:, [i]]).std(axis=0) for i in range(len(points))])
    distances = _studentize(points[None, :] - points[:, None], errors)
    order = _elimination_order(distances)
    greatest = np.zeros(len(draws))
    significance = np.ones(len(order))
    for step in range(len(order) - 2, -1, -1):
        new, later = order[step], order[step + 1 :]
        scaled = _studentize(np.abs(deviations[:, later] - deviations[:, [new]]), errors[new, later])
        np.maximum(greatest, scaled.max(axis=1), out=greatest)
        members = order[step:]
        significance[step] = np.mean(greatest >= distances[np.ix_(members, members)].max() - EQUAL)
    stop = next(step for step in range(len(order)) if significance[step] >= LEVEL)
    return set(order[stop:])


def _elimination_order(distances: Floats) -> list[int]:
    """Return positions, the first to be dropped first: each time the one that lies farthest below another."""
    left = list(range(len(distances)))
    order = []
    while left:
        worst = max(left, key=lambda i: (distances[i, left].max(), distances[i, left].sum(), i))
        order.append(worst)
        left.remove(worst)
    return order


def _studentize(differences: Floats, errors: Floats) -> Floats:
    """Divide by the standard error; a difference that never varies is infinitely significant, none at all is none."""
    constant = errors < EQUAL
    scaled = np.divide(differences, errors, out=np.zeros(np.broadcast_shapes(differences.shape, errors.shape)), where=~constant)
    return np.where(constant & (np.abs(differences) > EQUAL), np.copysign(np.inf, differences), scaled)
