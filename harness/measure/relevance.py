"""How good lists of documents are for queries whose right documents are known; one figure a query, their mean is the score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.core.corpus import DEPTH
from harness.core.relevance import COLUMNS

Grades = Mapping[int, float]


def judge_lists(found: NDArray[np.int64], grades: Sequence[Grades]) -> NDArray[np.float64]:
    """Return the figures of each query, `(queries, columns)`; `found` `(queries, depth)` holds positions, the best first.

    A position below 0 stands for a place at which nothing was found. What is found beyond 100 places does not count.
    """
    figures = np.zeros((len(grades), len(COLUMNS)))
    for row, (places, right) in enumerate(zip(found[:, :DEPTH].tolist(), grades, strict=True)):
        figures[row] = [_figure(name, places, right) for name in COLUMNS]
    return figures


def ndcg(places: Sequence[int], grades: Grades, most: int) -> float:
    """Return the normalized discounted cumulative gain of the first `most` places, 0 to 1; the gain is the grade itself.

    Source: Järvelin and Kekäläinen 2002, with the discount log2(1 + place) of Burges et al. 2005; as trec_eval's `ndcg_cut`.

    >>> round(ndcg([7, 3], {3: 1.0}, 10), 4)
    0.6309
    """
    ideal = sum(_discounted(sorted(grades.values(), reverse=True)[:most]))
    return sum(_discounted([grades.get(place, 0.0) for place in places[:most]])) / ideal if ideal else 0.0


def recall(places: Sequence[int], grades: Grades, most: int) -> float:
    """Return the share of the right documents that stand among the first `most` places.

    >>> recall([7, 3], {3: 1.0, 4: 2.0}, 5)
    0.5
    """
    return len(set(places[:most]) & set(grades)) / len(grades) if grades else 0.0


def reciprocal_rank(places: Sequence[int], grades: Grades) -> float:
    """Return one over the place of the first right document, 0 if there is none.

    Source: Voorhees 1999, TREC-8 question answering.

    >>> reciprocal_rank([7, 3], {3: 1.0})
    0.5
    """
    return next((1 / place for place, document in enumerate(places, 1) if document in grades), 0.0)


def _discounted(gains: Sequence[float]) -> list[float]:
    return [gain / math.log2(place + 1) for place, gain in enumerate(gains, 1)]


def _figure(name: str, places: Sequence[int], grades: Grades) -> float:
    kind, _, most = name.partition("@")
    if kind == "mrr":
        return reciprocal_rank(places, grades)
    return ndcg(places, grades, int(most)) if kind == "ndcg" else recall(places, grades, int(most))
