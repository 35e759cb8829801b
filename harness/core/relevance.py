"""Metrics of search: means over queries of figures that each query has by itself."""

from __future__ import annotations

from collections.abc import Mapping

from harness.core.metric import ratio
from harness.core.tally import OfSums, TallyMetric

# What is kept of every query, in this order; measure/relevance.py computes it.
COLUMNS = ("ndcg@10", "recall@1", "recall@5", "recall@10", "recall@100", "mrr")


def _mean_of(column: int) -> OfSums:
    return OfSums(lambda sums, rows: ratio(sums[:, column], rows))


DOCUMENTS: Mapping[str, TallyMetric] = {name: _mean_of(column) for column, name in enumerate(COLUMNS)}
