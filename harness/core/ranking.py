"""The order of contenders, and what is recommended."""

from __future__ import annotations

from pydantic import Field

from harness.core.measurement import Measurement
from harness.core.noun import Noun
from harness.core.technique_names import WHOLE


class Estimate(Noun):
    """A score with its 95 % interval."""

    score: float
    low: float
    high: float


class RankedContender(Noun):
    """One row of the ranking: candidate × technique with everything measured about it.

    `validation` is the primary metric on validation rows; `tie` numbers the group of contenders that the evidence does not
    separate, 1 the best. A contender that a measurement excludes has `rank` 0 and stands at the end. `trial` is the key of the
    trial that its answers come from; one whose weights were trained was so for `epochs` of the `of` that were laid out. Where it
    was trained with other seeds too, `repeats` has the score of each of these trials, and its own score is the mean over all seeds.
    """

    rank: int
    tie: int
    candidate: str
    technique: str
    metric: str
    validation: Estimate
    test: Estimate | None
    train_score: float | None
    expected_regret: float
    probability_best: float
    overfit: bool
    pareto: bool
    baseline: bool
    control: bool
    license: str
    measurements: tuple[Measurement, ...]
    recipe: dict[str, str | int | float]
    notes: tuple[str, ...] = ()
    trial: str = ""
    repeats: dict[str, float] = Field(default_factory=dict)
    epochs: float | None = None
    of: float | None = None

    @property
    def name(self) -> str:
        """Return candidate and technique as one word pair."""
        return f"{self.candidate} · {self.technique}"

    @property
    def is_trained(self) -> bool:
        """Tell whether weights of the model itself were changed."""
        return self.value("trainable_parameters") is not None

    @property
    def is_asked(self) -> bool:
        """Tell whether the whole model answers as it was trained to, by no head on its features."""
        return self.technique in WHOLE

    @property
    def is_partial(self) -> bool:
        """Tell whether its training was not carried to the end."""
        return self.epochs is not None and self.of is not None and self.epochs < self.of

    def value(self, measurement: str) -> float | None:
        """Return a measured value by name, or None where it was not measured."""
        return next((m.value for m in self.measurements if m.name == measurement), None)


class Excluded(Noun):
    """A candidate or contender that a constraint rules out; technique is empty when the whole candidate is."""

    candidate: str
    technique: str = ""
    constraint: str
    verdict: str
    reason: str


class FailedCandidate(Noun):
    """A candidate that broke."""

    candidate: str
    technique: str = ""
    stage: str
    error: str
    hint: str
    log: tuple[str, ...] = ()


class SkippedCandidate(Noun):
    """A candidate that could not be tried here; `is_away` says that it only lacks its weights, which are not on this machine."""

    candidate: str
    reason: str
    is_away: bool = False


class Recommendation(Noun):
    """What to fine-tune, how sure that is, and why, in one sentence."""

    candidate: str
    technique: str
    score: float
    low: float
    high: float
    expected_regret: float
    probability_best: float
    probability_within_margin: float
    decisive: bool
    reason: str
    rivals: tuple[str, ...] = ()
    more_rows: int | None = None
    baseline_suffices: bool = False


class Alternative(Noun):
    """What another wish would lead to, e.g. "best by quality alone" or "with p95 latency ≤ 5 ms"."""

    wish: str
    candidate: str
    technique: str
    detail: str


class Gain(Noun):
    """What training a candidate adds to the best of its heads on frozen features, in the metric; positive is better."""

    candidate: str
    technique: str
    over: str
    gain: float
    low: float
    high: float

    @property
    def is_seen(self) -> bool:
        """Tell whether the rows show a gain at all: its interval lies above nothing."""
        return self.low > 0


class Ranking(Noun):
    """The whole answer for one task."""

    task: str
    metric: str
    higher_is_better: bool
    margin: float
    prefer: str
    validation_rows: int
    test_rows: int
    rows: tuple[RankedContender, ...]
    recommendation: Recommendation | None
    alternatives: tuple[Alternative, ...]
    excluded: tuple[Excluded, ...]
    failed: tuple[FailedCandidate, ...]
    skipped: tuple[SkippedCandidate, ...]
    gains: tuple[Gain, ...] = ()
