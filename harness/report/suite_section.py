"""The tasks of one modality as a reader sees them: the one model, the table of models by tasks, what the single choice costs."""

from __future__ import annotations

from collections.abc import Sequence

from harness.core.ranking import Estimate
from harness.core.report import Advice, Badge
from harness.core.shown import Bar, Column, Fact, Quantity, Score
from harness.core.suite_ranking import Gap, GroupRanking, JudgedTask, Loss, SingleChoice, SuiteRow
from harness.core.suite_report import AbsentLine, LossLine, SuiteCell, SuiteLine, SuiteSection
from harness.report import numbers
from harness.report.prose import contender, how, listing, metric_label, plural

MARGINS = "margins"
_COSTS = {
    "latency": ("p95 latency", "ms", "mean over the tasks", numbers.significant),
    "memory": ("Memory", "MB", "of the task that needs most", numbers.megabytes),
    "throughput": ("Throughput", "rows/s", "mean over the tasks", numbers.significant),
    "parameters": ("Parameters", "", "", numbers.count),
    "training_cost": ("Training", "min", "all tasks together", numbers.significant),
}
_BASELINE = Badge(text="baseline", kind="baseline", note="no foundation model: what a model must be worth more than")
_CHOSEN = Badge(text="recommended", kind="recommended", note="the one model for all tasks")


def build(group: GroupRanking, *, several: bool) -> SuiteSection:
    """Return the section; `several` says that there are others beside it."""
    scale = _Scale([row.regret for row in group.rows if row.regret])
    return SuiteSection(
        key=group.modality,
        title=f"The {_tasks(group, several=several)}",
        advice=_advise(group, several=several),
        unit=unit_label(group.unit),
        tasks=tuple(_column(task) for task in group.tasks),
        columns=_columns(group),
        lines=tuple(_line(group, row, scale) for row in group.rows if row.scores),
        losses=_losses(group),
        absent=tuple(_absent(row.candidate, gap) for row in group.rows for gap in row.gaps),
    )


def unit_label(unit: str) -> str:
    """Name what regrets are counted in.

    >>> unit_label("macro_f1"), unit_label("margins")
    ('macro-F1', 'margins')
    """
    return unit if unit == MARGINS else metric_label(unit)


def regret(value: float, unit: str) -> str:
    """Write a regret.

    >>> regret(0.0123, "macro_f1"), regret(1.26, "margins")
    ('0.012', '1.26')
    """
    return f"{value:.2f}".replace("-0.00", "0.00") if unit == MARGINS else numbers.score(value)


def _interval(found: Estimate, unit: str) -> str:
    return f"[{regret(found.low, unit)}, {regret(found.high, unit)}]"


