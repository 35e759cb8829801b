"""The decision: what to fine-tune, how sure that is, and why."""

from __future__ import annotations

from collections.abc import Sequence

from harness.core.kinds import several
from harness.core.ranking import Recommendation
from harness.rank import wording
from harness.rank.choice import Choice, Field, Rule, choose
from harness.rank.gains import find_gains
from harness.rank.statistics import CONFIDENCE, find_rivals, more_rows, probability_best, probability_within


def recommend(field: Field, rule: Rule) -> Recommendation | None:
    """Recommend a contender of the field, None when the field is empty."""
    if not field.rows:
        return None
    choice = choose(field, rule)
    row = field.rows[choice.index]
    within = probability_within(field.draws, choice.index, rule.margin)
    rivals = [field.rows[i] for i in find_rivals(field.draws, choice.index, rule.margin)]
    more = None if within >= CONFIDENCE else _labeled_rows(field, choice, rule)
    certainty = _say_how_sure(within, [wording.name(rival) for rival in rivals], more, rule.labeled)
    trained = wording.training(row, find_gains(field), field.rows)
    return Recommendation(
        candidate=row.candidate,
        technique=row.technique,
        score=row.validation.score,
        low=row.validation.low,
        high=row.validation.high,
        expected_regret=choice.regret,
        probability_best=float(probability_best(field.draws)[choice.index]),
        probability_within_margin=within,
        decisive=within >= CONFIDENCE,
        reason=f"{_open(field, choice, rule)} {_justify(field, choice, rule, certainty)}{trained}",
        rivals=tuple(rival.name for rival in rivals),
        more_rows=more,
        baseline_suffices=_has_model(field) and not choice.is_forced and any(field.rows[i].baseline for i in choice.eligible),
    )


def _labeled_rows(field: Field, choice: Choice, rule: Rule) -> int | None:
    """Return about how many more labeled rows would be decisive, to two digits."""
    more = more_rows(field.points, field.draws, choice.index, margin=rule.margin, rows=rule.validation_rows)
    return None if more is None else wording.round_up(max(1.0, more * rule.rows_each))


def _has_model(field: Field) -> bool:
    """Tell whether any contender is more than a baseline: without one, nothing is known of what a model is worth."""
    return any(not row.baseline for row in field.rows)


def _open(field: Field, choice: Choice, rule: Rule) -> str:
    """Name the recommended contender; where a baseline is good enough, that comes first."""
    row = field.rows[choice.index]
    if choice.is_forced:
        return wording.name(row)
    if not _has_model(field):
        return f"No foundation model was judged; {wording.name(row)}"
    baselines = [field.rows[i] for i in choice.eligible if field.rows[i].baseline]
    if row.baseline:
        return f"A baseline suffices: {wording.name(row)}, without a foundation model,"
    if baselines:
        name = wording.name(min(baselines, key=rule.cost))
        return f"The baseline {name}, without a foundation model, is already good enough; {wording.name(row)}"
    return wording.name(row)


def _justify(field: Field, choice: Choice, rule: Rule, certainty: str) -> str:
    """Say what the recommended contender has before the others, and how sure that is."""
    most = f"at most the margin of {rule.margin:g} {rule.metric} against the best"
    if len(field.rows) == 1:
        return "is the only contender that qualifies."
    if choice.is_forced:
        least = f"is expected to lose the least against the best, {choice.regret:.3f} {rule.metric}"
        return f"{least}, which is more than the margin of {rule.margin:g}; {certainty}"
    if len(choice.eligible) == 1:
        return f"is the only contender that is expected to lose {most}; {certainty}"
    cost = wording.cost(field.rows[choice.index], rule.measurement)
    is_cheapest = all(rule.cost(field.rows[choice.index]) <= rule.cost(field.rows[i]) for i in choice.eligible)
    cheapest = "the cheapest" if is_cheapest else "as cheap, within a tenth, as the cheapest"
    return f"is {cheapest}{cost} of the {len(choice.eligible)} contenders that are expected to lose {most}; {certainty}"


def _say_how_sure(within: float, rivals: Sequence[str], more: int | None, labeled: str) -> str:
    """Say how probable it is that the choice is good enough, and if it is not decisive what would make it so."""
    sure = f"it is within the margin of the best with probability {wording.probability(within)}"
    if within >= CONFIDENCE:
        return f"{sure}."
    settle = f"more {several(labeled.rpartition(' ')[2])} would hardly settle it, for the difference is about the margin itself"
    if more is not None:
        settle = f"about {more:,} more {labeled if more == 1 else several(labeled)} would"
    return f"{sure}, so it is not separated from {wording.enumerate_some(rivals)}; {settle}."
