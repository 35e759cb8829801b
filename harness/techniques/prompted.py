"""Prompted: a language model is asked for the class of a row; no labelled row is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.models.capabilities import LogLikelihood
from harness.techniques.asking import Asking, wording_of
from harness.techniques.replies import BY, Choosing, Heard, list_classes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.techniques.inputs import Inputs


class Prompted:
    """Compares how likely the words for each class go on from the prompt that a row fills.

    A model that only writes is told the classes, and what it replies is matched with them.

    Source: Brown et al. 2020, section 2.4.
    """

    def __init__(self) -> None:
        """Begin without having asked."""
        self._asked: Asking | Choosing | None = None

    def fit(self, inputs: Inputs, rows: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> Asking | Choosing:
        """Return what asks; rows and labels are not looked at, so that it is the same for every fold.

        Raises:
            CandidateError: the model is no language model.
        """
        del rows, labels
        if self._asked is None or self._asked.home is not inputs:
            wording, model = wording_of(inputs, classes, "prompted")
            if isinstance(model, LogLikelihood):
                recipe = {"normalize": wording.normalize}
                self._asked = Asking(wording, model, classes, recipe, wording.opening, home=inputs)
            else:
                self._asked = Choosing(wording, model, classes, {"answers": BY}, list_classes(wording), Heard(), home=inputs)
        return self._asked
