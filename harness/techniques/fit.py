"""Fit: the model learns the task from scratch by itself; what a baseline does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.errors import CandidateError
from harness.models.capabilities import Fits
from harness.techniques.inputs import Chosen, Inputs
from harness.techniques.technique import Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FittedHead:
    """The model after its last fit; valid until it is fitted again."""

    model: Fits
    recipe: Recipe = field(default_factory=dict)

    def predict(self, inputs: Inputs, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Ask the model itself."""
        return self.model.predict(Chosen(inputs.raw, rows.tolist()))


class Fit:
    """Hands the training rows to the model."""

    def fit(self, inputs: Inputs, rows: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> FittedHead:
        """Fit the model afresh.

        Raises:
            CandidateError: the model has no `fit`.
        """
        if not isinstance(inputs.model, Fits):
            what = "the model cannot be fitted"
            raise CandidateError(what, where="technique fit", hint="give the model `fit` and `predict`, or use another technique")
        inputs.model.fit(Chosen(inputs.raw, rows.tolist()), labels, classes)
        return FittedHead(inputs.model)
