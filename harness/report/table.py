"""The ranking as a table: tie groups, intervals on one scale, badges, and what was measured beside the score."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from harness.core.ranking import Estimate, RankedContender, Ranking
from harness.core.report import Badge, Group, Row, Table
from harness.core.shown import Bar, Column, Quantity, Score
from harness.report import columns, numbers, prose
from harness.report.prose import metric_label, plural

_DECIDING = (
    Column(
        key="train_score",
        label="Train",
        help="The metric on the rows it learned from; where that is better than on the validation rows by more than chance and the "
        "margin explain, the small figure says by how much.",
    ),
    Column(
        key="expected_regret",
        label="Regret",
        help="How much of the metric is lost on average by choosing this one, over resamples of the rows; 0 is best.",
    ),
    Column(key="probability_best", label="P(best)", help="How often it is the best of all, over resamples of the rows."),
)
_BADGES = {
    "recommended": Badge(text="recommended", kind="recommended", note="what to fine-tune"),
    "baseline": Badge(text="baseline", kind="baseline", note="no foundation model: what a model must be worth more than"),
    "control": Badge(
        text="control", kind="control", note="random weights: what a pre-trained model must beat to have learned anything of use"
    ),
    "pareto": Badge(
        text="Pareto", kind="pareto", note="no other contender is at least as good in quality, p95 latency and memory at once"
    ),
    "overfit": Badge(
        text="overfits",
        kind="warning",
        note="better on the rows it learned from than chance and the margin explain: more labeled rows are likely to help",
    ),
}
_UNTESTED = "not predicted: it left the race"


class Scale:
    """The range of the metric that every bar is drawn on."""

    def __init__(self, rows: Sequence[RankedContender]) -> None:
        """Span the models' intervals, and those of baselines, controls and half-trained models that lie within that range."""
        models = [row.validation for row in rows if not (row.baseline or row.control or row.is_partial)] or [
            row.validation for row in rows
        ]
        low, high = min(e.low for e in models), max(e.high for e in models)
        self._range = 2 * low - high, 2 * high - low
        seen = [row.validation for row in rows if self.in_view(row.validation)]
        low, high = min(e.low for e in seen), max(e.high for e in seen)
        pad = (high - low) * 0.04 or 0.01
        self._low, self._span = low - pad, high - low + 2 * pad

    def in_view(self, estimate: Estimate) -> bool:
        """Tell whether any of an interval lies within the range; a far one would press all others together."""
        return estimate.high >= self._range[0] and estimate.low <= self._range[1]

    def score(self, estimate: Estimate) -> Score:
        """Return an estimate as it is shown; what lies outside the scale is drawn at its edge."""
        start, end, mark = (self._percent(v) for v in (estimate.low, estimate.high, estimate.score))
        return Score(
            score=estimate.score,
            low=estimate.low,
            high=estimate.high,
            text=numbers.score(estimate.score),
            interval=numbers.interval(estimate.low, estimate.high),
            bar=Bar(start=start, width=round(end - start, 2), mark=mark),
        )

    def _percent(self, value: float) -> float:
        return round(min(max((value - self._low) / self._span * 100, 0.0), 100.0), 2)


def build(ranking: Ranking) -> Table:
    """Return the table; a ranking without rows gives one without groups."""
    label = metric_label(ranking.metric)
    if not ranking.rows:
        return Table(metric=label)
    more = columns.any_measured(columns.MORE, ranking.rows)
    cost = (*columns.COST, *columns.any_measured(columns.SERVED, ranking.rows))
    cost_columns, more_columns = columns.describe(cost, ranking.rows), columns.describe(more, ranking.rows)
    scale = Scale(ranking.rows)
    ordered = sorted(ranking.rows, key=lambda row: (not row.rank, row.tie, row.rank))
    groups: list[Group] = []
    for tie, members in groupby(ordered, key=lambda row: row.tie if row.rank else 0):
        rows = []
        for member in members:
            cells = _deciding(member) | columns.fill(cost, member, cost_columns) | columns.fill(more, member, more_columns)
            rows.append(_row(member, ranking, scale, cells))
        groups.append(Group(tie=tie, title=_title(tie, len(rows), first=not groups), rows=tuple(rows)))
    return Table(
        metric=label,
        columns=(*_DECIDING, *cost_columns),
        more_columns=more_columns,
        groups=tuple(groups),
        conditions=columns.conditions((*cost, *more), (*cost_columns, *more_columns)),
    )


