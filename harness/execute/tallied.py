"""Answers that are no classes: what is kept of them, and what is measured, once each row has its tally."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.core.data import Rows
from harness.core.measurement import Measurement
from harness.core.tally import TallyMetric, score
from harness.store.predictions import Predictions, Told

Tallies = NDArray[np.float64]


def keep_told(rows: Rows, parts: tuple[Sequence[int], Sequence[int]], told: tuple[Told, Told]) -> Predictions:
    """Return what was told of the choosing and of the test rows, with ids and groups; there may be none of the latter."""
    chosen, confirmed = (rows.take(part) for part in parts)
    return Predictions(
        validation_ids=chosen.ids,
        validation_references=np.zeros(len(chosen), np.int64),
        validation=np.empty((len(chosen), 0), np.float32),
        test_ids=confirmed.ids,
        test_references=np.zeros(len(confirmed), np.int64),
        test=np.empty((len(confirmed), 0), np.float32),
        validation_groups=chosen.groups,
        test_groups=confirmed.groups,
        told=told,
    )


def measure_told(metrics: Mapping[str, TallyMetric], tallies: tuple[Tallies, Tallies], metric: str) -> list[Measurement]:
    """Return the score of the choosing rows by one metric, all others beside it, and that of the test rows, if there are any."""
    means = {name: score(one, tallies[0]) for name, one in metrics.items()}
    found = [Measurement(name="score", value=means[metric], better="higher", n=len(tallies[0]))]
    found += [Measurement(name=name, value=value, better="higher", n=len(tallies[0])) for name, value in means.items()]
    if len(tallies[1]):
        value = score(metrics[metric], tallies[1])
        found.append(Measurement(name="test_score", value=value, better="higher", n=len(tallies[1])))
    return found
