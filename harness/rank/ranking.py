"""The ranking of a run's contenders, from its records and predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.core.constraint import Verdict
from harness.core.evidence import Answers, Truth
from harness.core.kinds import KINDS
from harness.core.metric_facts import facts_of, is_own
from harness.core.ranking import Estimate, Excluded, RankedContender, Ranking
from harness.core.run import RunInfo
from harness.core.trial import Record
from harness.rank import contender as contenders
from harness.rank.alternatives import name_alternatives
from harness.rank.choice import Field, Rule
from harness.rank.constraints import judge, screen
from harness.rank.contender import Contender
from harness.rank.decision import recommend
from harness.rank.gains import find_gains
from harness.rank.pareto import pareto_front
from harness.rank.scoring import Scores, confirm_contenders, is_recorded, reference, score_contenders
from harness.rank.statistics import is_overfit, probability_best
from harness.rank.ties import tie_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A ranking, and the joint evidence on those of its contenders that may be recommended."""

    ranking: Ranking
    choosable: Field


def rank(info: RunInfo, answers: Sequence[Answers], truth: Truth, records: Sequence[Record]) -> Ranking:
    """Return the ranking alone."""
    return rank_with_evidence(info, answers, truth, records).ranking


def rank_with_evidence(info: RunInfo, answers: Sequence[Answers], truth: Truth, records: Sequence[Record]) -> Ranked:
    """Rank the contenders of a run and recommend one.

    The task's constraints apply as they stand in `info`, whatever they were when the run began. The rows come in the order of
    their tie groups, within these by score; contenders that fail a constraint follow with rank 0. A control takes a row and a
    tie group, but the recommendation, the expected regrets and the probabilities of being the best are among the others.
    Deterministic for a seed; the order of answers and records does not matter but for repeated trials, of which the last counts.

    Raises:
        WorkspaceError: predictions and records do not belong together.
    """
    field = contenders.gather(info, answers, records)
    classes, metric, seed, target = len(info.data.classes), info.task.metric, info.settings.seed, info.task.target
    scores = score_contenders(metric, field, reference(truth, "validation", classes, target), "validation", seed=seed)
    tests = confirm_contenders(metric, field, reference(truth, "test", classes, target), seed=seed)
    verdicts = [_missed(info, one, found) for one, found in zip(field, scores.estimates, strict=True)]
    lower = is_lower(metric, field)
    standing = _stand(field, scores, verdicts, lower=lower)
    drafts = [_row(info, one, scores, i, lower=lower) for i, one in enumerate(field)]
    rows = [_complete(draft, standing, i, tests[i]) for i, draft in enumerate(drafts)]
    choosable, rule = standing.field(rows, standing.choosable), _rule(info)
    failures = {row.name: [v.constraint for v in missed] for row, missed in zip(rows, verdicts, strict=True) if missed}
    ranking = Ranking(
        task=info.task.name,
        metric=metric,
        higher_is_better=not lower,
        margin=info.task.margin,
        prefer=info.task.prefer,
        validation_rows=info.data.validation,
        test_rows=info.data.test,
        rows=tuple(rows[i].model_copy(update={"rank": number}) for i, number in standing.order()),
        recommendation=recommend(choosable, rule),
        alternatives=name_alternatives(choosable, rule, standing.field(rows, standing.allowed), failures),
        excluded=(*info.excluded, *_excluded(field, verdicts)),
        failed=(*info.failed, *contenders.failed(records)),
        skipped=(*info.skipped, *contenders.skipped(records)),
        gains=find_gains(standing.field(rows, standing.allowed)),
    )
    return Ranked(ranking, choosable)


@dataclass(frozen=True, slots=True)
class _Standing:
    """How contenders stand to each other, by position; in `points` and `draws` more is better.

    `qualified` meet every constraint, `choosable` are those of them that are no controls, `allowed` all that are no controls.
    """

    points: Floats
    draws: Floats
    qualified: tuple[int, ...]
    choosable: tuple[int, ...]
    allowed: tuple[int, ...]
    ties: dict[int, int]
    regret: Floats
    best: dict[int, float]
    front: frozenset[int]
    control: float

    def field(self, rows: Sequence[RankedContender], where: Sequence[int]) -> Field:
        """Return those at the given positions as a field to choose among."""
        chosen = list(where)
        return Field(tuple(rows[i] for i in chosen), self.points[chosen], self.draws[:, chosen])

    def order(self) -> list[tuple[int, int]]:
        """Return positions with their ranks: by tie group, then by score, those that do not qualify last with rank 0."""
        ahead = sorted(self.qualified, key=lambda i: (self.ties[i], -self.points[i]))
        behind = sorted(set(range(len(self.points))) - set(ahead), key=lambda i: (-self.points[i], i))
        return [(i, number) for number, i in enumerate(ahead, 1)] + [(i, 0) for i in behind]