def _row(contender: RankedContender, ranking: Ranking, scale: Scale, cells: dict[str, Quantity]) -> Row:
    chosen = ranking.recommendation
    recommended = chosen is not None and (chosen.candidate, chosen.technique) == (contender.candidate, contender.technique)
    marks = {
        "recommended": recommended,
        "baseline": contender.baseline,
        "control": contender.control,
        "pareto": contender.pareto,
        # On few rows nearly every head fits those it learned from: the mark stands where the reader would go on from it.
        "overfit": contender.overfit and recommended,
    }
    return Row(
        rank=contender.rank,
        tie=contender.tie if contender.rank else 0,
        candidate=contender.candidate,
        technique=contender.technique,
        recommended=recommended,
        qualified=contender.rank > 0,
        baseline=contender.baseline,
        control=contender.control,
        pareto=contender.pareto,
        overfit=contender.overfit,
        in_view=scale.in_view(contender.validation),
        badges=tuple(_BADGES[name] for name, holds in marks.items() if holds),
        validation=scale.score(contender.validation),
        test=scale.score(contender.test) if contender.test else None,
        cells=cells,
        license=contender.license,
        recipe=numbers.settings(contender.recipe),
        notes=(*_seeds(contender), *contender.notes),
        reasons=_reasons(contender, ranking) if contender.rank == 0 else (),
        how=prose.how(contender.technique) if contender.is_trained else "",
        reached=prose.reached(contender.epochs, contender.of),
        untested=_UNTESTED if contender.is_partial and contender.test is None and ranking.test_rows else "",
    )


def _seeds(contender: RankedContender) -> tuple[str, ...]:
    """Say what each seed scored where there was more than one; the first one's score follows from their mean."""
    others = list(contender.repeats.values())
    if not others:
        return ()
    count = len(others) + 1
    each = ", ".join(map(numbers.score, [contender.validation.score * count - sum(others), *others]))
    return (f"trained with {count} seeds: {each}; the score is their mean, and its interval takes seeds as well as rows by lot",)


def _deciding(contender: RankedContender) -> dict[str, Quantity]:
    gap = "" if contender.train_score is None else f"{contender.train_score - contender.validation.score:+.3f}"
    train = numbers.quantity(contender.train_score, numbers.score, note=gap and f"{gap} against validation")
    return {
        "train_score": train.model_copy(update={"detail": gap}) if contender.overfit else train,
        "expected_regret": numbers.quantity(contender.expected_regret, numbers.score),
        "probability_best": numbers.quantity(contender.probability_best, numbers.probability),
    }


def _reasons(contender: RankedContender, ranking: Ranking) -> tuple[str, ...]:
    """Return why a constraint rules the contender out."""
    found = [e.reason for e in ranking.excluded if e.candidate == contender.candidate and e.technique in {"", contender.technique}]
    return tuple(found) or ("a constraint rules it out",)


def _title(tie: int, size: int, *, first: bool) -> str:
    if tie == 0:
        return f"Ruled out by a constraint: {plural(size, 'contender')}"
    if first:
        return (
            "The best: the evidence separates it from all others"
            if size == 1
            else f"The best: {size} contenders that the evidence does not separate"
        )
    return f"Tie group {tie}: " + ("1 contender" if size == 1 else f"{size} contenders that the evidence does not separate")
