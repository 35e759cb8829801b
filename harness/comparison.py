"""The whole story of a comparison: load, screen, locate, plan, execute, store, rank, report."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from harness.core.candidate import Broken, Registered
from harness.core.data import Dataset
from harness.core.metric_facts import is_own
from harness.core.progress import Progress
from harness.core.ranking import Ranking, Recommendation
from harness.core.run import DataFacts, RunInfo, Settings
from harness.core.task import Task
from harness.core.trial import Finished, Record, Trial
from harness.errors import BenchError, WorkspaceError, raise_all, suggest
from harness.execute import machine, process, provenance
from harness.execute.campaign import Campaign, weigh
from harness.execute.clock import Clock
from harness.execute.entrants import training_techniques
from harness.execute.interrupt import interrupts
from harness.execute.plan import Ground, check_budget, check_techniques, check_words, plan
from harness.execute.race import hold_race
from harness.execute.screening import Field, Observer, survey_field
from harness.execute.speakers import find_voices
from harness.load.candidates import load_candidates, select
from harness.load.data import load_dataset
from harness.load.margin import settle_margin
from harness.load.metric import check_metric
from harness.load.overrides import override
from harness.load.tasks import LoadedTask, load_task
from harness.load.workspace import Workspace, load_workspaces
from harness.models import servers, weights
from harness.store import journal, runs
from harness.store.cache import find_cache
from harness.store.resume import done

if TYPE_CHECKING:
    import pandas as pd

    from harness.rank.choice import Field as Joint

FORMATS = ("html", "md", "json")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A finished comparison, for notebooks and programs; `choosable` is the joint evidence on what may be recommended."""

    folder: Path
    info: RunInfo
    result: Ranking
    journal: tuple[Record, ...]
    interrupted: bool = False
    files: Mapping[str, Path] = field(default_factory=dict)
    choosable: Joint | None = None

    @property
    def recommendation(self) -> Recommendation | None:
        """Return what to fine-tune, None when nothing qualifies."""
        return self.result.recommendation

    @property
    def ranking(self) -> pd.DataFrame:
        """Return one row a contender, best first; measurements are columns."""
        import pandas as pd  # noqa: PLC0415 - the command line does without

        rows = []
        for row in self.result.rows:
            kept = row.model_dump(exclude={"validation", "test", "measurements", "recipe", "notes"})
            kept |= row.validation.model_dump() | {
                m.name: m.value for m in row.measurements if m.name not in {"score", "train_score"}
            }
            kept |= {f"test_{key}": value for key, value in row.test.model_dump().items()} if row.test else {}
            rows.append(kept)
        return pd.DataFrame(rows)

    @property
    def records(self) -> pd.DataFrame:
        """Return one row a measurement: candidate, technique, name, value, unit; failures have a state and no value."""
        import pandas as pd  # noqa: PLC0415 - the command line does without

        rows: list[dict[str, object]] = []
        for record in self.journal:
            head: dict[str, object] = {
                "candidate": record.trial.candidate,
                "technique": record.trial.technique,
                "state": record.outcome.state,
            }
            found = record.outcome.measurements if isinstance(record.outcome, Finished) else ()
            rows += [head | m.model_dump() for m in found] or [head]
        return pd.DataFrame(rows)

    def write(self, folder: str | Path | None = None, formats: Sequence[str] = FORMATS) -> Comparison:
        """Write report.html, report.md with its figures, and report.json; return the comparison with their paths in `files`.

        Raises:
            WorkspaceError: a format is unknown, or the folder cannot be written.
        """
        from harness.report.document import write  # noqa: PLC0415 - figures are slow to import
        from harness.report.summarise import summarise  # noqa: PLC0415 - as above

        check_formats(formats)
        place = make_place(Path(folder or self.folder))
        return replace(self, files=write(summarise(self.info, self.result, self.journal), place, formats))


