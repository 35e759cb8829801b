"""Everything that a run with training has to show beyond the ranking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.core.ranking import Gain, RankedContender, Ranking
from harness.core.report import Table
from harness.core.run import RunInfo
from harness.core.shown import Bar, Column, Fact, FigureNote
from harness.core.training_report import Curve, GainCell, Matrix, RaceCourse, TrainedRow, Training
from harness.core.trial import Epoch, Finished, Record
from harness.report import columns, curve_chart, matrix, numbers, prose, race

RACE, CURVES = "race", "learning-curves"


def build(info: RunInfo, ranking: Ranking, ranked: Table, records: Sequence[Record]) -> Training | None:
    """Return what is to be shown of training; None where nothing was to be trained."""
    if info.race is None:
        return None
    rows = [row for row in ranking.rows if row.is_trained]
    kinds = columns.any_measured(columns.TRAINING, rows)
    described = columns.describe(kinds, rows)
    course = race.build(info.race, ranking)
    curves = _curves(rows, ranking, records)
    return Training(
        facts=tuple(_facts(info)),
        matrix=matrix.build(ranking, ranked, records) if rows else Matrix(),
        columns=described,
        rows=tuple(_row(row, ranking, kinds, described) for row in rows),
        conditions=columns.conditions(kinds, described),
        race=course,
        curves=curves,
        figures=tuple(_figures(course, curves, prose.metric_label(ranking.metric))),
    )


def _facts(info: RunInfo) -> Iterable[Fact]:
    yield Fact(label="Effort", text=info.settings.effort)
    budget = info.settings.budget_s
    yield Fact(
        label="Budget",
        text="none" if budget is None else numbers.duration(budget).removesuffix(" 0 s").removesuffix(" 0 min"),
        note="of time, for all of the run",
    )
    if info.race and info.race.plan:
        yield Fact(label="Plan", text=info.race.plan)


def _row(contender: RankedContender, ranking: Ranking, kinds: Sequence[columns.Kind], described: Sequence[Column]) -> TrainedRow:
    chosen = ranking.recommendation
    cells = columns.fill(kinds, contender, described)
    share = contender.value("trainable_share")
    if share is not None and "trainable_parameters" in cells:
        cells["trainable_parameters"] = cells["trainable_parameters"].model_copy(update={"detail": numbers.percent(share)})
    return TrainedRow(
        candidate=contender.candidate,
        technique=contender.technique,
        how=prose.how(contender.technique),
        recommended=chosen is not None and (chosen.candidate, chosen.technique) == (contender.candidate, contender.technique),
        reached=prose.reached(contender.epochs, contender.of),
        gain=_gain(contender, ranking),
        cells=cells,
        recipe=numbers.settings(contender.recipe),
    )


def _gain(contender: RankedContender, ranking: Ranking) -> GainCell | None:
    mine = next((g for g in ranking.gains if (g.candidate, g.technique) == (contender.candidate, contender.technique)), None)
    if mine is None:
        return None
    ended = {(row.candidate, row.technique) for row in ranking.rows if not row.is_partial}
    scale = _GainScale([gain for gain in ranking.gains if (gain.candidate, gain.technique) in ended])
    write, _ = numbers.gain_writer(ranking.metric)
    return GainCell(
        text=write(mine.gain),
        interval=f"[{write(mine.low)}, {write(mine.high)}]",
        over=prose.how(mine.over),
        verdict=_verdict(mine),
        bar=None if contender.is_partial else scale.bar(mine),
        zero=scale.place(0.0),
    )


def _verdict(gain: Gain) -> str:
    if gain.is_seen:
        return ""
    return "a loss" if gain.high < 0 else "not told from nothing"


class _GainScale:
    """The range of gains that every bar is drawn on; it holds nothing gained and nothing lost."""

    def __init__(self, gains: Sequence[Gain]) -> None:
        low, high = min(0.0, *(g.low for g in gains), 0.0), max(0.0, *(g.high for g in gains), 0.0)
        pad = (high - low) * 0.04 or 0.01
        self._low, self._span = low - pad, high - low + 2 * pad

    def place(self, value: float) -> float:
        """Return where a gain lies, in percent of the scale."""
        return round((value - self._low) / self._span * 100, 2)

    def bar(self, gain: Gain) -> Bar:
        start, end = self.place(gain.low), self.place(gain.high)
        return Bar(start=start, width=round(end - start, 2), mark=self.place(gain.gain))


def _curves(rows: Sequence[RankedContender], ranking: Ranking, records: Sequence[Record]) -> tuple[Curve, ...]:
    """Return the curve of each trained contender's recipe that stands in the ranking, joined over the rounds."""
    runners = {record.trial.key: record.trial.runner for record in records if record.trial.measures == "training"}
    chosen = ranking.recommendation
    found = []
    for row in rows:
        mine = [
            record.outcome
            for record in records
            if isinstance(record.outcome, Finished) and runners.get(record.trial.key, "-") == runners.get(row.trial)
        ]
        points: dict[float, Epoch] = {}
        for place, one in enumerate(mine, start=1):
            # Where a later round went on, the last point of an earlier one is of a mean of weights, and of no step on the way.
            is_mean = one.recipe.get("weights") == "averaged" and place < len(mine)
            points |= {point.epoch: point for point in one.curve[: -1 if is_mean else None]}
        recommended = chosen is not None and (chosen.candidate, chosen.technique) == (row.candidate, row.technique)
        name = f"{row.candidate} · {prose.how(row.technique)}"
        if points:
            of = max(row.of or 0.0, *points)
            found.append(Curve(name=name, recommended=recommended, of=of, points=tuple(points[at] for at in sorted(points))))
    return tuple(sorted(found, key=lambda curve: not curve.recommended))


def _figures(course: RaceCourse, curves: Sequence[Curve], metric: str) -> Iterable[FigureNote]:
    scored = [runner for runner in course.runners if any(score.value is not None for score in runner.scores)]
    if len(scored) > 1 or (scored and len(course.shares) > 1):
        left = sum(runner.left for runner in scored)
        frozen = " The dashed line is the best that the models do without being trained." if course.frozen is not None else ""
        yield FigureNote(
            name=RACE,
            title=f"{metric} over the rounds of the race",
            alt=f"{metric} of {prose.plural(len(scored), 'contender')} over {prose.plural(len(course.shares), 'round')} of the "
            f"race; {left} left before the end. The same numbers stand in the table beside it.",
            caption=f"Each line is a contender, each point its validation score after a round; a cross is where it left.{frozen} "
            "Names stand where there is room, else numbers of the table's rows.",
        )
    if curves:
        more = f" The first {curve_chart.MOST} of {len(curves)} are shown." if len(curves) > curve_chart.MOST else ""
        yield FigureNote(
            name=CURVES,
            title="Learning curves",
            alt=f"Loss and {metric} by epoch of {prose.plural(min(len(curves), curve_chart.MOST), 'trained contender')}: "
            "training and validation.",
            caption=f"Above the loss, below {metric}, by epoch. Solid lines with points are the validation rows, dashed lines the "
            "training rows. Where the loss of validation rises while that of training falls, the model overfits."
            f"{more}",
        )
