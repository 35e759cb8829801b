"""What a gate checks of a run."""

from __future__ import annotations

from typing import Literal

from harness.core.noun import Noun

Verdict = Literal["pass", "fail", "unknown", "not told apart"]


class Check(Noun):
    """One check: what was measured, with its 95 % interval where there is one, the limit, and a sentence.

    What is unknown does not hold. `not told apart` is of two runs, and does.
    """

    name: str
    verdict: Verdict
    measured: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    unit: str = ""
    reason: str

    @property
    def holds(self) -> bool:
        """Tell whether the gate opens as far as this goes."""
        return self.verdict in {"pass", "not told apart"}


class Gate(Noun):
    """The checks of a contender; candidate and technique are empty where nothing was recommended and none was named."""

    run: str
    task: str
    candidate: str = ""
    technique: str = ""
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Tell whether every check does."""
        return all(check.holds for check in self.checks)
