"""Metrics of texts that are written: means over rows of figures that each row has by itself."""

from __future__ import annotations

from collections.abc import Mapping

from harness.core.metric import ratio
from harness.core.tally import OfSums, TallyMetric

# What is kept of every row, in this order; measure/writing.py computes it.
COLUMNS = ("exact_match", "token_f1", "rouge_l", "chrf")


def _mean_of(column: int) -> OfSums:
    return OfSums(lambda sums, rows: ratio(sums[:, column], rows))


TEXTS: Mapping[str, TallyMetric] = {name: _mean_of(column) for column, name in enumerate(COLUMNS)}
