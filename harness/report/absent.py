"""Who is not in the ranking, and why."""

from __future__ import annotations

from harness.core.ranking import Ranking
from harness.core.report import ExcludedRow, FailedRow, SkippedGroup
from harness.report.numbers import or_dash


def excluded(ranking: Ranking) -> tuple[ExcludedRow, ...]:
    """Return what constraints rule out, the same constraint together."""
    ordered = sorted(ranking.excluded, key=lambda row: (row.constraint, row.candidate, row.technique))
    return tuple(
        ExcludedRow(name=_name(row.candidate, row.technique), constraint=row.constraint, verdict=row.verdict, reason=row.reason)
        for row in ordered
    )


def skipped(ranking: Ranking) -> tuple[SkippedGroup, ...]:
    """Return the candidates that could not be tried by reason, the most frequent reason first."""
    by_reason: dict[str, set[str]] = {}
    for row in ranking.skipped:
        by_reason.setdefault(row.reason, set()).add(row.candidate)
    groups = [SkippedGroup(reason=reason, candidates=tuple(sorted(names))) for reason, names in by_reason.items()]
    return tuple(sorted(groups, key=lambda group: (-len(group.candidates), group.reason)))


def failed(ranking: Ranking) -> tuple[FailedRow, ...]:
    """Return the candidates that broke."""
    return tuple(
        FailedRow(name=_name(row.candidate, row.technique), stage=row.stage, error=row.error, hint=or_dash(row.hint), log=row.log)
        for row in ranking.failed
    )


def _name(candidate: str, technique: str) -> str:
    return f"{candidate} · {technique}" if technique else candidate
