"""One model for all tasks of a group: which, how sure that is, and what it costs against choosing for each task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.core.ranking import Estimate
from harness.core.suite_ranking import Loss, SingleChoice
from harness.rank import wording
from harness.rank.choice import Choice, Field, Rule, choose
from harness.rank.statistics import CONFIDENCE, find_rivals, more_rows, probability_best, probability_within, spread
from harness.rank.suite_evidence import MARGINS, Board, Measure, Part


@dataclass(frozen=True, slots=True)
class Question:
    """Everything the choice depends on; `field` holds the models of the board, each as one row."""

    parts: tuple[Part, ...]
    measure: Measure
    board: Board
    field: Field
    rule: Rule


def choose_single(asked: Question) -> SingleChoice | None:
    """Choose the cheapest of the models that are expected to lose at most the margin against the best single model.

    None where no model has a score on every task.
    """
    if not asked.board.names:
        return None
    field, rule, board = asked.field, asked.rule, asked.board
    choice = choose(field, rule)
    chosen = field.rows[choice.index]
    within = probability_within(field.draws, choice.index, rule.margin)
    rivals = tuple(field.rows[i].candidate for i in find_rivals(field.draws, choice.index, rule.margin))
    times = None if within >= CONFIDENCE else _more_times(field, choice, rule)
    has_model = any(not row.baseline for row in field.rows)
    cost, losses = _weigh_losses(asked, choice.index)
    return SingleChoice(
        candidate=chosen.candidate,
        technique=chosen.technique,
        regret=board.regret(choice.index),
        place=board.place(choice.index),
        excess=choice.regret,
        probability_best=float(probability_best(field.draws)[choice.index]),
        probability_within_margin=within,
        decisive=within >= CONFIDENCE,
        reason=_explain(asked, choice, _say_how_sure(within, rivals, times, alone=len(asked.parts) == 1)),
        rivals=rivals,
        more_times=times,
        baseline_suffices=has_model and not choice.is_forced and any(field.rows[i].baseline for i in choice.eligible),
        cost=cost,
        losses=losses,
    )


def _more_times(field: Field, choice: Choice, rule: Rule) -> float | None:
    """Return about how many times as many rows of every task would settle it, to two digits."""
    more = more_rows(field.points, field.draws, choice.index, margin=rule.margin, rows=rule.validation_rows)
    return None if more is None else float(f"{1 + more / rule.validation_rows:.2g}")


def _weigh_losses(asked: Question, model: int) -> tuple[Estimate, tuple[Loss, ...]]:
    """Return what a model loses against the recommendations of the tasks themselves: the mean, and on each in its metric.

    Where a task recommends the same model, nothing is lost.
    """
    total, mean, losses = np.zeros(len(asked.board.draws)), 0.0, []
    for part, places, draws, scale, share in zip(
        asked.parts, asked.board.champions, asked.board.by_task, asked.measure.scales, asked.measure.shares, strict=True
    ):
        mine, own = places[model], part.recommended()
        row = part.field.rows[own]
        gap, point = np.zeros(len(draws)), 0.0
        if row.candidate != asked.board.names[model]:
            gap, point = draws[:, own] - draws[:, mine], float(part.field.points[own] - part.field.points[mine])
        found = spread(gap, point)
        losses.append(
            Loss(task=part.name, candidate=row.candidate, technique=row.technique, loss=point, low=found.low, high=found.high)
        )
        total += share * gap / scale
        mean += share * point / scale
    return spread(total, mean), tuple(losses)


def _explain(asked: Question, choice: Choice, certainty: str) -> str:
    """Say in a sentence why this model, and how sure that is."""
    field, rule = asked.field, asked.rule
    chosen, count = field.rows[choice.index], len(asked.parts)
    tasks = "the task" if count == 1 else "both tasks" if count == 2 else f"all {count} tasks"
    name = _open(field, choice, alone=count == 1)
    if len(field.rows) == 1:
        return f"{name} is the only model with a score on {tasks}."
    against = "against the best one" if count == 1 else "on average against the best single model"
    most = f"at most {_margin(rule)} {against}"
    if choice.is_forced:
        least = f"is expected to lose the least {against}, {amount(choice.regret, rule.metric)}"
        return f"{name} {least}, which is more than {_margin(rule)}; {certainty}"
    if len(choice.eligible) == 1:
        return f"{name} is the only one of the {len(field.rows)} models on {tasks} that is expected to lose {most}; {certainty}"
    is_cheapest = all(rule.cost(chosen) <= rule.cost(field.rows[i]) for i in choice.eligible)
    cheapest = "the cheapest" if is_cheapest else "as cheap, within a tenth, as the cheapest"
    cost = wording.cost(chosen, rule.measurement)
    eligible = f"the {len(choice.eligible)} models on {tasks} that are expected to lose {most}"
    return f"{name} is {cheapest}{cost} of {eligible}; {certainty}"


def _open(field: Field, choice: Choice, *, alone: bool) -> str:
    """Name the chosen model; where a baseline is good enough, that comes first."""
    chosen = field.rows[choice.index]
    baselines = [field.rows[i].candidate for i in choice.eligible if field.rows[i].baseline]
    if choice.is_forced or not baselines:
        return chosen.candidate
    if all(row.baseline for row in field.rows):
        return f"No foundation model was judged{'' if alone else ' on every task'}; {chosen.candidate}"
    if chosen.baseline:
        return f"A baseline suffices: {chosen.candidate}, without a foundation model,"
    return f"The baseline {baselines[0]}, without a foundation model, is already good enough; {chosen.candidate}"


def _say_how_sure(within: float, rivals: Sequence[str], times: float | None, *, alone: bool) -> str:
    sure = f"it is within the margin of the best one with probability {wording.probability(within)}"
    if within >= CONFIDENCE:
        return f"{sure}."
    settle = "more rows would hardly settle it, for the difference is about the margin itself"
    if times is not None:
        settle = f"about {times:g} times as many labeled rows{'' if alone else ' of every task'} would"
    return f"{sure}, so it is not separated from {wording.enumerate_some(rivals)}; {settle}."


def _margin(rule: Rule) -> str:
    """Name the margin in a sentence."""
    return "one margin" if rule.metric == MARGINS else f"the margin of {rule.margin:.3g} {rule.metric}"


def amount(value: float, unit: str) -> str:
    """Write a regret with its unit.

    >>> amount(0.0123, "macro_f1"), amount(1.0, "margins"), amount(1.26, "margins")
    ('0.012 macro_f1', '1 margin', '1.3 margins')
    """
    if unit == MARGINS:
        return f"{value:.2g} margin{'' if value == 1 else 's'}"
    return f"{value:.3f} {unit}"