def make_place(folder: Path) -> Path:
    """Return the folder of a report, made where it is not there.

    Raises:
        WorkspaceError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"cannot write the report: {error.strerror}"
        raise WorkspaceError(what, where=str(folder), hint="name a folder that you may write to") from error
    return folder


def check_formats(formats: Sequence[str]) -> None:
    """Accept known formats of reports only.

    Raises:
        WorkspaceError: one or more are unknown.
    """
    raise_all(
        [WorkspaceError(f'unknown format "{f}"', where="--format", hint=suggest(f, FORMATS)) for f in formats if f not in FORMATS]
    )


@dataclass(frozen=True, slots=True)
class Changes:
    """Settings that differ from those of the run that is taken up again."""

    values: Mapping[str, object]

    def apply(self, earlier: Settings) -> Settings:
        """Return the earlier settings with the changes made."""
        return Settings.model_validate(earlier.model_dump() | dict(self.values))


def compare(
    task: str,
    settings: Settings | Changes | None = None,
    *,
    workspace: str | Path = ".",
    observe: Observer | None = None,
    resume: str | None = None,
    formats: Sequence[str] = FORMATS,
) -> Comparison:
    """Compare candidates on a task and write the run's folder with its reports.

    `task` is a name or the path of a task's folder. Nothing is written before the task, its data and the cards have been found
    sound. `resume` names a run to go on with (`latest`: the task's last one): its settings hold if none are given, and what it has
    finished is not run again.

    Raises:
        BenchError: the input must be mended; the text says where and how.
        KeyboardInterrupt: the user stopped it before any trial was finished.
    """
    tell, begun = observe or (lambda _progress: None), monotonic()
    reports = Path(workspace) / "reports"
    check_formats(formats)
    find_cache(os.environ)
    workspaces = load_workspaces(Path(workspace))
    found = load_task(task, workspaces)
    # Looked for once: by the time that weights are fetched, the task's last run may be another one.
    folder = None if resume is None else _find_earlier(reports, found.task.name, resume)
    earlier = None if folder is None else runs.read_info(folder)
    before = earlier.settings if earlier else Settings()
    settings = settings.apply(before) if isinstance(settings, Changes) else settings or before
    loaded, data, chosen = _load(found, settings, workspaces)
    speakers, entered = find_voices(survey_field(loaded.task, chosen, settings, tell), data, settings.techniques)
    trains = bool(training_techniques(settings, loaded.task.kind))
    process.preload([candidate for candidate, _ in entered.ready], offline=settings.offline, trains=trains)
    device, facts = _survey_machine(settings, loaded.task.metric, entered)
    head = _head(loaded, data, settings, entered=entered, facts=facts)
    ground = Ground(device, data.digest, provenance.digest(head.versions, facts), entered.digests())
    trials = plan(loaded.task, [one for one, _ in entered.ready], settings, ground, has_words=bool(data.phrases), speakers=speakers)
    check_budget(settings.budget_s, monotonic() - begun, _waiting(entered, trials, folder))
    info = head.model_copy(
        update={
            "cards": tuple(c.card for c in chosen if isinstance(c, Registered)),
            "card_warnings": _warn_of_cards(chosen, entered, settings),
            "provenance": provenance.describe(Path(workspace)),
            "plan": tuple(trial.key for trial in trials),
            "digests": dict(ground.sources),
        }
    )
    if earlier is not None:
        resumed = {"run": earlier.run, "started": earlier.started, "resumed": (*earlier.resumed, info.started)}
        info = info.model_copy(update=resumed)
    folder = folder or runs.create(reports, info)
    with runs.hold(folder):
        runs.write_info(folder, info)
        lost = journal.repair(folder / "records.jsonl")
        stands = done(folder, trials)
        if earlier is not None:
            tell(Progress("message", text=_tell_resumed(info, trials, stands, lost)))
        campaign = Campaign(folder, info, entered.ready, data, tell=tell)
        return _run(campaign, trials, ground, begun=begun, formats=formats)


def _waiting(entered: Field, trials: Sequence[Trial], folder: Path | None) -> list[Registered]:
    """Return the candidates of which some trial is still to be run."""
    stands = {} if folder is None else done(folder, trials)
    left = {trial.candidate for trial in trials if trial.key not in stands}
    return [candidate for candidate, _ in entered.ready if candidate.card.name in left]


def _run(campaign: Campaign, trials: Sequence[Trial], ground: Ground, *, begun: float, formats: Sequence[str]) -> Comparison:
    """Execute what is left, train what is promising, then rank and report what is known."""
    folder = campaign.folder
    with interrupts() as is_stopped:
        clock = Clock(campaign.info.settings.budget_s, begun, is_stopped)
        campaign.run(trials, clock.is_over)
        hold_race(campaign, ground, clock)
        campaign.note_unreached(trials, clock)
        # What a writer was about to keep when it was ended; those that live hold a lock on theirs.
        find_cache(os.environ).sweep(0)
        if is_stopped() and not (folder / "records.jsonl").is_file():
            shutil.rmtree(folder)
            raise KeyboardInterrupt
        finished = _rank(folder, runs.read_info(folder), interrupted=is_stopped()).write(formats=formats)
        runs.point_latest(folder)
        return finished


def _find_earlier(reports: Path, task: str, run: str) -> Path:
    """Return the folder of the run to go on with.

    Raises:
        WorkspaceError: there is none, or it is of another task.
    """
    if run == "latest":
        return runs.find_latest(reports, task)
    folder = runs.find(reports, run)
    other = runs.read_info(folder).task.name
    if other != task:
        what = f'the run is of the task "{other}", not of "{task}"'
        raise WorkspaceError(what, where=str(folder), hint=f"give --task {other}, or another run")
    return folder


def _tell_resumed(info: RunInfo, trials: Sequence[Trial], stands: Mapping[str, Record], lost: int) -> str:
    torn = f"; {lost} unreadable line{'s' if lost > 1 else ''} of the journal set aside" if lost else ""
    return f"resuming {info.run}: {len(stands)} of {len(trials)} trials are finished{torn}"


def reopen(run: str, *, workspace: str | Path = ".", changes: Sequence[str] = ()) -> Comparison:
    """Rank a finished run again from its records, with constraints changed if asked; nothing is written and no model is needed.

    Raises:
        WorkspaceError: there is no such run, or it cannot be read.
    """
    folder = runs.find(Path(workspace) / "reports", run)
    info = runs.read_info(folder)
    if changes:
        info = info.model_copy(update={"task": override(info.task, changes)})
    return _rank(folder, info, interrupted=False)


def check_inputs(
    found: LoadedTask, settings: Settings, workspaces: Sequence[Workspace]
) -> tuple[Task, tuple[Registered | Broken, ...]]:
    """Read everything that a comparison would begin with; return the task as changed, and who is to take part; nothing is run.

    Raises:
        BenchError: the input must be mended.
    """
    loaded, _, chosen = _load(found, settings, workspaces)
    return loaded.task, chosen


def _load(
    found: LoadedTask, settings: Settings, workspaces: Sequence[Workspace]
) -> tuple[LoadedTask, Dataset, tuple[Registered | Broken, ...]]:
    check_techniques(settings.techniques)
    loaded = LoadedTask(override(found.task, settings.constraints), found.path, found.folder, found.workspace)
    check_metric(loaded, settings.trust)
    chosen = select(load_candidates(workspaces), settings.candidates, loaded.task.modality, kind=loaded.task.kind)
    data = load_dataset(loaded.task, loaded.folder, override=settings.data, seed=settings.seed, offline=settings.offline)
    check_words(settings.techniques, loaded.task, data.wording, has_words=bool(data.phrases or data.hypotheses))
    task, data = settle_margin(loaded.task, found.task, settings.constraints, data)
    return replace(loaded, task=task), data, tuple(chosen)


def _survey_machine(settings: Settings, metric: str, entered: Field) -> tuple[str, dict[str, str | int | float]]:
    """Choose the device and describe the machine: in a worker, unless that can be done without any heavy library."""
    wishes = (settings.device, metric, settings.trust)
    light = settings.device == "cpu" and is_own(metric) and not process.wants_torch(candidate for candidate, _ in entered.ready)
    answer = machine.survey(wishes) if light else process.ask(machine.survey, wishes)
    if isinstance(answer, BenchError):
        raise answer
    if not isinstance(answer, tuple):
        raise BenchError("a worker process cannot start", where="torch", hint="run `bench doctor`")
    return answer


def _head(loaded: LoadedTask, data: Dataset, settings: Settings, *, entered: Field, facts: dict[str, str | int | float]) -> RunInfo:
    sizes = data.rows.sizes()
    return RunInfo(
        run=runs.new_run_id(),
        task=loaded.task,
        task_path=str(loaded.path),
        settings=settings,
        data=DataFacts(
            source=data.source,
            digest=data.digest,
            classes=data.rows.classes,
            train=len(data.split.rest),
            validation=len(data.split.choosing),
            folds=len(data.split.folds),
            test=len(data.split.test),
            drawn_test=data.drawn_test,
            smallest_class=min(sizes, default=0),
            largest_class=max(sizes, default=0),
            values=data.rows.values(),
            documents=data.size - len(data.rows),
            references=data.writing.span if data.writing else None,
            notes=data.notes,
            warnings=data.warnings,
        ),
        cards=(),
        excluded=entered.excluded,
        failed=entered.failed,
        skipped=entered.skipped,
        environment=facts,
        versions=provenance.versions(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _warn_of_cards(chosen: Sequence[Registered | Broken], entered: Field, settings: Settings) -> tuple[str, ...]:
    """Return what is doubtful about the cards, whose own code is run, and whose rows leave the machine."""
    told = [warning for one in chosen if isinstance(one, Registered) for warning in one.warnings]
    ready = [one.card for one, _ in entered.ready]
    allowed = (weights.tell_remote_code(ready, settings.trust), servers.tell_sent(ready, settings.trust))
    return (*told, *filter(None, allowed))


def _rank(folder: Path, info: RunInfo, *, interrupted: bool) -> Comparison:
    """Rank what the disk holds: what is shown is what is stored."""
    from harness.rank.ranking import rank_with_evidence  # noqa: PLC0415 - numpy is not needed to say that a task is wrong

    found = weigh(folder, info)
    ranked = rank_with_evidence(info, found.answers, found.truth, found.records)
    return Comparison(folder, info, ranked.ranking, found.records, interrupted, choosable=ranked.choosable)
