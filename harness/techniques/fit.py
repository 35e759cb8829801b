"""Fit: the model learns the task from scratch by itself; what a baseline does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.data import target_of
from harness.core.kinds import Target
from harness.errors import CandidateError
from harness.models.capabilities import LEARNING
from harness.techniques.inputs import Chosen, Inputs
from harness.techniques.technique import Recipe


@dataclass(frozen=True, slots=True)
class FittedHead:
    """The model after its last fit; valid until it is fitted again."""

    model: Any
    target: Target = "class"
    recipe: Recipe = field(default_factory=dict)

    def predict(self, inputs: Inputs, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Ask the model itself."""
        found = getattr(self.model, LEARNING[self.target].predict)(Chosen(inputs.raw, rows.tolist()))
        return np.asarray(found).reshape(-1, 1) if self.target == "number" else found


class Fit:
    """Hands the training rows to the model."""

    def fit(self, inputs: Inputs, rows: NDArray[np.int64], labels: NDArray[Any], classes: int) -> FittedHead:
        """Fit the model afresh.

        Raises:
            CandidateError: the model cannot be fitted.
        """
        model, target = inputs.model, target_of(labels)
        way = LEARNING[target]
        if not isinstance(model, way.kind):
            hint = f"give the model `{way.fit}` and `{way.predict}`, or use another technique"
            raise CandidateError("the model cannot be fitted", where="technique fit", hint=hint)
        getattr(model, way.fit)(Chosen(inputs.raw, rows.tolist()), labels, *([classes] if target == "class" else []))
        return FittedHead(model, target)
