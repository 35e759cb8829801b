"""Metrics of classification as functions of counts, so that a bootstrap is a matrix product.

Every metric here depends on three counts per class only: how often it is right, predicted, and true. A resample of rows is a
vector of row weights, so the counts of all resamples together are `weights @ indicators`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = tuple[Floats, Floats, Floats]


def accuracy(hits: Floats, predicted: Floats, true: Floats) -> Floats:
    """Return the share of rows whose class is predicted right; counts are `(…, classes)`."""
    del predicted
    return ratio(hits.sum(-1), true.sum(-1))


def balanced_accuracy(hits: Floats, predicted: Floats, true: Floats) -> Floats:
    """Return the mean recall over the classes that occur."""
    del predicted
    return ratio(ratio(hits, true).sum(-1), (true > 0).sum(-1))


def macro_f1(hits: Floats, predicted: Floats, true: Floats) -> Floats:
    """Return the mean F1 over the classes that occur or are predicted.

    Source: scikit-learn's `f1_score(average="macro")` over the labels present in either vector.
    """
    seen = (predicted + true) > 0
    return ratio(ratio(2 * hits, predicted + true).sum(-1), seen.sum(-1))


def weighted_f1(hits: Floats, predicted: Floats, true: Floats) -> Floats:
    """Return the mean F1 over classes, weighted by how often each is true."""
    return ratio((ratio(2 * hits, predicted + true) * true).sum(-1), true.sum(-1))


def mcc(hits: Floats, predicted: Floats, true: Floats) -> Floats:
    """Return the multi-class Matthews correlation; 0 where either side has one class only.

    Source: Gorodkin 2004, the R_K statistic.
    """
    rows = true.sum(-1)
    above = hits.sum(-1) * rows - (predicted * true).sum(-1)
    below = (rows**2 - (predicted**2).sum(-1)) * (rows**2 - (true**2).sum(-1))
    return ratio(above, below.clip(min=0) ** 0.5)


METRICS: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
    "mcc": mcc,
    "micro_f1": accuracy,
    "weighted_f1": weighted_f1,
}


def counts(references: NDArray[np.int64], predictions: NDArray[np.int64], classes: int) -> Counts:
    """Count hits, predictions and truths per class: three vectors of length `classes`."""
    import numpy as np  # noqa: PLC0415 - keeps the nouns light to import

    hits = np.bincount(references[references == predictions], minlength=classes)
    predicted = np.bincount(predictions, minlength=classes)
    true = np.bincount(references, minlength=classes)
    return hits.astype(float), predicted.astype(float), true.astype(float)


def score(name: str, references: NDArray[np.int64], predictions: NDArray[np.int64], classes: int) -> float:
    """Return a metric of one prediction vector; labels are integers below `classes`."""
    return float(METRICS[name](*counts(references, predictions, classes)))


def ratio(above: Floats, below: Floats) -> Floats:
    """Divide, giving 0 where there is nothing to divide by."""
    import numpy as np  # noqa: PLC0415 - keeps the nouns light to import

    above, below = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    return np.divide(above, below, out=np.zeros(above.shape), where=below > 0)
