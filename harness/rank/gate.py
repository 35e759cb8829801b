"""Whether a contender of a run is good enough to go on with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.card import Card
from harness.core.constraint import Constraints, LatencyLimit
from harness.core.difference import Paired
from harness.core.gate import Check, Verdict
from harness.core.ranking import RankedContender, Ranking
from harness.core.run import RunInfo
from harness.rank import wording
from harness.rank.constraints import judge
from harness.rank.pairing import FEWEST_CHANGED
from harness.rank.standing import why_absent

# Constraint -> measurement, unit.
_COSTS = {"latency_ms.p95": ("latency_p95_ms", "ms"), "memory_mb": ("memory_mb", "MB")}
_ORDER = ("min_quality", *_COSTS)


@dataclass(frozen=True, slots=True)
class Limits:
    """What is demanded beside the constraints of the task; None demands nothing."""

    min_quality: float | None = None
    max_latency_ms: float | None = None
    max_memory_mb: float | None = None

    def constraints(self) -> Constraints:
        """Return them as a task would state them."""
        latency = None if self.max_latency_ms is None else LatencyLimit(p95=self.max_latency_ms)
        return Constraints(min_quality=self.min_quality, latency_ms=latency, memory_mb=self.max_memory_mb)

    def find(self, constraint: str) -> float | None:
        """Return the limit of a constraint."""
        return {
            "min_quality": self.min_quality,
            "latency_ms.p95": self.max_latency_ms,
            "memory_mb": self.max_memory_mb,
        }[constraint]


def check_absent(ranking: Ranking, candidate: str, technique: str) -> Check:
    """Return the check that fails where there is no contender: none was recommended, or the named one has no score."""
    if not candidate:
        return Check(name="recommendation", verdict="fail", reason="Nothing qualifies, so nothing is recommended.")
    name = wording.name_of(candidate, technique)
    return Check(name="measured", verdict="fail", reason=f"{name} has no score: {why_absent(ranking, candidate, technique)}.")


def check_constraints(ranking: Ranking, row: RankedContender) -> Check:
    """Check those of the task, as the run states them."""
    missed = [one for one in ranking.excluded if one.candidate == row.candidate and one.technique in {"", row.technique}]
    if row.rank:
        return Check(name="constraints", verdict="pass", reason="It meets every constraint of the task.")
    verdict: Verdict = "unknown" if missed and all(one.verdict == "unknown" for one in missed) else "fail"
    reason = " ".join(one.reason for one in missed) or "It does not qualify."
    return Check(name="constraints", verdict=verdict, reason=reason)


def check_limits(info: RunInfo, card: Card, row: RankedContender, limits: Limits) -> tuple[Check, ...]:
    """Check quality, latency and memory as constraints of a task are: quality by the worse end of its interval.

    What was not measured is unknown.
    """
    task = info.task.model_copy(update={"constraints": limits.constraints()})
    verdicts = {found.constraint: found for found in judge(card, task, row.measurements, row.validation)}
    checks = []
    for name in _ORDER:
        if name not in verdicts:
            continue
        found, limit = verdicts[name], limits.find(name)
        if name == "min_quality":
            score = row.validation
            facts: dict[str, object] = {"measured": score.score, "low": score.low, "high": score.high}
        else:
            facts = {"measured": row.value(_COSTS[name][0]), "unit": _COSTS[name][1]}
        facts |= {"name": name, "verdict": found.verdict, "limit": limit, "reason": found.reason}
        checks.append(Check.model_validate(facts))
    return tuple(checks)


def check_drop(gap: Paired | None, untold: str, names: Sequence[str], *, max_drop: float, lower: bool) -> Check:
    """Check that a contender is not worse than one of another run by more than a drop, as far as the shared rows tell.

    It fails where the whole interval of the paired difference lies beyond the drop, and enough answers changed to tell anything. It
    passes where none of the interval does, and is else not told apart. Where there is no difference, as `untold` says, it is
    unknown. `names` are of this run's contender and the other's.
    """
    against = "the other run" if names[1] in {"", names[0]} else f"{names[1]} in the other run"
    sign = -1.0 if lower else 1.0
    if gap is None:
        reason = f"It cannot be compared with {against}: {untold}."
        return Check(name="against", verdict="unknown", limit=-sign * max_drop, reason=reason)
    worst, best = sorted((sign * gap.low, sign * gap.high))
    verdict: Verdict = (
        "fail" if best < -max_drop and gap.changed >= FEWEST_CHANGED else "pass" if worst >= -max_drop else "not told apart"
    )
    end = {
        "fail": f"all of it is a drop of more than {max_drop:g}",
        "pass": f"none of it is a drop of more than {max_drop:g}",
        "not told apart": f"a drop of more than {max_drop:g} is neither seen nor ruled out",
    }[verdict]
    interval = f"{gap.difference:+.4f} with 95 % interval [{gap.low:+.4f}, {gap.high:+.4f}]"
    reason = f"Against {against} the score changes by {interval} on {gap.rows:,} shared rows; {end}."
    return Check(
        name="against", verdict=verdict, measured=gap.difference, low=gap.low, high=gap.high, limit=-sign * max_drop, reason=reason
    )
