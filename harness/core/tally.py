"""Metrics of answers that are not one class, as functions of what each row adds, so that a bootstrap is a matrix product.

A row's tally is a few numbers, `(n, s) float64` for all rows. Of a number it is the right value and the predicted one; of labels,
for each of `k` whether it was told rightly, was told, and is true (`3 k` numbers), then whether all were right, and the row's F1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from harness.core.metric import macro_f1, ratio, weighted_f1

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Weights = NDArray[np.float32]


_ROUNDING = 1e-12


class TallyMetric(Protocol):
    """A metric of tallied rows."""

    def draw(self, tally: Floats, weights: Weights) -> Floats:
        """Return the metric of every resample, `(b,)`, from tallies `(n, s)` and row weights `(b, n)`."""
        ...


@dataclass(frozen=True, slots=True)
class OfSums:
    """A metric that depends on weighted sums over the rows alone: `of(sums (b, t), rows (b,)) -> (b,)`.

    `expand` makes of the tallies what is summed, `(n, s) -> (n, t)`.
    """

    of: Callable[[Floats, Floats], Floats]
    expand: Callable[[Floats], Floats] = lambda tally: tally

    def draw(self, tally: Floats, weights: Weights) -> Floats:
        """Sum, then compute."""
        return self.of(weights @ self.expand(tally), weights.sum(1, dtype=float))


@dataclass(frozen=True, slots=True)
class RankCorrelation:
    """Spearman's correlation: Pearson's of the ranks, where equal values share their mean rank."""

    def draw(self, tally: Floats, weights: Weights) -> Floats:
        """Rank within each resample, where a row that was drawn twice counts as two; 0 where either side has one value only."""
        import numpy as np  # noqa: PLC0415 - keeps the nouns light to import

        ranks = [_ranks(tally[:, side], weights) for side in (0, 1)]
        rows = weights.sum(1, dtype=float)
        true, told = (side - ((weights * side).sum(1) / rows)[:, None] for side in ranks)
        below = np.sqrt((weights * true**2).sum(1) * (weights * told**2).sum(1))
        return ratio((weights * true * told).sum(1), below)


def _ranks(values: Floats, weights: Weights) -> Floats:
    """Return the mean rank of each row within each resample, `(b, n)`."""
    import numpy as np  # noqa: PLC0415 - as above

    known, place = np.unique(values, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(known)))
    drawn = np.add.reduceat(weights[:, order], starts, axis=1, dtype=float)
    middle = np.cumsum(drawn, axis=1) - drawn / 2
    found: Floats = middle[:, place]
    return found


def tally_numbers(true: Floats, told: Floats) -> Floats:
    """Return the tallies of predicted numbers: two vectors of length n give `(n, 2)`."""
    import numpy as np  # noqa: PLC0415 - as above

    return np.stack([true, told], axis=1).astype(float)


def tally_labels(true: Floats, told: Floats) -> Floats:
    """Return the tallies of labels: two tables `(n, k)` of zeros and ones give `(n, 3 k + 2)`."""
    import numpy as np  # noqa: PLC0415 - as above

    hits = true * told
    exact = (true == told).all(1)
    either = (true + told).sum(1)
    # A row that has no label, and was told none, is right.
    own = np.where(either > 0, ratio(2 * hits.sum(1), either), 1.0)
    return np.concatenate([hits, told, true, exact[:, None], own[:, None]], axis=1).astype(float)


def _of_counts(function: Callable[[Floats, Floats, Floats], Floats]) -> OfSums:
    """Take a metric of counts per class, which is the same for labels."""

    def of(sums: Floats, rows: Floats) -> Floats:
        del rows
        count = (sums.shape[1] - 2) // 3
        return function(sums[:, :count], sums[:, count : 2 * count], sums[:, 2 * count : 3 * count])

    return OfSums(of)


def _micro_f1(hits: Floats, told: Floats, true: Floats) -> Floats:
    return ratio(2 * hits.sum(-1), (told + true).sum(-1))


def _mean_of(column: int) -> OfSums:
    return OfSums(lambda sums, rows: ratio(sums[:, column], rows))


def _errors(tally: Floats) -> Floats:
    import numpy as np  # noqa: PLC0415 - as above

    gap = tally[:, 0] - tally[:, 1]
    return np.stack([gap**2, np.abs(gap)], axis=1)


def _moments(tally: Floats) -> Floats:
    """Return values, squares and product; values are moved to lie around 0, which changes no moment that is asked for."""
    import numpy as np  # noqa: PLC0415 - as above

    true, told = tally[:, 0] - tally[:, 0].mean(), tally[:, 1] - tally[:, 1].mean()
    return np.stack([true, told, true**2, told**2, true * told, (tally[:, 0] - tally[:, 1]) ** 2], axis=1)


def _spread(total: Floats, squares: Floats, rows: Floats) -> Floats:
    """Return the sum of squared deviations; what rounding alone leaves of equal values is nothing."""
    import numpy as np  # noqa: PLC0415 - as above

    found = squares - total**2 / rows
    return np.where(found > _ROUNDING * squares, found, 0.0)


def _pearson(sums: Floats, rows: Floats) -> Floats:
    true, told, true_2, told_2, both = sums.T[:5]
    below = _spread(true, true_2, rows) * _spread(told, told_2, rows)
    return ratio(both - true * told / rows, below**0.5)


def _r2(sums: Floats, rows: Floats) -> Floats:
    import numpy as np  # noqa: PLC0415 - as above

    spread = _spread(sums[:, 0], sums[:, 2], rows)
    return np.where(spread > 0, 1 - ratio(sums[:, 5], spread), 0.0)


NUMBERS: Mapping[str, TallyMetric] = {
    "spearman": RankCorrelation(),
    "pearson": OfSums(_pearson, _moments),
    "r2": OfSums(_r2, _moments),
    "mae": OfSums(lambda sums, rows: ratio(sums[:, 1], rows), _errors),
    "rmse": OfSums(lambda sums, rows: ratio(sums[:, 0], rows) ** 0.5, _errors),
}
LABELS: Mapping[str, TallyMetric] = {
    "micro_f1": _of_counts(_micro_f1),
    "macro_f1": _of_counts(macro_f1),
    "weighted_f1": _of_counts(weighted_f1),
    "samples_f1": _mean_of(-1),
    "accuracy": _mean_of(-2),
}


def score(metric: TallyMetric, tally: Floats) -> float:
    """Return the metric of all rows once; of no row it is 0."""
    import numpy as np  # noqa: PLC0415 - as above

    return float(metric.draw(tally, np.ones((1, len(tally)), np.float32))[0]) if len(tally) else 0.0
