"""Whether what one run recommends still stands by the evidence of a later one."""

from __future__ import annotations

from harness.core.difference import Standing, Stands
from harness.core.ranking import RankedContender, Ranking, Recommendation
from harness.rank import wording
from harness.rank.statistics import EQUAL


def judge_standing(earlier: Ranking, later: Ranking, by: str) -> Standing:
    """Judge the earlier recommendation by the later run, `by`, under that run's constraints and margin."""
    chosen = earlier.recommendation
    if chosen is None:
        return Standing(verdict="unknown", by=by, reason="The earlier run recommends nothing.")
    row = find_row(later, chosen.candidate, chosen.technique)
    verdict, reason = _judge(chosen, later, row)
    return Standing(verdict=verdict, by=by, reason=reason, candidate=chosen.candidate, technique=chosen.technique)


def find_row(ranking: Ranking, candidate: str, technique: str = "") -> RankedContender | None:
    """Return a contender's row, the best placed of the candidate where no technique is named; None where it was not measured."""
    mine = [row for row in ranking.rows if row.candidate == candidate and technique in {"", row.technique}]
    return mine[0] if mine else None


def why_absent(ranking: Ranking, candidate: str, technique: str = "") -> str:
    """Return why a contender has no row, in a clause, as far as the run knows."""

    def is_meant(name: str, way: str) -> bool:
        return name == candidate and (not way or not technique or way == technique)

    reasons = [one.reason for one in ranking.excluded if is_meant(one.candidate, one.technique)]
    reasons += [f"it failed at {one.stage}: {one.error}" for one in ranking.failed if is_meant(one.candidate, one.technique)]
    reasons += [f"it was skipped: {one.reason}" for one in ranking.skipped if one.candidate == candidate]
    return reasons[0].rstrip(".") if reasons else "it took no part"


def _judge(chosen: Recommendation, later: Ranking, row: RankedContender | None) -> tuple[Stands, str]:
    if row is None:
        why = why_absent(later, chosen.candidate, chosen.technique)
        return "unknown", f"The later run has no score of {wording.name_of(chosen.candidate, chosen.technique)}: {why}."
    name, now = wording.name(row), later.recommendation
    if not row.rank:
        missed = [one.reason for one in later.excluded if one.candidate == row.candidate and one.technique in {"", row.technique}]
        return "no longer", " ".join([f"{name} is ruled out in the later run.", *missed])
    if now is None or (now.candidate, now.technique) == (row.candidate, row.technique):
        sure = "; the later one is not decisive" if now and not now.decisive else ""
        return "holds", f"Both runs recommend {name}{sure}."
    return _judge_loss(row, later, now)


def _judge_loss(row: RankedContender, later: Ranking, now: Recommendation) -> tuple[Stands, str]:
    """Judge a contender that the later run passes over for another one, by what it is expected to lose."""
    name, other = wording.name(row), find_row(later, now.candidate, now.technique)
    loss = f"{name} is expected to lose {row.expected_regret:.3f} {later.metric} against the best"
    instead = f"the later run recommends {wording.name(other) if other else now.candidate}"
    if row.expected_regret <= later.margin + EQUAL:
        return "good enough", f"{loss}, within the margin of {later.margin:g}; {instead}."
    more = f"which is more than the margin of {later.margin:g}"
    if row.tie == 1:
        return "in doubt", f"{loss}, {more}, but is not told apart from the best; {instead}."
    return "no longer", f"{loss}, {more}; {instead}."
