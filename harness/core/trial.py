"""What is tried, and what came of it."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from pydantic import Field

from harness.core.measurement import Measurement
from harness.core.noun import Noun

Pass = Literal["quality", "memory", "training"]
Origin = Literal["", "computed", "cached"]


class Fidelity(Noun):
    """How far a contender is trained: `epochs` of the `of` for which the schedule of its learning rate is laid out."""

    epochs: Annotated[float, Field(gt=0)]
    of: Annotated[float, Field(gt=0)]

    @property
    def share(self) -> float:
        """Return how much of the whole training that is, 1 for all of it."""
        return self.epochs / self.of


class Trial(Noun):
    """One candidate used in one way on one task with one seed.

    The `quality` pass fits the technique, predicts, and then times the fitted contender if it is to be `timed`; the `memory` pass
    (technique empty) measures what loading and running the candidate adds to a fresh process; the `training` pass changes weights,
    by a `recipe` and as far as the `fidelity` says, and predicts the test rows only where it `confirms`. The digests stand for the
    rows and their division, the candidate's files, and the versions and the machine that it runs on.
    """

    candidate: str
    technique: str = ""
    task: str
    task_digest: str
    metric: str = ""
    source_digest: str
    software_digest: str = ""
    measures: Pass = "quality"
    timed: bool = True
    device: str = "cpu"
    dtype: str = "float32"
    seed: int = 0
    recipe: dict[str, str | int | float] = Field(default_factory=dict)
    fidelity: Fidelity | None = None
    confirms: bool = True

    @property
    def key(self) -> str:
        """Return the hash of everything that defines the trial: equal keys mean equal work."""
        # A trial without training has the key that it had before there was any.
        unused = set() if self.measures == "training" else {"recipe", "fidelity", "confirms"}
        return hashlib.sha256(self.model_dump_json(exclude=unused).encode()).hexdigest()[:16]

    def is_repeat(self, seed: int) -> bool:
        """Tell whether this is a training with another seed than the run's."""
        return self.measures == "training" and self.seed != seed

    @property
    def runner(self) -> str:
        """Return what stays the same while a contender is trained further: the hash of everything but how far."""
        further = self.model_dump_json(exclude={"fidelity": {"epochs"}, "timed": True, "confirms": True})
        return hashlib.sha256(further.encode()).hexdigest()[:16]


class Epoch(Noun):
    """One point of a learning curve; scores are of the task's metric, losses are mean cross-entropies."""

    epoch: float
    train_loss: float
    validation_loss: float
    validation_score: float
    train_score: float | None = None


class Finished(Noun):
    """The trial ran; `recipe` is what the technique chose inside the training rows, or was trained by; `curve` is of training."""

    state: Literal["finished"] = "finished"
    measurements: tuple[Measurement, ...] = ()
    recipe: dict[str, str | int | float] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    curve: tuple[Epoch, ...] = ()

    def find(self, name: str) -> Measurement | None:
        """Return the measurement of that name, if it was taken."""
        return next((m for m in self.measurements if m.name == name), None)


class Skipped(Noun):
    """The trial could not be run here, through no fault of the candidate."""

    state: Literal["skipped"] = "skipped"
    reason: str


class Failed(Noun):
    """The candidate broke: at which stage, how, and what may help; the log is the end of what it printed.

    `may_pass` says that it was ended from outside or for taking too much, so that another try can go otherwise.
    """

    state: Literal["failed"] = "failed"
    stage: str
    error: str
    hint: str = ""
    may_pass: bool = False
    log: tuple[str, ...] = ()


class Inapplicable(Noun):
    """The model cannot be used in this way; nothing is to be shown."""

    state: Literal["inapplicable"] = "inapplicable"
    reason: str


Outcome = Annotated[Finished | Skipped | Failed | Inapplicable, Field(discriminator="state")]


class Record(Noun):
    """A trial and its outcome, as appended to the journal.

    `features` says whether those that it rests on were computed, or kept from an earlier run. `evidence` names the predictions of a
    trial whose key was computed by an earlier version.
    """

    format: Literal["bench.record/2"] = "bench.record/2"
    trial: Trial
    outcome: Outcome
    started: str
    seconds: float
    machine: dict[str, str | int | float] = Field(default_factory=dict)
    features: Origin = ""
    evidence: str = ""

    @property
    def predictions(self) -> str:
        """Return the name of the file with the trial's predictions."""
        return f"{self.evidence or self.trial.key}.parquet"
