"""The story of a suite: each of its tasks is compared by itself, one after the other, and then they are judged together."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from harness.comparison import FORMATS, Changes, Comparison, check_formats, check_inputs, compare, make_place, reopen
from harness.core.candidate import Registered
from harness.core.metric_facts import facts_of
from harness.core.progress import Progress
from harness.core.run import Settings
from harness.core.suite import Entry, SuiteInfo
from harness.core.suite_ranking import MissingTask, SingleChoice, SuiteRanking
from harness.errors import BenchError, TaskError, WorkspaceError, raise_all
from harness.execute.clock import Clock
from harness.execute.plan import quickest_s
from harness.execute.screening import Observer
from harness.load.faults import each_fault
from harness.load.suites import LoadedSuite, assign_data, gather_tasks, load_suite
from harness.load.tasks import LoadedTask
from harness.load.workspace import Workspace, load_workspaces
from harness.store import runs, suite_runs

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class SuiteComparison:
    """A finished comparison on several tasks; `parts` are those of the tasks that were judged."""

    folder: Path
    info: SuiteInfo
    result: SuiteRanking
    parts: tuple[Comparison, ...]
    interrupted: bool = False
    files: Mapping[str, Path] = field(default_factory=dict)

    @property
    def choices(self) -> dict[str, SingleChoice]:
        """Return by modality the one model for all its tasks, where there is one."""
        return {group.modality: group.single for group in self.result.groups if group.single}

    @property
    def ranking(self) -> pd.DataFrame:
        """Return one row a model and modality, best first, with mean regret and mean rank; those that lack a task come last."""
        import pandas as pd  # noqa: PLC0415 - the command line does without

        rows = []
        for group in self.result.groups:
            for row in group.rows:
                kept: dict[str, object] = {"modality": group.modality}
                kept |= row.model_dump(exclude={"regret", "place", "scores", "gaps"})
                for name, found in (("regret", row.regret), ("place", row.place)):
                    kept |= {name: found and found.score, f"{name}_low": found and found.low, f"{name}_high": found and found.high}
                rows.append(kept | {score.task: score.validation.score for score in row.scores})
        return pd.DataFrame(rows)

    def write(self, folder: str | Path | None = None, formats: Sequence[str] = FORMATS) -> SuiteComparison:
        """Write report.html, report.md and report.json; return the comparison with their paths in `files`.

        Raises:
            WorkspaceError: a format is unknown, or the folder cannot be written.
        """
        from harness.report.suite_document import links_to, write  # noqa: PLC0415 - rendering is slow to import
        from harness.report.suite_summary import summarise  # noqa: PLC0415 - as above

        check_formats(formats)
        place = make_place(Path(folder or self.folder))
        links = links_to({part.info.task.name: part.folder for part in self.parts}, place)
        report = summarise(self.info, self.result, tuple(part.info for part in self.parts), links)
        return replace(self, files=write(report, place, formats))


def compare_suite(
    suite: str | Sequence[str],
    settings: Settings | Changes | None = None,
    *,
    workspace: str | Path = ".",
    observe: Observer | None = None,
    resume: str | None = None,
    formats: Sequence[str] = FORMATS,
) -> SuiteComparison:
    """Compare candidates on every task of a suite, or of a list of tasks, and choose one model for all and one for each.

    Each task has a run of its own, as `compare` makes it. The files, rows and cards of all tasks are found sound before the first
    is run; what fails after that costs its own task only. A budget is shared out between the tasks that are left. `resume` names a
    run of the suite to go on with (`latest`: its last one).

    Raises:
        BenchError: the input must be mended; the text says where and how.
        KeyboardInterrupt: the user stopped it before any trial was finished.
    """
    tell, begun, reports = observe or (lambda _progress: None), monotonic(), Path(workspace) / "reports"
    check_formats(formats)
    workspaces = load_workspaces(Path(workspace))
    found = load_suite(suite, workspaces) if isinstance(suite, str) else gather_tasks(suite, workspaces)
    folder = None if resume is None else suite_runs.find_earlier(reports, found.suite.name, resume)
    earlier = None if folder is None else suite_runs.read_info(folder)
    before = earlier.settings if earlier else Settings()
    settings = settings.apply(before) if isinstance(settings, Changes) else settings or before
    tell(Progress("message", text=f"reading the rows of {len(found.tasks)} tasks"))
    _check(found, settings, workspaces, begun)
    info = _head(found, settings, reports, earlier)
    folder = folder or suite_runs.create(reports, found.suite.name, info.run)
    with runs.hold(folder):
        suite_runs.write_info(folder, info)
        tour = _Tour(found, workspace, tell, tuple(formats))
        info, done, interrupted = tour.run(folder, info, begun)
        parts, missing = _gather(reports, info, done)
        if interrupted and not parts:
            if earlier is None:
                shutil.rmtree(folder)
            raise KeyboardInterrupt
        finished = _judge(folder, info, parts, missing, interrupted=interrupted).write(formats=formats)
        runs.point_latest(folder)
        return finished


def reopen_suite(run: str, *, workspace: str | Path = ".", changes: Sequence[str] = ()) -> SuiteComparison | None:
    """Judge a finished run of a suite again from the records of its tasks, with constraints changed if asked; None if it is none.

    Raises:
        WorkspaceError: it cannot be read.
    """
    reports = Path(workspace) / "reports"
    folder = suite_runs.find(reports, run)
    if folder is None:
        return None
    info = suite_runs.read_info(folder)
    parts, missing = _gather(reports, info, {}, changes)
    settings = info.settings.model_copy(update={"constraints": (*info.settings.constraints, *changes)})
    info = info.model_copy(update={"settings": settings})
    return _judge(folder, info, parts, missing, interrupted=False)


def _check(found: LoadedSuite, settings: Settings, workspaces: Sequence[Workspace], begun: float) -> None:
    """Read what every task would begin with; all faults of all tasks are shown at once, the same one once.

    Raises:
        BenchError: something must be mended, or the budget is too small.
    """
    if settings.data is not None:
        raise WorkspaceError("the rows of which task are meant?", where="--data", hint="write TASK=PATH")
    assign_data([f"{name}={path}" for name, path in settings.data_of.items()], [task.task.name for task in found.tasks])
    faults: dict[str, BenchError] = {}
    sound: list[LoadedTask] = []
    least_s = 0.0
    for loaded in found.tasks:
        try:
            task, chosen = check_inputs(loaded, _settings_of(settings, loaded.task.name, "", None), workspaces)
        except BenchError as error:
            faults |= {str(fault): fault for fault in each_fault(error)}
        else:
            sound.append(replace(loaded, task=task))
            able = [one for one in chosen if isinstance(one, Registered)]
            least_s += quickest_s(able) if able else 0.0
    raise_all([*faults.values(), *_check_margins(sound)])
    least_s += monotonic() - begun
    if settings.budget_s is not None and settings.budget_s < least_s:
        what = f"a budget of {settings.budget_s:g} s is too small for {len(found.tasks)} tasks"
        raise WorkspaceError(what, where="--budget", hint=f"give {math.ceil(least_s)}s or more: a trial of each takes as long")


def _check_margins(tasks: Sequence[LoadedTask]) -> list[BenchError]:
    """Return a fault for each task without a margin whose regret is to be counted in margins."""
    faults: list[BenchError] = []
    for loaded in tasks:
        beside = [other.task.metric for other in tasks if other.task.modality == loaded.task.modality]
        is_shared = len(set(beside)) == 1 and facts_of(beside[0]).better == "higher"
        if loaded.task.margin == 0 and len(beside) > 1 and not is_shared:
            what = f'"{loaded.task.name}" has a margin of 0, and the tasks share no metric: their regrets cannot be averaged'
            hint = "say under `margin` what difference does not matter"
            faults.append(TaskError(what, where=str(loaded.path), hint=hint))
    return faults


def _settings_of(settings: Settings, task: str, run: str, budget_s: float | None) -> Settings:
    """Return the settings of one task's own run."""
    mine: dict[str, object] = {"data": settings.data_of.get(task), "data_of": {}, "suite": run, "budget_s": budget_s}
    return settings.model_copy(update=mine)


