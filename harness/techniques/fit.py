"""Fit: the model learns the task from scratch by itself; what a baseline does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.core.data import target_of
from harness.core.kinds import Target
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

    model: Any
    target: Target = "class"
    recipe: Recipe = field(default_factory=dict)

    def predict(self, inputs: Inputs, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Ask the model itself."""
        asked = Chosen(inputs.raw, rows.tolist())
        if self.target == "class":
            found = self.model.predict(asked)
        elif self.target == "labels":
            found = self.model.predict_labels(asked)
        else:
            found = self.model.predict_numbers(asked).reshape(-1, 1)
        return found  # type: ignore[no-any-return]


class Fit:
    """Hands the training rows to the model."""

    def fit(self, inputs: Inputs, rows: NDArray[np.int64], labels: NDArray[Any], classes: int) -> FittedHead:
        """Fit the model afresh.

        Raises:
            CandidateError: the model cannot be fitted.
        """
        if not isinstance(inputs.model, Fits):
            what = "the model cannot be fitted"
            raise CandidateError(what, where="technique fit", hint="give the model `fit` and `predict`, or use another technique")
        model: Any = inputs.model
        learned, target = Chosen(inputs.raw, rows.tolist()), target_of(labels)
        if target == "class":
            model.fit(learned, labels, classes)
        elif target == "labels":
            model.fit_labels(learned, labels)
        else:
            model.fit_numbers(learned, labels)
        return FittedHead(model, target)
