"""The race of contenders that are trained: who ran in which round, who left, and why."""

from __future__ import annotations

from harness.core.noun import Noun


class Runner(Noun):
    """A contender in one round: what it scored after so much training, and whether it goes on.

    `trial` is the key of its trial; `score` is None where that did not finish. `chance` is the probability that it can still end
    within the margin of the best; `reason` says why it left, empty where it went on or ran to the end.
    """

    candidate: str
    technique: str
    recipe: dict[str, str | int | float]
    trial: str
    epochs: float
    of: float
    score: float | None = None
    chance: float | None = None
    reason: str = ""


class Round(Noun):
    """All contenders trained equally far: up to a share of the shortest training among them, with 1 each to its own end."""

    number: int
    share: float
    runners: tuple[Runner, ...]


class Race(Noun):
    """Every round, and what did not take part and why; `plan` says in a sentence what was to be done in which time."""

    plan: str = ""
    rounds: tuple[Round, ...] = ()
    absent: tuple[str, ...] = ()
