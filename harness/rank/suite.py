"""The ranking of models over several tasks, from the rankings of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from harness.core.ranking import RankedContender, Ranking
from harness.core.suite_ranking import Gap, GroupRanking, JudgedTask, MissingTask, SuiteRanking, SuiteRow, TaskScore
from harness.core.task import Prefer
from harness.rank.choice import Field, Rule
from harness.rank.statistics import expected_regret, probability_best
from harness.rank.suite_choice import Question, choose_single
from harness.rank.suite_evidence import Measure, Part, join_rows, lay_out
from harness.rank.ties import tie_groups


def rank_suite(name: str, parts: Sequence[Part], missing: Sequence[MissingTask] = (), *, seed: int = 0) -> SuiteRanking:
    """Rank models over the tasks of a suite, those of each modality apart, and choose one model for all tasks of each.

    Deterministic for a seed; the order of the parts decides nothing but the order in which they are shown.

    Raises:
        WorkspaceError: the tasks share no metric, and one has no margin in which its regret could be counted.
    """
    groups: dict[str, list[Part]] = {}
    for part in parts:
        groups.setdefault(part.modality, []).append(part)
    ranked = tuple(_rank_group(modality, tuple(found), seed) for modality, found in groups.items())
    return SuiteRanking(suite=name, groups=ranked, missing=tuple(missing))


def _rank_group(modality: str, parts: tuple[Part, ...], seed: int) -> GroupRanking:
    measure = Measure.of(parts)
    board = lay_out(parts, measure, seed)
    rule = Rule(measure.unit, measure.margin, _prefer(parts), sum(part.ranking.validation_rows for part in parts))
    joined = [
        join_rows([p.field.rows[places[i]] for p, places in zip(parts, board.champions, strict=True)], rule, measure.shares)
        for i in range(len(board.names))
    ]
    asked = Question(parts, measure, board, Field(tuple(joined), board.points, board.draws), rule)
    return GroupRanking(
        modality=modality,
        tasks=tuple(_judged(part, *each) for part, *each in zip(parts, measure.shares, measure.scales, strict=True)),
        unit=measure.unit,
        margin=measure.margin,
        prefer=rule.prefer,
        rows=(*_complete(asked), *_partial(asked)),
        single=choose_single(asked),
    )


def _prefer(parts: Sequence[Part]) -> Prefer:
    """Return what all tasks prefer, or where they differ, latency."""
    wishes = {part.ranking.prefer for part in parts}
    return cast("Prefer", wishes.pop()) if len(wishes) == 1 else "latency"


def _judged(part: Part, share: float, scale: float) -> JudgedTask:
    ranking = part.ranking
    return JudgedTask(
        task=ranking.task,
        run=part.run,
        weight=part.weight,
        share=share,
        metric=ranking.metric,
        higher_is_better=ranking.higher_is_better,
        margin=ranking.margin,
        scale=scale,
        validation_rows=ranking.validation_rows,
        test_rows=ranking.test_rows,
        unfinished=part.unfinished,
        recommendation=ranking.recommendation,
    )


def _complete(asked: Question) -> list[SuiteRow]:
    """Return the models that have a score on every task: by tie group, then by mean regret."""
    field, board = asked.field, asked.board
    if not board.names:
        return []
    ties, best, excess = tie_groups(field.points, field.draws), probability_best(field.draws), expected_regret(field.draws)
    order = sorted(range(len(board.names)), key=lambda i: (ties[i], -field.points[i], board.names[i]))
    found = []
    for number, i in enumerate(order, 1):
        row, cost = field.rows[i], asked.rule.cost(field.rows[i])
        found.append(
            SuiteRow(
                rank=number,
                tie=ties[i],
                candidate=row.candidate,
                baseline=row.baseline,
                license=row.license,
                technique=row.technique,
                regret=board.regret(i),
                place=board.place(i),
                excess=float(excess[i]),
                probability_best=float(best[i]),
                cost=abs(cost) if cost not in {float("inf"), float("-inf")} else None,
                scores=tuple(_score(p, places[i]) for p, places in zip(asked.parts, board.champions, strict=True)),
            )
        )
    return found


def _partial(asked: Question) -> list[SuiteRow]:
    """Return the models that lack a score on some task, with the reason; no controls, and none of another modality."""
    known = {row.candidate: row for part in asked.parts for row in reversed(part.ranking.rows)}
    named = [name for part in asked.parts for name in _names(part.ranking)]
    found = []
    for name in sorted(set(named) - set(asked.board.names)):
        scores = [(part, part.champions().get(name)) for part in asked.parts]
        gaps = tuple(_gap(part, name) for part, place in scores if place is None)
        row: RankedContender | None = known.get(name)
        if (row is not None and row.control) or all(gap.reason.startswith("modality: ") for gap in gaps):
            continue
        found.append(
            SuiteRow(
                rank=0,
                tie=0,
                candidate=name,
                baseline=row is not None and row.baseline,
                license=row.license if row else "",
                scores=tuple(_score(part, place) for part, place in scores if place is not None),
                gaps=gaps,
            )
        )
    return sorted(found, key=lambda row: (-len(row.scores), row.candidate))


def _names(ranking: Ranking) -> list[str]:
    absent = [*(row.candidate for row in ranking.excluded), *(row.candidate for row in ranking.failed)]
    return [*(row.candidate for row in ranking.rows), *absent, *(row.candidate for row in ranking.skipped)]


def _score(part: Part, place: int) -> TaskScore:
    row, chosen = part.field.rows[place], part.ranking.recommendation
    return TaskScore(
        task=part.name,
        technique=row.technique,
        validation=row.validation,
        test=row.test,
        expected_regret=row.expected_regret,
        latency_p95_ms=row.value("latency_p95_ms"),
        recommended=chosen is not None and (chosen.candidate, chosen.technique) == (row.candidate, row.technique),
    )


def _gap(part: Part, name: str) -> Gap:
    """Return why a model has no score that counts on a task."""
    ranking = part.ranking
    for failed in ranking.failed:
        if failed.candidate == name:
            return Gap(task=ranking.task, state="failed", reason=f"{failed.stage}: {failed.error}")
    for excluded in ranking.excluded:
        if excluded.candidate == name:
            return Gap(task=ranking.task, state="excluded", reason=f"{excluded.constraint}: {excluded.reason}")
    for skipped in ranking.skipped:
        if skipped.candidate == name:
            return Gap(task=ranking.task, state="skipped", reason=skipped.reason)
    why = "the run was stopped before it was tried" if part.unfinished else "it gave no result"
    return Gap(task=ranking.task, state="absent", reason=why)
