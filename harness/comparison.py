"""The whole story of a comparison: load, screen, locate, plan, execute, store, rank, report."""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.candidate import Broken, Registered
from harness.core.data import Dataset
from harness.core.evidence import Answers, Truth
from harness.core.progress import Progress
from harness.core.ranking import Excluded, FailedCandidate, Ranking, Recommendation, SkippedCandidate
from harness.core.run import DataFacts, RunInfo, Settings
from harness.core.task import Task
from harness.core.trial import Finished, Record, Trial
from harness.errors import BenchError, Unavailable, Unreachable, WorkspaceError, raise_all, suggest
from harness.execute import local, machine, process
from harness.execute.job import Job
from harness.execute.plan import check_techniques, plan
from harness.load.candidates import load_candidates, select
from harness.load.data import load_dataset
from harness.load.overrides import override
from harness.load.tasks import LoadedTask, load_task
from harness.load.workspace import load_workspaces
from harness.models import weights
from harness.store import journal, predictions, runs

if TYPE_CHECKING:
    import pandas as pd

Observer = Callable[[Progress], None]
_LIBRARIES = (
    "foundation-model-bench", "torch", "transformers", "timm", "open_clip_torch", "scikit-learn", "numpy", "scipy", "evaluate",
    "datasets", "safetensors", "tokenizers",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """A finished comparison, for notebooks and programs."""

    folder: Path
    info: RunInfo
    result: Ranking
    journal: tuple[Record, ...]
    interrupted: bool = False
    files: Mapping[str, Path] = field(default_factory=dict)

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

    def write(self, folder: str | Path | None = None, formats: Sequence[str] = ("html", "md", "json")) -> Comparison:
        """Write report.html, report.md with its figures, and report.json; return the comparison with their paths in `files`.

        Raises:
            WorkspaceError: a format is unknown, or the folder cannot be written.
        """
        from harness.report.document import FORMATS, write  # noqa: PLC0415 - figures are slow to import
        from harness.report.summarise import summarise  # noqa: PLC0415 - as above

        raise_all(
            [
                WorkspaceError(f'unknown format "{f}"', where="--format", hint=suggest(f, FORMATS))
                for f in formats
                if f not in FORMATS
            ]
        )
        place = Path(folder or self.folder)
        place.mkdir(parents=True, exist_ok=True)
        return replace(self, files=write(summarise(self.info, self.result, self.journal), place, formats))


@dataclass(frozen=True, slots=True)
class _Field:
    """The candidates of a run after everything that can be known without loading them."""

    ready: tuple[tuple[Registered, Path | None], ...]
    excluded: tuple[Excluded, ...]
    failed: tuple[FailedCandidate, ...]
    skipped: tuple[SkippedCandidate, ...]


def compare(
    task: str, settings: Settings | None = None, *, workspace: str | Path = ".", observe: Observer | None = None
) -> Comparison:
    """Compare candidates on a task and write the run's folder with its reports.

    `task` is a name or the path of a task's folder. Nothing is written before the task, its data and the cards have been found
    sound.

    Raises:
        BenchError: the input must be mended; the text says where and how.
        KeyboardInterrupt: the user stopped it before any trial was finished.
    """
    settings = settings or Settings()
    tell = observe or (lambda _progress: None)
    loaded, data, chosen = _load(task, settings, Path(workspace))
    entered = _survey_field(loaded.task, chosen, offline=settings.offline, tell=tell)
    process.preload([candidate for candidate, _ in entered.ready], offline=settings.offline)
    device, facts = _survey_machine(settings.device, loaded.task.metric)
    info = _head(loaded, data, settings, entered=entered, facts=facts)
    registered = [candidate for candidate in chosen if isinstance(candidate, Registered)]
    warnings = tuple(warning for candidate in registered for warning in candidate.warnings)
    info = info.model_copy(update={"cards": tuple(c.card for c in registered), "card_warnings": warnings})
    folder = runs.create(Path(workspace) / "reports", info)
    digests = {"": data.digest} | {c.card.name: weights.digest(path, c.card) for c, path in entered.ready}
    trials = plan(loaded.task, [c for c, _ in entered.ready], settings.techniques, digests, device=device, seed=settings.seed)
    jobs = _jobs(entered.ready, trials, data, loaded.task, folder=folder)
    finished = True
    try:
        for progress in local.execute(jobs):
            if progress.record is not None:
                journal.append(folder / "records.jsonl", progress.record)
            tell(progress)
    except KeyboardInterrupt:
        finished = False
        if not (folder / "records.jsonl").is_file():
            shutil.rmtree(folder)
            raise
    return _finish(folder, interrupted=not finished)


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


def _load(task: str, settings: Settings, workspace: Path) -> tuple[LoadedTask, Dataset, tuple[Registered | Broken, ...]]:
    check_techniques(settings.techniques)
    workspaces = load_workspaces(workspace)
    found = load_task(task, workspaces)
    loaded = LoadedTask(override(found.task, settings.constraints), found.path, found.folder, found.workspace)
    chosen = select(load_candidates(workspaces), settings.candidates, loaded.task.modality)
    data = load_dataset(loaded.task, loaded.folder, override=settings.data, seed=settings.seed, offline=settings.offline)
    return loaded, data, tuple(chosen)


def _survey_field(task: Task, chosen: Iterable[Registered | Broken], *, offline: bool, tell: Observer) -> _Field:
    """Screen by the cards alone, then find each remaining candidate's weights."""
    from harness.rank.constraints import screen  # noqa: PLC0415 - numpy is not needed to say that a task is wrong

    _announce(chosen, offline=offline, tell=tell)
    ready: list[tuple[Registered, Path | None]] = []
    excluded: list[Excluded] = []
    failed: list[FailedCandidate] = []
    skipped: list[SkippedCandidate] = []
    for candidate in chosen:
        if isinstance(candidate, Broken):
            failed.append(FailedCandidate(candidate=candidate.name, stage="import", error=candidate.error, hint=candidate.hint))
            continue
        name = candidate.card.name
        missed = [v for v in screen(candidate.card, task) if v.verdict != "pass"]
        if missed:
            excluded += [Excluded(candidate=name, constraint=v.constraint, verdict=v.verdict, reason=v.reason) for v in missed]
            continue
        try:
            tell(Progress("message", text=f"looking for the weights of {name}", candidate=name))
            ready.append((candidate, None if candidate.is_plugin else weights.locate(candidate.card, offline=offline)))
        except Unavailable as error:
            # One look at a network that is not there is enough.
            offline = offline or isinstance(error, Unreachable)
            skipped.append(SkippedCandidate(candidate=name, reason=error.what))
        except BenchError as error:
            failed.append(FailedCandidate(candidate=name, stage="locate", error=error.what, hint=error.hint))
    return _Field(tuple(ready), tuple(excluded), tuple(failed), tuple(skipped))


def _announce(chosen: Iterable[Registered | Broken], *, offline: bool, tell: Observer) -> None:
    """Say before the first download how much there may be: four bytes a parameter."""
    hub = [c.card for c in chosen if isinstance(c, Registered) and c.card.is_hub]
    if hub and not offline:
        size = sum(card.parameters or 0 for card in hub) * 4 / 1e9
        text = f"looking for {len(hub)} candidates on the Hub; up to about {size:.0f} GB to fetch where they are not here yet"
        tell(Progress("message", text=f"{text} (--offline fetches nothing, --candidates chooses)"))


def _survey_machine(device: str, metric: str) -> tuple[str, dict[str, str | int | float]]:
    answer = process.ask(machine.survey, (device, metric))
    if isinstance(answer, BenchError):
        raise answer
    if not isinstance(answer, tuple):
        raise BenchError("a worker process cannot start", where="torch", hint="run `bench doctor`")
    return answer


def _head(
    loaded: LoadedTask, data: Dataset, settings: Settings, *, entered: _Field, facts: dict[str, str | int | float]
) -> RunInfo:
    sizes = [data.rows.labels.count(i) for i in range(len(data.rows.classes))]
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
            smallest_class=min(sizes),
            largest_class=max(sizes),
            notes=data.notes,
            warnings=data.warnings,
        ),
        cards=(),
        excluded=entered.excluded,
        failed=entered.failed,
        skipped=entered.skipped,
        environment=facts,
        versions=_versions(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _versions() -> dict[str, str]:
    import platform  # noqa: PLC0415 - beside its only use

    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _jobs(
    ready: Sequence[tuple[Registered, Path | None]], trials: Sequence[Trial], data: Dataset, task: Task, *, folder: Path
) -> list[Job]:
    """Group trials by candidate and pass: each group gets a process."""
    logs = folder / "logs"
    logs.mkdir()
    jobs = []
    for candidate, path in ready:
        for measures in ("quality", "memory"):
            mine = tuple(t for t in trials if t.candidate == candidate.card.name and t.measures == measures)
            if mine:
                jobs.append(
                    Job(
                        candidate=candidate,
                        folder=path,
                        trials=mine,
                        data=data,
                        metric=task.metric,
                        is_image=task.modality == "image",
                        device=mine[0].device,
                        predictions=folder / "predictions",
                        log=logs / f"{candidate.card.name}.log",
                    )
                )
    return jobs


def _finish(folder: Path, *, interrupted: bool) -> Comparison:
    done = _rank(folder, runs.read_info(folder), interrupted=interrupted).write()
    runs.point_latest(folder)
    return done


def _rank(folder: Path, info: RunInfo, *, interrupted: bool) -> Comparison:
    """Read the records and predictions back from the disk and rank them: what is shown is what is stored."""
    import numpy as np  # noqa: PLC0415 - as in _survey_field

    from harness.rank.ranking import rank  # noqa: PLC0415 - as above

    path = folder / "records.jsonl"
    records = journal.read(path) if path.is_file() else ()
    answers, truth = [], Truth(np.empty(0, np.int64), np.empty(0, np.int64))
    for record in records:
        if isinstance(record.outcome, Finished) and record.trial.measures == "quality":
            found = predictions.read(folder / "predictions" / f"{record.trial.key}.parquet")
            validation, test = found["validation"], found["test"]
            answers.append(Answers(record, validation.predictions, test.predictions, validation.sample, test.sample))
            truth = Truth(validation.references, test.references, validation.groups, test.groups)
    return Comparison(folder, info, rank(info, answers, truth, records), records, interrupted)
