"""What every technique offers: it learns a head from training rows, and the head answers for new rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.techniques.inputs import Inputs

Recipe = Mapping[str, str | int | float]


class Head(Protocol):
    """A fitted technique."""

    @property
    def recipe(self) -> Recipe:
        """Return what was chosen inside the training rows."""
        ...

    def predict(self, inputs: Inputs, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return probabilities `(len(rows), classes)`, or values `(len(rows), 1)`."""
        ...


class Technique(Protocol):
    """A way to use a model on a task."""

    def fit(self, inputs: Inputs, rows: NDArray[np.int64], labels: NDArray[Any], classes: int) -> Head:
        """Learn from the given rows alone; `labels` are theirs, in the same order, as `Rows.truth` gives them. Deterministic.

        `classes` is how many numbers are given for a row; where values are told, 1.
        """
        ...