class _Scale:
    """The range of mean regrets that bars are drawn on, from nothing to the largest that is not far off."""

    def __init__(self, found: Sequence[Estimate]) -> None:
        scores = sorted(one.score for one in found)
        middle = scores[len(scores) // 2] if scores else 0.0
        near = [one.high for one in found if one.score <= 4 * middle] or [0.0]
        self._most = max(near) or 1.0

    def score(self, found: Estimate, unit: str) -> Score:
        start, end, mark = (round(min(max(v / self._most * 100, 0.0), 100.0), 2) for v in (found.low, found.high, found.score))
        return Score(
            score=found.score,
            low=found.low,
            high=found.high,
            text=regret(found.score, unit),
            interval=_interval(found, unit),
            bar=Bar(start=start, width=round(end - start, 2), mark=mark),
        )


def _tasks(group: GroupRanking, *, several: bool) -> str:
    """Name the tasks of a group in a sentence."""
    kind = f"{group.modality} " if several else ""
    return f"{kind}task" if len(group.tasks) == 1 else f"{len(group.tasks)} {kind}tasks"


def _advise(group: GroupRanking, *, several: bool) -> Advice:
    """Return the choice of a group in words."""
    single, tasks = group.single, _tasks(group, several=several)
    own = [task.task for task in group.tasks if task.recommendation]
    if single is None:
        lacking = [task.task for task in group.tasks if task.recommendation is None]
        why = f"Nothing qualifies on {listing(lacking)}." if lacking else "No model has a score on every one of them."
        rest = f" What {listing(own)} by itself would take stands below." if own else ""
        return Advice(headline=f"No model serves the {tasks}", sentences=(f"{why}{rest}",))
    row = next(row for row in group.rows if row.candidate == single.candidate)
    return Advice(
        headline=_headline(single, row, tasks, alone=len(group.tasks) == 1),
        verdict=_verdict(single, alone=len(group.tasks) == 1),
        candidate=single.candidate,
        technique=single.technique,
        decisive=single.decisive,
        baseline_suffices=single.baseline_suffices,
        sentences=tuple(s for s in (single.reason, _techniques(single, row), _price(single, group)) if s),
        facts=_facts(single, row, group),
    )


def _headline(single: SingleChoice, row: SuiteRow, tasks: str, *, alone: bool) -> str:
    for_all = f"the {tasks}" if alone else f"both {tasks.removeprefix('2 ')}" if tasks.startswith("2 ") else f"all {tasks}"
    if row.baseline and single.baseline_suffices:
        return f"You need no foundation model for {for_all}: {single.candidate} is enough"
    if row.baseline:
        return f"So far the choice for {for_all} is the baseline {single.candidate}"
    if single.baseline_suffices:
        return f"A baseline is nearly as good for {for_all}; the model to take is {single.candidate}"
    return f"One model for {for_all}: {single.candidate}"


def _verdict(single: SingleChoice, *, alone: bool) -> str:
    if single.decisive:
        return "Decisive"
    if single.more_times:
        rows = "labeled rows" if alone else "labeled rows of every task"
        return f"Not decisive: about {single.more_times:g} times the {rows} would settle it"
    return "Not decisive: more rows would hardly settle it"


def _techniques(single: SingleChoice, row: SuiteRow) -> str:
    """Say with which technique it stands where, and whether one serves all."""
    if single.technique == "fit" or len(row.scores) == 1:
        return ""
    if single.technique:
        return f"The same technique serves all tasks: {how(single.technique)}."
    by_technique: dict[str, list[str]] = {}
    for score in row.scores:
        by_technique.setdefault(how(score.technique), []).append(score.task)
    return f"Its technique differs: {'; '.join(f'{name} on {listing(tasks)}' for name, tasks in by_technique.items())}."


def _price(single: SingleChoice, group: GroupRanking) -> str:
    """Say what is lost by taking one model for all."""
    if len(group.tasks) == 1:
        return ""
    others = [loss for loss in single.losses if loss.candidate != single.candidate]
    if not others:
        return "Each task by itself recommends the same model, so that the single choice costs nothing."
    cost, unit = single.cost, unit_label(group.unit)
    amount = f"{regret(abs(cost.score), group.unit)} {unit} {_interval(cost, group.unit)}"
    if cost.score < 0:
        more = f"{regret(-cost.score, group.unit)} {unit}"
        return f"On average it scores {more} higher than what the tasks by themselves recommend: those are cheaper."
    doubt = ", which these rows do not tell from nothing" if cost.low <= 0 else ""
    scales = {task.task: task.scale for task in group.tasks}
    worst = max(others, key=lambda loss: loss.loss / (scales[loss.task] or 1.0))
    most = f"; most is lost on {worst.task}" if len(others) > 1 and worst.loss > 0 else ""
    return f"Choosing for each task instead would gain {amount} on average{doubt}{most}."


def _facts(single: SingleChoice, row: SuiteRow, group: GroupRanking) -> tuple[Fact, ...]:
    unit, complete = unit_label(group.unit), sum(row.rank > 0 for row in group.rows)
    label, suffix, note, write = _COSTS[group.prefer]
    facts = [
        Fact(
            label="Mean regret", text=regret(single.regret.score, group.unit), note=f"{_interval(single.regret, group.unit)} {unit}"
        ),
        Fact(label="Mean rank", text=f"{single.place.score:.1f}", note=f"{_places(single.place)} of {plural(complete, 'model')}"),
    ]
    if len(group.tasks) > 1:
        cost = f"{_interval(single.cost, group.unit)} {unit}"
        facts.append(Fact(label="Cost of a single choice", text=regret(single.cost.score, group.unit), note=cost))
    sure = numbers.probability(single.probability_within_margin)
    margin = f"{group.margin:.3g} {unit}" if group.unit != MARGINS else "1"
    facts.append(Fact(label="Within the margin of the best", text=sure, note=f"probability; margin {margin}"))
    if row.cost is not None:
        facts.append(Fact(label=label, text=f"{write(row.cost)} {suffix}".strip(), note=note))
    return (*facts, Fact(label="License", text=row.license))


def _places(found: Estimate) -> str:
    return f"[{found.low:.1f}, {found.high:.1f}]"


def _column(task: JudgedTask) -> Column:
    label = metric_label(task.metric) + ("" if task.higher_is_better else ", lower is better")
    weight = f"{task.share:.0%} of the weights; margin {task.margin:g}"
    return Column(key=task.task, label=task.task, unit=label, help=weight)


def _columns(group: GroupRanking) -> tuple[Column, ...]:
    label, unit, note, _ = _COSTS[group.prefer]
    return (
        Column(key="place", label="Mean rank", help="Its place among the models with a score on every task, 1 the best."),
        Column(
            key="excess",
            label="To best single",
            unit=unit_label(group.unit),
            help="What it is expected to lose on average against the best single model; the choice is made by this and the cost.",
        ),
        Column(key="best", label="P(best)", help="How often it is the best single model, over resamples of the rows."),
        Column(key="cost", label=label, unit=unit, help=f"What is preferred to be small or large; {note}." if note else ""),
    )


def _line(group: GroupRanking, row: SuiteRow, scale: _Scale) -> SuiteLine:
    chosen = group.single is not None and group.single.candidate == row.candidate
    write = _COSTS[group.prefer][3]
    return SuiteLine(
        rank=row.rank,
        candidate=row.candidate,
        license=row.license,
        recommended=chosen,
        qualified=row.rank > 0,
        badges=(*((_CHOSEN,) if chosen else ()), *((_BASELINE,) if row.baseline else ())),
        regret=scale.score(row.regret, group.unit) if row.regret else None,
        figures={
            "place": _place(row.place),
            "excess": numbers.quantity(row.excess, lambda value: regret(value, group.unit)),
            "best": numbers.quantity(row.probability_best, numbers.probability),
            "cost": numbers.quantity(row.cost, write),
        },
        cells=tuple(_cell(row, task.task) for task in group.tasks),
    )


def _place(found: Estimate | None) -> Quantity:
    if found is None:
        return Quantity(note="no score on some task")
    return Quantity(value=found.score, text=f"{found.score:.1f}", detail=_places(found), note="")


def _cell(row: SuiteRow, task: str) -> SuiteCell:
    score = row.find(task)
    if score is None:
        gap = next(gap for gap in row.gaps if gap.task == task)
        return SuiteCell(technique=gap.state, note=gap.reason)
    test = f"; test {numbers.score(score.test.score)} {numbers.interval(score.test.low, score.test.high)}" if score.test else ""
    return SuiteCell(
        text=numbers.score(score.validation.score),
        interval=numbers.interval(score.validation.low, score.validation.high),
        technique=how(score.technique),
        regret=numbers.score(score.expected_regret),
        chosen=score.recommended,
        note=f"regret {numbers.score(score.expected_regret)}{test}",
    )


def _losses(group: GroupRanking) -> tuple[LossLine, ...]:
    """Return what the single model loses on each task; nothing where every task takes the same model."""
    single = group.single
    if single is None or all(loss.candidate == single.candidate for loss in single.losses):
        return ()
    return tuple(_loss(loss, single, group) for loss in single.losses)


def _loss(loss: Loss, single: SingleChoice, group: GroupRanking) -> LossLine:
    task = next(task for task in group.tasks if task.task == loss.task)
    mine = next(row for row in group.rows if row.candidate == single.candidate).find(loss.task)
    same = loss.candidate == single.candidate
    if same:
        verdict = "the same model"
    elif loss.low > 0:
        verdict = "the task's own choice is better"
    elif loss.high < 0:
        verdict = "the single choice is better"
    else:
        verdict = "not told apart by these rows"
    return LossLine(
        task=loss.task,
        single=contender(single.candidate, mine.technique if mine else ""),
        own=contender(loss.candidate, loss.technique),
        loss=numbers.quantity(loss.loss, numbers.score),
        interval="" if same else numbers.interval(loss.low, loss.high),
        metric=metric_label(task.metric),
        verdict=verdict,
    )


def _absent(candidate: str, gap: Gap) -> AbsentLine:
    return AbsentLine(candidate=candidate, task=gap.task, state=gap.state, reason=gap.reason)