def _head(found: LoadedSuite, settings: Settings, reports: Path, earlier: SuiteInfo | None) -> SuiteInfo:
    """Return the head of a new run, or that of one that is taken up again, with the runs that its tasks have already."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    run = earlier.run if earlier else runs.new_run_id()
    known = {entry.task: entry.run for entry in earlier.entries} if earlier else {}
    entries = []
    for loaded, member in zip(found.tasks, found.suite.tasks, strict=True):
        name = loaded.task.name
        mine = known.get(name, "")
        if earlier and not (mine and (reports / name / mine / "run.json").is_file()):
            mine = suite_runs.find_part(reports, name, run)
        entries.append(Entry(task=name, path=str(loaded.path), weight=member.weight, run=mine))
    return SuiteInfo(
        run=run,
        suite=found.suite,
        path=str(found.path or ""),
        settings=settings,
        entries=tuple(entries),
        started=earlier.started if earlier else now,
        resumed=(*earlier.resumed, now) if earlier else (),
    )


@dataclass(frozen=True, slots=True)
class _Tour:
    """The tasks of a suite, run one after the other."""

    found: LoadedSuite
    workspace: str | Path
    tell: Observer
    formats: tuple[str, ...]

    def run(self, folder: Path, info: SuiteInfo, begun: float) -> tuple[SuiteInfo, dict[str, Comparison], bool]:
        """Run what is left, and keep the head up to date; tell also whether the user stopped it."""
        clock = Clock(info.settings.budget_s, begun, lambda: False)
        done: dict[str, Comparison] = {}
        for place, loaded in enumerate(self.found.tasks):
            entry, left = info.entries[place], len(info.entries) - place
            share = None if math.isinf(clock.left()) else max(0.0, clock.left()) / left
            try:
                self.tell(Progress("message", text=f"task {place + 1} of {len(info.entries)}: {entry.task}"))
                result = self._compare(loaded, entry, _settings_of(info.settings, entry.task, info.run, share))
            except KeyboardInterrupt:
                return info, done, True
            except BenchError as error:
                # What stands of it from before, if anything, counts still.
                first = each_fault(error)[0]
                info = _note(folder, info, place, {"error": first.what, "hint": first.hint})
                self.tell(Progress("message", text=f"{entry.task} failed: {first.what}"))
                continue
            done[entry.task] = result
            info = _note(folder, info, place, {"run": result.info.run, "error": "", "hint": ""})
            if result.interrupted:
                return info, done, True
        return info, done, False

    def _compare(self, loaded: LoadedTask, entry: Entry, settings: Settings) -> Comparison:
        path, resume = str(loaded.path), entry.run or None
        return compare(path, settings, workspace=self.workspace, observe=self.tell, resume=resume, formats=self.formats)


def _note(folder: Path, info: SuiteInfo, place: int, changes: Mapping[str, str]) -> SuiteInfo:
    """Change an entry of the head, on the disk too."""
    entries = list(info.entries)
    entries[place] = entries[place].model_copy(update=dict(changes))
    info = info.model_copy(update={"entries": tuple(entries)})
    suite_runs.write_info(folder, info)
    return info


def _gather(
    reports: Path, info: SuiteInfo, done: Mapping[str, Comparison], changes: Sequence[str] = ()
) -> tuple[list[Comparison], list[MissingTask]]:
    """Return what is known of every task: just compared, or read back from its own run; and of which nothing is known."""
    parts, missing = [], []
    for entry in info.entries:
        run = entry.run or suite_runs.find_part(reports, entry.task, info.run)
        lost = MissingTask(
            task=entry.task, weight=entry.weight, reason=entry.error or "it was not reached", hint=entry.hint, run=run
        )
        try:
            found = done.get(entry.task) or (reopen(str(reports / entry.task / run), changes=changes) if run else None)
        except BenchError as error:
            found, lost = None, lost.model_copy(update={"reason": error.what, "hint": error.hint})
        if found is not None and not found.result.rows:
            found, lost = None, lost.model_copy(update={"reason": entry.error or "no contender was measured", "hint": ""})
        if found is None:
            missing.append(lost)
        else:
            parts.append(found)
    return parts, missing


def _unfinished(part: Comparison) -> int:
    return len(set(part.info.plan) - {record.trial.key for record in part.journal})


def _judge(
    folder: Path, info: SuiteInfo, parts: Sequence[Comparison], missing: Sequence[MissingTask], *, interrupted: bool
) -> SuiteComparison:
    from harness.rank.suite import rank_suite  # noqa: PLC0415 - numpy is not needed to say that a task is wrong
    from harness.rank.suite_evidence import Part  # noqa: PLC0415 - as above

    weights = {entry.task: entry.weight for entry in info.entries}
    judged = [
        Part(weights[part.info.task.name], part.info.task.modality, part.info.run, part.result, part.choosable, _unfinished(part))
        for part in parts
        if part.choosable is not None
    ]
    result = rank_suite(info.suite.name, judged, missing, seed=info.settings.seed)
    return SuiteComparison(folder, info, result, tuple(parts), interrupted)
