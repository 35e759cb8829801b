"""Prompted: a language model is asked for the class of a row; no labelled row is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.techniques.asking import Asking, prior, wording_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.techniques.inputs import Inputs


class Prompted:
    """Compares how likely the words for each class go on from the prompt that a row fills.

    Source: Brown et al. 2020, section 2.4.
    """

    def __init__(self) -> None:
        """Begin without having asked."""
        self._asked: Asking | None = None

    def fit(self, inputs: Inputs, rows: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> Asking:
        """Return what asks; rows and labels are not looked at, so that it is the same for every fold.

        Raises:
            CandidateError: the model is no language model.
        """
        del rows, labels
        if self._asked is None or self._asked.home is not inputs:
            wording, model = wording_of(inputs, classes, "prompted")
            recipe = {"normalize": wording.normalize}
            opening = wording.opening
            self._asked = Asking(wording, model, recipe, opening, priors=prior(model, wording, opening), home=inputs)
        return self._asked
