"""Fit: the model learns the task from scratch by itself; what a baseline does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.data import are_choices, target_of
from harness.errors import CandidateError
from harness.models.capabilities import LEARNING, Lesson
from harness.techniques.inputs import Chosen, Inputs
from harness.techniques.technique import Recipe


@dataclass(frozen=True, slots=True)
class FittedHead:
    """The model after its last fit; valid until it is fitted again."""

    model: Any
    target: Lesson = "class"
    names: Sequence[str] = ()
    outputs: int = 0
    recipe: Recipe = field(default_factory=dict)

    def predict(self, inputs: Inputs, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Ask the model itself."""
        chosen = Chosen(inputs.raw, rows.tolist())
        found = getattr(self.model, LEARNING[self.target].predict)(chosen)
        if self.target == "tags":
            return as_shares(found, [len(one) for one in chosen], self.names)
        if self.target == "option":
            return _widen(np.asarray(found), self.outputs)
        return np.asarray(found).reshape(-1, 1) if self.target == "number" else found


class Fit:
    """Hands the training rows to the model."""

    def fit(self, inputs: Inputs, rows: NDArray[np.int64], labels: NDArray[Any], classes: int) -> FittedHead:
        """Fit the model afresh.

        Raises:
            CandidateError: the model cannot be fitted.
        """
        model = inputs.model
        target: Lesson = "option" if are_choices(inputs.raw) else target_of(labels)
        way = LEARNING[target]
        if not isinstance(model, way.kind):
            hint = f"give the model `{way.fit}` and `{way.predict}`, or use another technique"
            raise CandidateError("the model cannot be fitted", where="technique fit", hint=hint)
        right = [[inputs.names[tag] for tag in tags] for tags in labels] if target == "tags" else labels
        getattr(model, way.fit)(Chosen(inputs.raw, rows.tolist()), right, *([classes] if target == "class" else []))
        return FittedHead(model, target, inputs.names, classes)


def as_shares(found: Sequence[Sequence[str]], words: Sequence[int], names: Sequence[str]) -> NDArray[np.float32]:
    """Return tags of sentences as certainties `(words, tags)`.

    Raises:
        CandidateError: sentences or words lack a tag, or a tag is none of those that were learned from.
    """
    sizes = [len(tags) for tags in found]
    if sizes != list(words):
        what = f"predict_tags gives tags for {len(sizes)} sentences and {sum(sizes)} words; asked for {len(words)} and {sum(words)}"
        raise CandidateError(what, hint="return a list of tags for each sentence, one for each of its words")
    numbers = {name: number for number, name in enumerate(names)}
    strange = {str(tag) for tags in found for tag in tags} - set(numbers)
    if strange:
        what = f'predict_tags gives "{min(strange)}", which is no tag of the task'
        raise CandidateError(what, hint=f"return tags as they were learned: {', '.join(names[:3])}")
    return np.eye(len(names), dtype=np.float32)[[numbers[str(tag)] for tags in found for tag in tags]].reshape(-1, len(names))


def _widen(found: NDArray[np.float32], places: int) -> NDArray[np.float32]:
    """Return shares of all places; of rows that have few options a model may know no further ones."""
    lacking = places - found.shape[1] if found.ndim == 2 else 0
    return np.pad(found, ((0, 0), (0, lacking))) if lacking > 0 else found
