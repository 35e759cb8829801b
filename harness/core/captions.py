"""Metrics of pictures and captions that find each other: means over pictures of figures that each picture has by itself."""

from __future__ import annotations

from collections.abc import Mapping

from harness.core.metric import ratio
from harness.core.tally import OfSums, TallyMetric

DEPTHS = (1, 5, 10)
# What is kept of every picture, in this order: from the picture to its captions, then from each of its captions to the picture.
COLUMNS = tuple(f"{way}_recall@{depth}" for way in ("i2t", "t2i") for depth in DEPTHS)


def _mean_of(column: int) -> OfSums:
    return OfSums(lambda sums, rows: ratio(sums[:, column], rows))


CAPTIONS: Mapping[str, TallyMetric] = {
    "mean_recall": OfSums(lambda sums, rows: ratio(sums.mean(1), rows)),
    **{name: _mean_of(column) for column, name in enumerate(COLUMNS)},
}
