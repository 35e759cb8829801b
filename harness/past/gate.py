"""Whether a contender of a run is good enough to go on with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.gate import Check, Gate
from harness.core.metric_facts import facts_of, is_own
from harness.core.ranking import RankedContender
from harness.core.run import RunInfo
from harness.errors import BenchError, WorkspaceError, raise_all, suggest
from harness.past.difference import pair_scores
from harness.past.opened import Opened, check_task, open_run

if TYPE_CHECKING:
    from harness.rank.gate import Limits


@dataclass(frozen=True, slots=True)
class Wish:
    """Which contender is meant, and what it is held against; the recommended one, and nothing, if left out.

    `max_drop` is in the metric, the task's margin if None.
    """

    candidate: str = ""
    technique: str = ""
    against: str = ""
    max_drop: float | None = None


def gate(run: str, limits: Limits, wish: Wish, *, workspace: str | Path = ".") -> Gate:
    """Check a contender of a run: the constraints of its task, the limits, and that it is no worse than that of another run.

    Against another run, a named contender is held against the same one there, else recommendation against recommendation.

    Raises:
        WorkspaceError: a limit cannot be one, a run is not there or cannot be read, or it knows no such candidate or technique.
    """
    from harness.rank.gate import check_absent, check_constraints, check_limits  # noqa: PLC0415 - as above
    from harness.rank.standing import find_row  # noqa: PLC0415 - as above

    _check_wish(limits, wish)
    opened = open_run(run, workspace)
    other = open_run(wish.against, workspace) if wish.against else None
    if other is not None:
        check_task(other, opened, "--against")
    _check_quality(limits, opened.info)
    _check_names(wish, opened)
    chosen = opened.ranking.recommendation
    candidate, technique = (
        (wish.candidate, wish.technique) if wish.candidate else (chosen.candidate, chosen.technique) if chosen else ("", "")
    )
    row = find_row(opened.ranking, candidate, technique) if candidate else None
    checks: list[Check] = []
    if row is None:
        checks.append(check_absent(opened.ranking, candidate, technique))
    else:
        card = next(card for card in opened.info.cards if card.name == row.candidate)
        checks += [check_constraints(opened.ranking, row), *check_limits(opened.info, card, row, limits)]
        checks += [_check_against(opened, other, row, wish)] if other is not None else []
    return Gate(
        run=opened.info.run,
        task=opened.info.task.name,
        candidate=row.candidate if row else candidate,
        technique=row.technique if row else technique,
        checks=tuple(checks),
        notes=tuple(filter(None, [opened.tell_state()])),
    )


def _check_against(opened: Opened, other: Opened, row: RankedContender, wish: Wish) -> Check:
    from harness.rank.gate import check_drop  # noqa: PLC0415 - as above
    from harness.rank.standing import why_absent  # noqa: PLC0415 - as above
    from harness.rank.wording import name_of  # noqa: PLC0415 - as above

    before, after = other.side(), opened.side()
    chosen = other.ranking.recommendation
    named = (row.candidate, row.technique) if wish.candidate else (chosen.candidate, chosen.technique) if chosen else ("", "")
    mine, yours = before.find(*named), after.find(row.candidate, row.technique)
    gap, untold = None, "it recommends nothing"
    if mine is not None and yours is not None:
        _, scores, untold = pair_scores(before, after, [(mine, yours)])
        gap = scores["validation"].get(0)
    elif named[0]:
        untold = f"the other run has no score of it ({why_absent(other.ranking, *named)})"
    names = (name_of(row.candidate, row.technique), name_of(*named))
    drop = opened.info.task.margin if wish.max_drop is None else wish.max_drop
    return check_drop(gap, untold, names, max_drop=drop, lower=not opened.ranking.higher_is_better)


def _check_wish(limits: Limits, wish: Wish) -> None:
    """Refuse limits that are none.

    Raises:
        WorkspaceError: some are; all at once.
    """
    given = {
        "--min-quality": limits.min_quality,
        "--max-latency-ms": limits.max_latency_ms,
        "--max-memory-mb": limits.max_memory_mb,
        "--max-drop": wish.max_drop,
    }
    faults: list[BenchError] = []
    for option, value in given.items():
        if value is not None and not math.isfinite(value):
            faults.append(WorkspaceError(f"{value:g} is no limit", where=option, hint="give a number"))
        elif value is not None and option not in {"--min-quality", "--max-drop"} and value <= 0:
            faults.append(WorkspaceError(f"{value:g} is no limit", where=option, hint="give a number above 0"))
    if wish.max_drop is not None and wish.max_drop < 0:
        faults.append(WorkspaceError(f"a drop of {wish.max_drop:g} is none", where="--max-drop", hint="give 0 or more"))
    if wish.max_drop is not None and not wish.against:
        faults.append(WorkspaceError("a drop against what?", where="--max-drop", hint="name a run with --against"))
    if wish.technique and not wish.candidate:
        faults.append(WorkspaceError("the technique of which candidate?", where="--technique", hint="name it with --candidate"))
    raise_all(faults)


def _check_quality(limits: Limits, info: RunInfo) -> None:
    """Refuse a quality that the metric cannot have.

    Raises:
        WorkspaceError: it is one.
    """
    metric, wanted = info.task.metric, limits.min_quality
    facts = facts_of(metric)
    if wanted is None or not is_own(metric):
        return
    beyond = (facts.greatest is not None and wanted > facts.greatest) or (facts.least is not None and wanted < facts.least)
    if beyond:
        bounds = f"between {facts.least:g} and {facts.greatest:g}" if facts.is_bounded else f"of {facts.least or 0:g} at least"
        what = f"{metric} is {bounds}, and {wanted:g} is demanded"
        raise WorkspaceError(what, where="--min-quality", hint="give it as the report does, 0.8 and not 80")


def _check_names(wish: Wish, opened: Opened) -> None:
    """Refuse a contender that the run knows nothing of.

    Raises:
        WorkspaceError: it is one.
    """
    ranking = opened.ranking
    candidates = {card.name for card in opened.info.cards}
    # What could not be read has no card.
    candidates |= {one.candidate for one in ranking.failed} | {one.candidate for one in ranking.skipped}
    if wish.candidate and wish.candidate not in candidates:
        what = f'the run has no candidate "{wish.candidate}"'
        raise WorkspaceError(what, where="--candidate", hint=suggest(wish.candidate, candidates))
    techniques = {record.trial.technique for record in opened.found.records if record.trial.technique}
    if wish.technique and wish.technique not in techniques:
        what = f'the run has no technique "{wish.technique}"'
        raise WorkspaceError(what, where="--technique", hint=suggest(wish.technique, techniques))
