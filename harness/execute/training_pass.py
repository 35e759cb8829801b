"""The training pass of one contender: its weights are changed, its answers kept, and the trained model timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.core.data import Input, are_pairs
from harness.core.trial import Finished, Trial
from harness.errors import CandidateError
from harness.execute import subject
from harness.execute.job import Job
from harness.execute.quality_pass import confirm, keep, measure_types, score
from harness.execute.quality_pass import tell as tell_rows
from harness.execute.search_training import train_search
from harness.execute.training_minutes import minutes
from harness.execute.writing_training import train_texts
from harness.measure import quality
from harness.models.adapters import load_trainable
from harness.models.trainable import Aim
from harness.store import predictions
from harness.training.contender import Training, train


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is recorded, how the trained model answers encoded rows, and what folds its adapter, if it has one, into its weights."""

    finished: Finished
    answer: Callable[[Sequence[Input]], object]
    merge: Callable[[], bool]


def train_contender(job: Job, trial: Trial, tell: Callable[[str], None]) -> Outcome:
    """Train from the last round's checkpoint up to the trial's fidelity, and write the predictions.

    Raises:
        CandidateError: the trial names no fidelity, the training diverges, or the answers are not finite.
    """
    if trial.fidelity is None or job.checkpoint is None:
        raise CandidateError("a training needs its fidelity", hint="run the comparison again")
    data, card = job.data, job.candidate.card.reading(is_image=job.is_image)
    aim = Aim(data.rows.names, data.rows.target, by_library=are_pairs(data.rows.inputs))
    ask = Training(
        load=lambda: load_trainable(card, job.folder, job.device, job.trust, aim=aim),
        technique=trial.technique,
        recipe=trial.recipe,
        fidelity=trial.fidelity,
        data=data,
        metric=trial.metric,
        seed=trial.seed,
        device=job.device,
        checkpoint=job.checkpoint,
        origin=f"{trial.candidate} {trial.source_digest} {trial.software_digest}",
        needs_test=trial.confirms,
        trust=job.trust,
        tell=tell,
    )
    if data.writing is not None:
        return Outcome(*train_texts(job, trial, ask))
    if data.corpus is not None:
        return Outcome(*train_search(job, trial, ask))
    trained = train(ask)
    tell("scores")
    validation = subject.check_shares(trained.validation, len(data.rows.places(data.split.choosing)), data.rows.outputs)
    asked = len(data.rows.places(data.split.test)) if trial.confirms else 0
    test = subject.check_shares(trained.test, asked, data.rows.outputs)
    metric, told = quality.load_metric(trial.metric, job.trust, data.rows.target), tell_rows(data, validation, test)
    kept = keep(data, (validation, test), told, metric_name=trial.metric, metric=metric, seed=trial.seed)
    predictions.write(job.predictions / f"{trial.key}.parquet", kept)
    found = (
        *score(data, told.validation, metric_name=trial.metric, metric=metric),
        *trained.measurements,
        *confirm(data, told.test, metric_name=trial.metric, metric=metric),
        *measure_types(data, told.validation),
        minutes(trained.measurements, trained.recipe, len(data.split.rest)),
    )
    return Outcome(
        Finished(
            measurements=found,
            recipe={**trained.recipe, **told.settings},
            notes=trained.notes,
            curve=tuple(trained.curve),
        ),
        trained.answer,
        trained.merge,
    )
