"""The training pass of one contender that searches: its vectors are changed, and what it then finds is judged and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.core.data import Input
from harness.core.trial import Finished, Trial
from harness.execute.job import Job
from harness.execute.searching import SHOWN, judge_search
from harness.execute.training_minutes import minutes
from harness.store import predictions
from harness.techniques.pairs import list_pairs
from harness.training.asked import Training
from harness.training.searching import train_searcher

Answer = Callable[[Sequence[Input]], object]


def train_search(job: Job, trial: Trial, ask: Training) -> tuple[Finished, Answer, Callable[[], bool]]:
    """Train up to the trial's fidelity, write the predictions; return what is recorded, how queries are answered, and what merges.

    Raises:
        CandidateError: the training diverges, or the model is none that can be trained to search.
    """
    data = job.data
    trained = train_searcher(ask)
    ask.tell("scores")
    kept, found = judge_search(data, trained.find, trial.metric, confirms=trial.confirms)
    predictions.write(job.predictions / f"{trial.key}.parquet", kept)
    cost = minutes(trained.measurements, trained.recipe, len(list_pairs(data.searched, data.split.rest)))
    measurements = (*found, *trained.measurements, cost)
    finished = Finished(measurements=measurements, recipe=trained.recipe, notes=trained.notes, curve=trained.curve)
    return finished, lambda texts: trained.answer([str(text) for text in texts], SHOWN), trained.merge
