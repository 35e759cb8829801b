"""What all techniques of a candidate share: what its loaded model is, and what a first row costs."""

from __future__ import annotations

import time

from harness.core.data import Choice, Input, size_of
from harness.core.measurement import Measurement
from harness.execute import subject
from harness.execute.job import Job
from harness.measure.flops import count_flops
from harness.models.capabilities import CountsSpending, CountsTokens, HasWeights


def measure_facts(model: object, job: Job, needs: set[str], *, load_s: float, where: str) -> list[Measurement]:
    """Measure what all techniques of a candidate share: load time, first call, size, operations, texts cut off."""
    inputs = job.data.rows.inputs
    found = [Measurement(name="load_s", value=load_s, unit="s", better="lower", conditions=where)]
    if needs & {"embed", "compare"}:
        typical = sorted(inputs, key=size_of)[len(inputs) // 2]
        start = time.perf_counter()
        subject.read(model, typical, needs, is_image=job.is_image)
        first = (time.perf_counter() - start) * 1000
        found.append(Measurement(name="first_call_ms", value=first, unit="ms", better="lower", conditions=f"batch 1, {where}"))
        served = isinstance(model, CountsSpending)
        flops = None if served else count_flops(lambda: subject.read(model, typical, needs, is_image=job.is_image))
        if flops:
            found.append(Measurement(name="flops", value=flops, better="lower", conditions="one row of median length"))
    if isinstance(model, HasWeights):
        weights = model.weights()
        found.append(Measurement(name="parameters", value=weights.parameters, better="lower"))
        found.append(Measurement(name="weights_mb", value=weights.nbytes / 2**20, unit="MB", better="lower"))
    if isinstance(model, CountsTokens) and not job.is_image:
        texts = [text for row in inputs for text in _texts(row)]
        cut = model.count_truncated(texts)
        found.append(Measurement(name="truncated_share", value=cut / len(texts), better="lower", n=len(texts)))
    return found


def _texts(row: Input) -> tuple[Input, ...]:
    """Return what is read of a row at once."""
    return (row.question, *row.options) if isinstance(row, Choice) else (row,)
