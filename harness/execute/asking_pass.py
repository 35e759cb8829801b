"""What is particular to contenders that are asked in words: what they are given, and what they cost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.core.data import Dataset, Input, size_of
from harness.core.measurement import Measurement
from harness.measure.flops import count_flops
from harness.models.capabilities import CountsSpending, HasWeights, LoadsLater
from harness.techniques.asking import Asking
from harness.techniques.entailment import Entailing
from harness.techniques.inputs import Inputs
from harness.techniques.replies import Choosing
from harness.techniques.technique import Head


class Interview:
    """One model that is asked: loaded whole once, for all techniques that ask it."""

    def __init__(self, model: Any, data: Dataset, conditions: str) -> None:  # noqa: ANN401 - whatever has the capability
        """Load what embedding did not need, and note how long that took."""
        self._model, self._data, self._conditions = model, data, conditions
        start = time.perf_counter()
        if isinstance(model, LoadsLater):
            model.load_whole()
        self._load_s = time.perf_counter() - start if isinstance(model, LoadsLater) else None

    def inputs(self, texts: Sequence[Input]) -> Inputs:
        """Return texts as they are put to the model."""
        return Inputs(
            np.empty((0, 0, 0), np.float32), texts, self._model, wording=self._data.wording, hypotheses=self._data.hypotheses
        )

    def facts(self, head: Head, shared: Sequence[Measurement]) -> list[Measurement]:
        """Return what holds of the whole model and its prompts; of what its techniques share, the time to load it alone does."""
        texts = self._data.rows.inputs
        found = [one for one in shared if one.name == "load_s"] if self._load_s is None else []
        if self._load_s is not None:
            found.append(Measurement(name="load_s", value=self._load_s, unit="s", better="lower", conditions=self._conditions))
        if isinstance(self._model, HasWeights):
            weights = self._model.weights()
            found.append(Measurement(name="parameters", value=weights.parameters, better="lower"))
            found.append(Measurement(name="weights_mb", value=weights.nbytes / 2**20, unit="MB", better="lower"))
        typical = self.inputs([sorted(texts, key=size_of)[len(texts) // 2]])
        # Of a server neither is known: its tokens are estimated.
        is_served = isinstance(self._model, CountsSpending)
        flops = None if is_served else count_flops(lambda: head.predict(typical, np.asarray([0])))
        if flops:
            found.append(Measurement(name="flops", value=flops, better="lower", conditions="one row of median length"))
        cut = (
            head.count_cut(self.inputs(texts), np.arange(len(texts)))
            if isinstance(head, Asking | Entailing) and not is_served
            else None
        )
        if isinstance(head, Choosing) and head.heard.replies:
            share = head.heard.unmatched / head.heard.replies
            found.append(Measurement(name="unmatched_share", value=share, better="lower", n=head.heard.replies))
        if cut is not None:
            found.append(Measurement(name="truncated_share", value=cut / len(texts), better="lower", n=len(texts)))
        return found
