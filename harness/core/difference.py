"""How two runs of one task differ: the rows that both answered, the scores on them, costs, and what still stands."""

from __future__ import annotations

from typing import Literal

from harness.core.history import Change
from harness.core.noun import Noun

Part = Literal["validation", "test"]
Verdict = Literal["better", "worse", "not told apart"]
Stands = Literal["holds", "good enough", "in doubt", "no longer", "unknown"]


class RunName(Noun):
    """A run, and when it began."""

    run: str
    started: str
    folder: str = ""


class Shared(Noun):
    """How many validation or test rows each run has, how many both have, and how many of one content differ in what is right."""

    part: Part
    before: int
    after: int
    shared: int
    relabeled: int = 0


class Paired(Noun):
    """A contender's scores on the rows that both runs have, and the second less the first with its 95 % interval.

    All are in the metric; the verdict knows whether more or less of it is better. `changed` counts the rows, or the groups where
    there are groups, that were answered otherwise.
    """

    before: float
    after: float
    difference: float
    low: float
    high: float
    rows: int
    changed: int
    verdict: Verdict


class CostChange(Noun):
    """A measured cost in both runs, and the second as a multiple of the first where the two can be compared."""

    name: str
    unit: str
    before: float | None
    after: float | None
    ratio: float | None = None
    note: str = ""


class ContenderDifference(Noun):
    """A contender of both runs; None where no difference of scores can be told."""

    candidate: str
    technique: str
    validation: Paired | None = None
    test: Paired | None = None
    costs: tuple[CostChange, ...] = ()

    @property
    def name(self) -> str:
        """Return candidate and technique as one word pair."""
        return f"{self.candidate} · {self.technique}"


class Standing(Noun):
    """Whether the recommendation of the earlier run stands by the evidence of the later one, `by`.

    `in doubt` says that it is expected to lose more than the margin, but is not told apart from the best.
    """

    verdict: Stands
    by: str
    reason: str
    candidate: str = ""
    technique: str = ""


class RunDifference(Noun):
    """What differs between two runs; `untold` says why no scores are compared, empty where they are.

    `before` and `after` are as they were named, whichever began first. The margin is that of the second run.
    """

    task: str
    metric: str
    higher_is_better: bool
    margin: float
    before: RunName
    after: RunName
    changes: tuple[Change, ...]
    shared: tuple[Shared, ...]
    contenders: tuple[ContenderDifference, ...]
    only_before: tuple[str, ...] = ()
    only_after: tuple[str, ...] = ()
    untold: str = ""
    standing: Standing