def _stand(field: Sequence[Contender], scores: Scores, verdicts: Sequence[Sequence[Verdict]], *, lower: bool) -> _Standing:
    sign = -1.0 if lower else 1.0
    points, draws = sign * scores.points, sign * scores.draws
    allowed = tuple(i for i, one in enumerate(field) if not one.card.control)
    qualified = tuple(i for i, missed in enumerate(verdicts) if not missed)
    choosable = tuple(i for i in allowed if i in qualified)
    controls = [float(points[i]) for i in qualified if i not in choosable]
    costs = [(-float(points[i]), _value(field[i], "latency_p95_ms"), _value(field[i], "memory_mb")) for i in choosable]
    return _Standing(
        points=points,
        draws=draws,
        qualified=qualified,
        choosable=choosable,
        allowed=allowed,
        ties=dict(zip(qualified, tie_groups(points[list(qualified)], draws[:, list(qualified)]), strict=True)),
        regret=_regret(draws, choosable or tuple(range(len(field)))),
        best=dict(zip(choosable, probability_best(draws[:, list(choosable)]).tolist() if choosable else (), strict=True)),
        front=frozenset(i for i, is_on in zip(choosable, pareto_front(costs), strict=True) if is_on),
        control=max(controls, default=-np.inf),
    )


def _regret(draws: Floats, choosable: Sequence[int]) -> Floats:
    """Return expected regrets against the best choosable contender; each of the others is taken as choosable too for its own."""
    if not choosable:
        return np.empty(0)
    best = draws[:, list(choosable)].max(axis=1, keepdims=True)
    regret: Floats = (np.maximum(best, draws) - draws).mean(axis=0)
    return regret


def _row(info: RunInfo, one: Contender, scores: Scores, place: int, *, lower: bool) -> RankedContender:
    """Return a contender's row with what does not depend on the others."""
    metric, validation, trial = info.task.metric, scores.estimates[place], one.answers.record.trial
    by_seed = scores.by_seed[place]
    train = one.find("train_score") if is_recorded(metric, one, by_seed[0]) else None
    sizes = (train.n or info.data.train if train else 0, info.data.validation)
    overfit = train is not None and is_overfit(train.value, validation, rows=sizes, margin=info.task.margin, lower=lower)
    return RankedContender(
        rank=0,
        tie=0,
        candidate=one.card.name,
        technique=one.technique,
        metric=metric,
        validation=validation,
        test=None,
        train_score=train.value if train else None,
        expected_regret=0.0,
        probability_best=0.0,
        overfit=overfit,
        pareto=False,
        baseline=one.card.baseline,
        control=one.card.control,
        license=one.card.license,
        measurements=one.measurements,
        recipe=one.recipe,
        notes=one.notes,
        trial=trial.key,
        repeats={other.record.trial.key: found for other, found in zip(one.repeats, by_seed[1:], strict=True)},
        epochs=trial.fidelity.epochs if trial.fidelity else None,
        of=trial.fidelity.of if trial.fidelity else None,
    )


def _complete(draft: RankedContender, standing: _Standing, place: int, test: Estimate | None) -> RankedContender:
    """Add what depends on the others, and the test score."""
    notes = draft.notes
    if not (draft.control or draft.baseline) and standing.points[place] <= standing.control:
        notes = (*notes, "a control with random weights scores as high, so pre-training shows no use here")
    return draft.model_copy(
        update={
            "tie": standing.ties.get(place, 0),
            "test": test,
            "expected_regret": float(standing.regret[place]),
            "probability_best": standing.best.get(place, 0.0),
            "pareto": place in standing.front,
            "notes": notes,
        }
    )


def _missed(info: RunInfo, one: Contender, validation: Estimate) -> tuple[Verdict, ...]:
    """Return the verdicts that are not passes; what was measured stands before what the card states."""
    found = {v.constraint: v for v in screen(one.card, info.task)}
    found |= {v.constraint: v for v in judge(one.card, info.task, one.measurements, validation)}
    return tuple(v for v in found.values() if v.verdict != "pass")


def _excluded(field: Sequence[Contender], verdicts: Sequence[Sequence[Verdict]]) -> list[Excluded]:
    return [
        Excluded(candidate=one.card.name, technique=one.technique, constraint=v.constraint, verdict=v.verdict, reason=v.reason)
        for one, missed in zip(field, verdicts, strict=True)
        for v in missed
    ]


def is_lower(metric: str, field: Sequence[Contender]) -> bool:
    """Tell whether less is better; of an external metric its records say it."""
    if is_own(metric):
        return facts_of(metric).better == "lower"
    recorded = (one.find("score") for one in field)
    return any(m is not None and m.better == "lower" for m in recorded)


def _value(one: Contender, measurement: str) -> float | None:
    found = one.find(measurement)
    return None if found is None else found.value


def _rule(info: RunInfo) -> Rule:
    """Return the rule of the decision; of labeled rows, the share that the splits give to validation counts."""
    task, data = info.task, info.data
    rows_each = (data.train + (data.test if data.drawn_test else 0)) / max(1, data.validation)
    return Rule(task.metric, task.margin, task.prefer, data.validation, rows_each, KINDS[task.kind].labeled)
