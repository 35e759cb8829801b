"""The training pass of one contender that writes: its weights are changed, and what it then writes is judged and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.core.data import Input
from harness.core.measurement import Measurement
from harness.core.trial import Finished, Trial
from harness.execute.job import Job
from harness.execute.training_minutes import minutes
from harness.execute.writing import keep_texts, measure_texts
from harness.store import predictions
from harness.techniques.writing import writing_of
from harness.training.asked import Training
from harness.training.writing import train_writer

Answer = Callable[[Sequence[Input]], object]


def train_texts(job: Job, trial: Trial, ask: Training) -> tuple[Finished, Answer, Callable[[], bool]]:
    """Train up to the trial's fidelity and write the predictions; return what is recorded, how rows are answered, and what merges.

    Raises:
        CandidateError: the training diverges, or the model is none that learns to write.
    """
    data, writing = job.data, writing_of(job.data)
    trained = train_writer(ask)
    ask.tell("scores")
    parts = (data.split.choosing, data.split.test if trial.confirms else ())
    figures = measure_texts(writing, (trained.validation, trained.test), parts, metric=trial.metric)
    kept = keep_texts(data, (trained.validation, trained.test), figures.rows, parts)
    predictions.write(job.predictions / f"{trial.key}.parquet", kept)
    places = {content: row for row, content in enumerate(data.rows.inputs)}
    found: tuple[Measurement, ...] = (*figures.measurements, *trained.measurements)
    found += (minutes(trained.measurements, trained.recipe, len(data.split.rest)),)
    finished = Finished(measurements=found, recipe=trained.recipe, notes=trained.notes, curve=trained.curve)
    return finished, lambda some: trained.write([places[one] for one in some]), trained.merge
