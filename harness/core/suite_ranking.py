"""What the tasks of a suite say together: one model for all, one for each, and what the difference costs."""

from __future__ import annotations

from typing import Literal

from harness.core.noun import Noun
from harness.core.ranking import Estimate, Recommendation


class JudgedTask(Noun):
    """A task that was judged; `share` is its part of the weights of its group, `unfinished` how many of its trials were not run.

    A regret in its metric is divided by `scale` before the regrets of several tasks are averaged.
    """

    task: str
    run: str
    weight: float
    share: float
    metric: str
    higher_is_better: bool
    margin: float
    scale: float
    validation_rows: int
    test_rows: int
    unfinished: int = 0
    recommendation: Recommendation | None


class MissingTask(Noun):
    """A task that could not be judged, so that nothing here rests on it; `run` is its own run if it has one."""

    task: str
    weight: float
    reason: str
    hint: str = ""
    run: str = ""


class TaskScore(Noun):
    """A model on one task, with the technique that scored best there; regret and scores are in the task's metric."""

    task: str
    technique: str
    validation: Estimate
    test: Estimate | None
    expected_regret: float
    latency_p95_ms: float | None
    recommended: bool


class Gap(Noun):
    """Why a model has no score on one task."""

    task: str
    state: Literal["excluded", "failed", "skipped", "absent"]
    reason: str


class SuiteRow(Noun):
    """A model over the tasks of a group.

    `regret` is what choosing it loses on average against the best contender of every task, and `place` its mean rank among the
    models that have a score on all of them, both with 95 % intervals; None where it lacks one, and then `rank` and `tie` are 0.
    `excess` is the expected regret against the best single model, by which the choice is made. `technique` is that which serves
    all tasks, empty where they differ. `cost` is that of the measurement which the group prefers, joined over its tasks.
    """

    rank: int
    tie: int
    candidate: str
    baseline: bool
    license: str
    technique: str = ""
    regret: Estimate | None = None
    place: Estimate | None = None
    excess: float | None = None
    probability_best: float | None = None
    cost: float | None = None
    scores: tuple[TaskScore, ...]
    gaps: tuple[Gap, ...] = ()

    def find(self, task: str) -> TaskScore | None:
        """Return its score on a task, None where it has none."""
        return next((score for score in self.scores if score.task == task), None)


class Loss(Noun):
    """What the single model loses on one task against that task's own recommendation, in its metric; positive is worse."""

    task: str
    candidate: str
    technique: str
    loss: float
    low: float
    high: float


class SingleChoice(Noun):
    """One model for all tasks of a group: which, how sure that is, and what it costs against choosing for each task.

    `cost` is the mean over the tasks of what it loses against their own recommendations, in the group's unit. `more_times` is
    about how many times as many rows every task would need for the choice to be decisive, None where it is, or where no number
    would do.
    """

    candidate: str
    technique: str
    regret: Estimate
    place: Estimate
    excess: float
    probability_best: float
    probability_within_margin: float
    decisive: bool
    reason: str
    rivals: tuple[str, ...] = ()
    more_times: float | None = None
    baseline_suffices: bool = False
    cost: Estimate
    losses: tuple[Loss, ...]


class GroupRanking(Noun):
    """The tasks of one modality: what serves texts cannot read pictures, so that each group has its own choice.

    `unit` is the metric in which regrets are averaged, or `margins` where the tasks do not share one; `margin` is in that unit.
    """

    modality: str
    tasks: tuple[JudgedTask, ...]
    unit: str
    margin: float
    prefer: str
    rows: tuple[SuiteRow, ...]
    single: SingleChoice | None


class SuiteRanking(Noun):
    """The whole answer for a suite."""

    suite: str
    groups: tuple[GroupRanking, ...]
    missing: tuple[MissingTask, ...] = ()

    @property
    def has_choice(self) -> bool:
        """Tell whether every task was judged, and every group of them has a model that serves all its tasks."""
        return bool(self.groups) and not self.missing and all(group.single for group in self.groups)
