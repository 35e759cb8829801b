"""From the ranking of a suite to everything a reader is shown. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from harness.core.report import Step
from harness.core.run import RunInfo
from harness.core.shown import Fact
from harness.core.suite import SuiteInfo
from harness.core.suite_ranking import GroupRanking, JudgedTask, SuiteRanking
from harness.core.suite_report import MissingLine, SuiteReport, TaskLine
from harness.core.technique_names import ASKED, UNTAUGHT
from harness.report import facts, numbers
from harness.report.prose import clean_all, contender, listing, metric_label, plural
from harness.report.suite_section import MARGINS, build, unit_label


def summarise(
    info: SuiteInfo, ranking: SuiteRanking, parts: Sequence[RunInfo], links: Mapping[str, str] | None = None
) -> SuiteReport:
    """Return the report; `parts` are the heads of the tasks' own runs, `links` lead to their reports by the tasks' names."""
    heads = {part.task.name: part for part in parts}
    sections = tuple(build(group, several=len(ranking.groups) > 1) for group in ranking.groups)
    report = SuiteReport(
        run=info.run,
        suite=info.suite.name,
        title=f"Which model for the {plural(len(info.entries), 'task')} of {info.suite.name}?",
        description=info.suite.description,
        started=info.started,
        headline=" ".join(f"{section.advice.headline}." for section in sections) or "No task was judged.",
        warnings=tuple(_warnings(info, ranking, heads)),
        sections=sections,
        tasks=tuple(_task(task, heads[task.task], links or {}) for group in ranking.groups for task in group.tasks),
        missing=tuple(MissingLine(task=lost.task, reason=lost.reason, hint=numbers.or_dash(lost.hint)) for lost in ranking.missing),
        next=_next(info, ranking),
        method=tuple(_method(ranking)),
        facts=_facts(parts),
        command=command(info),
    )
    return SuiteReport.model_validate(clean_all(report.model_dump()))


def command(info: SuiteInfo) -> str:
    """Return the line that repeats the run."""
    settings = info.settings
    parts = ["bench", "compare"]
    named = [info.suite.name] if info.path else [member.task for member in info.suite.tasks]
    for name in named:
        parts += ["--task", name]
    for flag, values in (("--candidates", settings.candidates), ("--techniques", settings.techniques)):
        parts += [flag, ",".join(values)] if values else []
    for change in settings.constraints:
        parts += ["--constraint", change]
    for name, path in settings.data_of.items():
        parts += ["--data", f"{name}={path}"]
    parts += ["--device", settings.device] if settings.device != "auto" else []
    parts += ["--seed", str(settings.seed)]
    parts += ["--effort", settings.effort] if settings.effort != "standard" else []
    parts += ["--budget", f"{settings.budget_s:g}s"] if settings.budget_s is not None else []
    parts += ["--offline"] if settings.offline else []
    return shlex.join(parts)


def _task(task: JudgedTask, head: RunInfo, links: Mapping[str, str]) -> TaskLine:
    chosen = task.recommendation
    return TaskLine(
        task=task.task,
        description=head.task.description,
        link=links.get(task.task, ""),
        run=task.run,
        weight=f"{task.weight:g}",
        metric=metric_label(task.metric) + ("" if task.higher_is_better else " (lower is better)"),
        margin=f"{task.margin:g}",
        rows=f"{task.validation_rows:,} / {task.test_rows:,}",
        choice=contender(chosen.candidate, chosen.technique) if chosen else "nothing qualifies",
        score=numbers.score(chosen.score) if chosen else numbers.or_dash(""),
        interval=numbers.interval(chosen.low, chosen.high) if chosen else "",
        verdict=("decisive" if chosen.decisive else "not decisive") if chosen else "",
    )


def _warnings(info: SuiteInfo, ranking: SuiteRanking, heads: Mapping[str, RunInfo]) -> list[str]:
    """Return what a reader must know first: tasks that are missing or were stopped, and those on other rows than their own."""
    told = []
    if ranking.missing:
        names = [lost.task for lost in ranking.missing]
        told.append(
            f"{len(names)} of {plural(len(info.entries), 'task')} could not be judged ({listing(names)}): everything here is of "
            f"the others. `{command(info)} --resume {info.run}` goes on."
        )
    stopped = [task.task for group in ranking.groups for task in group.tasks if task.unfinished]
    if stopped:
        told.append(
            f"{listing(stopped)}: the run was stopped before everything was tried, so that others may be better there. "
            f"`{command(info)} --resume {info.run}` goes on."
        )
    limits = info.settings.constraints
    if any(head.settings.constraints != limits for head in heads.values()):
        told.append(
            f"Ranked again under {listing(limits, 12)}. The tasks' own reports, to which their names lead, stand as they were."
        )
    replaced = [name for name, head in heads.items() if head.settings.data]
    if replaced:
        told.append(f"Other rows than its own were given for {listing(replaced)}.")
    failed = [entry.task for entry in info.entries if entry.error and entry.task in heads]
    if failed:
        told.append(f"{listing(failed)} failed when it was last taken up; what it had measured before is shown.")
    return told


def _next(info: SuiteInfo, ranking: SuiteRanking) -> tuple[Step, ...]:
    steps = []
    for group in ranking.groups:
        place = _to_train(group)
        if group.single and place:
            line = ["bench", "finetune", place.run, "--candidate", group.single.candidate, "--out", f"models/{place.task}"]
            why = f"To train {group.single.candidate} on the rows of a task, here {place.task}:"
            steps.append(Step(why=why, command=shlex.join(line)))
    again = shlex.join(["bench", "report", info.run])
    steps.append(Step(why="To see what another limit on every task would lead to:", command=f"{again} --constraint KEY=VALUE"))
    steps.append(Step(why="To render this report again from the records of the tasks:", command=again))
    return tuple(steps)


def _to_train(group: GroupRanking) -> JudgedTask | None:
    """Return the first task on which the one model stands with a technique that learns weights; None where there is none."""
    chosen = next((row for row in group.rows if group.single and row.candidate == group.single.candidate), None)
    if chosen is None or chosen.baseline:
        return None
    learned = {score.task for score in chosen.scores if score.technique not in {*UNTAUGHT, *ASKED, "fit", "knn"}}
    return next((task for task in group.tasks if task.task in learned), None)


def _method(ranking: SuiteRanking) -> list[str]:
    """Say how the tasks were joined, in sentences."""
    told = [
        "Each task was compared by itself, and ranks by its own validation rows; its own report has everything that was measured. "
        "Nothing of one task was used on another.",
        "On each task a model stands with the technique that scored best there, or with the one that the task recommends it with.",
        "Mean regret: what is lost, as a weighted mean over the tasks, by taking this model instead of the best contender of each "
        "task. Mean rank: its place among the models that have a score on every task, in each resample. Scores themselves are "
        "not averaged.",
    ]
    for group in ranking.groups:
        if group.unit == MARGINS:
            margins = listing([f"{task.margin:g} {metric_label(task.metric)} on {task.task}" for task in group.tasks], 12)
            told.append(
                f"The {group.modality} tasks share no metric of which more is better: the regret on each is divided by its margin "
                f"({margins}) before it is averaged."
            )
        elif len(group.tasks) > 1:
            told.append(f"Regrets of the {group.modality} tasks are in {unit_label(group.unit)}, the metric of all of them.")
    if len(ranking.groups) > 1:
        told.append("What reads texts is not compared with what reads pictures: each kind of input has a choice of its own.")
    told.append(
        "The one model is the cheapest of those whose mean regret is expected to exceed that of the best single model by at most "
        "the margin, which is the weighted mean of the tasks' margins. Latency and throughput are means over the tasks, memory and "
        "parameters those of the largest, training times add up."
    )
    told.append(
        "The rows of the tasks are independent of each other: each task's resamples are its own, and are combined draw by draw. "
        "Intervals hold the truth in 95 of 100 cases."
    )
    return told


def _facts(parts: Sequence[RunInfo]) -> tuple[Fact, ...]:
    """Return the machine and the versions, as the first task's run saw them."""
    return (*facts.machine(parts[0]), *facts.versions(parts[0])) if parts else ()
