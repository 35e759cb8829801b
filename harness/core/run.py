"""A run: everything that must be known to read its records again."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.core.card import Card
from harness.core.noun import Noun
from harness.core.race import Race
from harness.core.ranking import Excluded, FailedCandidate, SkippedCandidate
from harness.core.task import Task
from harness.core.trust import Trust

Effort = Literal["quick", "standard", "thorough"]
EFFORTS: tuple[Effort, ...] = ("quick", "standard", "thorough")
Measure = Literal["quality", "latency", "memory"]
MEASURES: tuple[Measure, ...] = ("quality", "latency", "memory")


class Settings(Noun):
    """What the user asked for.

    `candidates` are names or patterns, empty for all; `constraints` are changes to the task such as `latency_ms=5` or
    `prefer=memory`. `trial_timeout_s` and `memory_limit_bytes` end a candidate that takes more; None leaves both to the plan.
    Without `latency` or `memory` among the measures that is not measured; quality always is. With `quick` effort nothing is trained
    but heads on frozen features; `budget_s` is the time after which nothing more is begun and what runs is ended.

    `data` replaces the rows of a task; where several are compared, `data_of` does so by their names, and `suite` is the run that a
    task's own run is part of.
    """

    candidates: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    data: str | None = None
    device: str = "auto"
    seed: int = 0
    offline: bool = False
    constraints: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = MEASURES
    effort: Effort = "standard"
    budget_s: float | None = None
    trial_timeout_s: float | None = None
    memory_limit_bytes: int | None = None
    allow_pickle: bool = False
    allow_remote_code: bool = False
    allow_remote: bool = False
    data_of: dict[str, str] = Field(default_factory=dict)
    suite: str = ""

    @property
    def trust(self) -> Trust:
        """Return what candidates may do beyond being read."""
        return Trust(pickle=self.allow_pickle, remote_code=self.allow_remote_code, remote=self.allow_remote)


class DataFacts(Noun):
    """What is known of the rows without keeping them; `values` are the least, the mean and the greatest where numbers are told.

    `documents` counts those that are searched where rows are queries. Where texts are written, `references` are the least and the
    most of a row, and the median length of the first ones in characters.
    """

    source: str
    digest: str
    classes: tuple[str, ...]
    train: int
    validation: int
    folds: int
    test: int
    drawn_test: bool = True
    smallest_class: int
    largest_class: int
    values: tuple[float, float, float] | None = None
    documents: int = 0
    references: tuple[int, int, int] | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Provenance(Noun):
    """Where a run came from: the state of the workspace's repository, and the variables of the environment that can matter.

    `commit` is empty where there is no repository; `changed` says that files differ from that commit.
    """

    commit: str = ""
    changed: bool = False
    variables: dict[str, str] = Field(default_factory=dict)


class RunInfo(Noun):
    """The head of a run folder, `run.json`.

    `plan` holds the keys of the trials that count; records of other trials are of an earlier state of the task or its candidates.
    `digests` are the hashes of the candidates' files by name, `resumed` the moments at which the run was taken up again. `race` is
    None where nothing was to be trained.
    """

    format: Literal["bench.run/2"] = "bench.run/2"
    run: str
    task: Task
    task_path: str
    settings: Settings
    data: DataFacts
    cards: tuple[Card, ...]
    card_warnings: tuple[str, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    failed: tuple[FailedCandidate, ...] = ()
    skipped: tuple[SkippedCandidate, ...] = ()
    environment: dict[str, str | int | float]
    versions: dict[str, str]
    started: str
    plan: tuple[str, ...] = ()
    digests: dict[str, str] = Field(default_factory=dict)
    provenance: Provenance = Provenance()
    resumed: tuple[str, ...] = ()
    race: Race | None = None
