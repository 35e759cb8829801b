"""The trials of one run: executed, kept in its journal, and read back as evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.core.candidate import Registered
from harness.core.data import Dataset
from harness.core.evidence import Answers, Truth
from harness.core.progress import Progress
from harness.core.run import RunInfo
from harness.core.technique_names import ASKED
from harness.core.trial import Failed, Finished, Record, Skipped, Trial
from harness.errors import WorkspaceError
from harness.execute import local, machine
from harness.execute.clock import Clock
from harness.execute.entrants import training_techniques
from harness.execute.job import Job
from harness.execute.plan import answers_in, limits_of
from harness.models.servers import key_of
from harness.store import journal, predictions, runs
from harness.store.resume import done
from harness.techniques.catalogue import TECHNIQUES

Ready = Sequence[tuple[Registered, Path | None]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The last record of each trial that counts, and the answers of those that finished with their truth."""

    records: tuple[Record, ...]
    answers: tuple[Answers, ...]
    truth: Truth


class Campaign:
    """Executes trials of a run; `info` is its head, which is written again whenever it changes."""

    def __init__(self, folder: Path, info: RunInfo, ready: Ready, data: Dataset, *, tell: Callable[[Progress], None]) -> None:
        """Take up a run whose folder and head are written."""
        self.folder, self.info, self.ready, self.data, self.tell = folder, info, ready, data, tell

    @property
    def checkpoints(self) -> Path:
        """Return the folder in which each runner of a race leaves what its next round goes on from."""
        return self.folder / "checkpoints"

    def run(self, trials: Sequence[Trial], is_stopped: Callable[[], bool]) -> None:
        """Execute those trials that no record stands for, until `is_stopped` says to stop."""
        stands = done(self.folder, trials)
        for progress in self.execute([t for t in trials if t.key not in stands], is_stopped):
            if progress.record is not None:
                journal.append(self.folder / "records.jsonl", progress.record)
            self.tell(progress)

    def adopt(self, is_wanted: Callable[[Trial], bool]) -> None:
        """Let trainings of earlier rounds and budgets count, as far as they finished and are wanted still."""
        path = self.folder / "records.jsonl"
        found = journal.read(path) if path.is_file() else ()
        mine = [r.trial for r in found if r.trial.measures == "training" and isinstance(r.outcome, Finished) and is_wanted(r.trial)]
        plan = tuple(dict.fromkeys((*self.info.plan, *(trial.key for trial in mine))))
        if plan != self.info.plan:
            self.update(self.info.model_copy(update={"plan": plan}))

    def execute(self, trials: Sequence[Trial], is_stopped: Callable[[], bool]) -> Iterator[Progress]:
        """Run trials in worker processes; yield what becomes known."""
        return local.execute(self._jobs(trials), is_stopped)

    def note_unreached(self, trials: Sequence[Trial], clock: Clock) -> None:
        """Where the budget is spent, record what it left no time for, so that the report can say so; a resumed run tries it.

        Of trainings the race tells.
        """
        if not clock.has_run_out():
            return
        known = {record.trial.key for record in weigh(self.folder, self.info).records}
        heads = {trial.key for trial in trials}
        plan = tuple(key for key in self.info.plan if key in known or key in heads)
        self.update(self.info.model_copy(update={"plan": plan}))
        reason = f"the budget of {self.info.settings.budget_s:g} s was spent before it was tried"
        for trial in trials:
            if trial.key not in known:
                started = datetime.now(UTC).isoformat(timespec="seconds")
                record = Record(trial=trial, outcome=Skipped(reason=reason), started=started, seconds=0.0)
                journal.append(self.folder / "records.jsonl", record)

    def update(self, info: RunInfo) -> None:
        """Replace the run's head."""
        self.info = info
        runs.write_info(self.folder, info)

    def _jobs(self, trials: Sequence[Trial]) -> list[Job]:
        """Group trials by candidate and pass: each group gets a process, and each training its own, whose memory is measured."""
        groups: dict[tuple[str, str, str], list[Trial]] = {}
        for trial in trials:
            alone = trial.key if trial.measures == "training" or (trial.measures == "memory" and trial.technique) else ""
            groups.setdefault((trial.candidate, trial.measures, alone), []).append(trial)
        order = {candidate.card.name: i for i, (candidate, _) in enumerate(self.ready)}
        free = machine.free_bytes(self.folder)
        return [self._job(tuple(group), order[name], free) for (name, *_), group in groups.items()]

    def _answers(self) -> int:
        """Return how many phrases a language model is asked to compare for a row, or as how many its answer counts."""
        if self.data.writing is not None:
            return answers_in(self.data.writing.limit)
        words = self.data.wording.words if self.data.wording else ()
        return sum(map(len, words)) or len(self.data.rows.classes)

    def _job(self, trials: tuple[Trial, ...], place: int, free: tuple[int, int]) -> Job:
        candidate, path = self.ready[place]
        folder, card, one = self.folder.absolute(), candidate.card, trials[0]
        epochs = one.fidelity.of * len(self.data.split.folds) if one.fidelity else 0.0
        is_asked = any(trial.technique in ASKED for trial in trials)
        # Each hypothesis is read with the row.
        entails = any(TECHNIQUES[trial.technique][0] == "entail" for trial in trials if trial.technique)
        readings = self.data.size * (sum(map(len, self.data.hypotheses)) if entails else 1)
        return Job(
            candidate=candidate,
            folder=path,
            trials=trials,
            data=self.data,
            metric=self.info.task.metric,
            is_image=self.info.task.modality == "image",
            device=one.device,
            predictions=folder / "predictions",
            log=folder / "logs" / f"{card.name}.log",
            trust=self.info.settings.trust,
            limits=limits_of(card, self.info.settings, readings, free, epochs=epochs, answers=self._answers() if is_asked else 0),
            trains=bool(training_techniques(self.info.settings, self.info.task.kind)),
            key=key_of(candidate),
            checkpoint=self.checkpoints.absolute() / one.runner if one.measures == "training" else None,
        )


def weigh(folder: Path, info: RunInfo) -> Evidence:
    """Read records and predictions back from the disk; a finished trial whose predictions are lost has failed.

    Records count if the run's plan names their trials; of a run without a plan all do.
    """
    import numpy as np  # noqa: PLC0415 - numpy is not needed to say that a task is wrong

    path, planned = folder / "records.jsonl", set(info.plan)
    found = journal.read(path) if path.is_file() else ()
    records = {record.trial.key: record for record in found if not planned or record.trial.key in planned}
    answers, truth = [], Truth(np.empty(0, np.int64), np.empty(0, np.int64))
    for key, record in records.items():
        if not isinstance(record.outcome, Finished) or record.trial.measures == "memory":
            continue
        try:
            kept = predictions.read(folder / "predictions" / record.predictions)
        except WorkspaceError as error:
            records[key] = record.model_copy(update={"outcome": _unreadable(error)})
            continue
        validation, test = kept["validation"], kept["test"]
        answers.append(Answers(record, validation.predictions, test.predictions, validation.sample, test.sample))
        if len(test.references) or not len(truth.validation):
            truth = Truth(validation.references, test.references, validation.groups, test.groups)
    return Evidence(tuple(records.values()), tuple(answers), truth)


def _unreadable(error: WorkspaceError) -> Failed:
    """Return what becomes of a finished trial whose evidence is gone: its own row, and nobody else's."""
    return Failed(stage="reading", error=error.what, hint="`bench compare … --resume` runs it again", may_pass=True)
