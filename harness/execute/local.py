"""Runs jobs on this machine, one at a time, so that no measurement disturbs another."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic

from pydantic import ValidationError

from harness.core.progress import Progress
from harness.core.secrets import redact
from harness.core.trial import Failed, Record
from harness.execute import process
from harness.execute.child_log import last_lines
from harness.execute.entry import begin
from harness.execute.job import Job
from harness.execute.warden import Ward

# How long the end of a candidate may take, in seconds.
_PATIENCE_S = 20.0
_HINTS = {
    "broke": "run its code by itself under a debugger",
    "well": "it left before its work was done; look for an exit in its code",
    "ended": "--resume tries it again; --trial-timeout and --memory-limit set the limits",
}


def execute(jobs: Sequence[Job], is_stopped: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
    """Yield each stage that is entered and each record as it comes, until `is_stopped` says to stop.

    A worker that dies, or is ended for what it takes, leaves a failed record for each trial that it had not finished. What was
    under way when the user stopped has no record.
    """
    process.preload([job.candidate for job in jobs], offline=False)
    total = sum(len(job.trials) for job in jobs)
    done = 0
    for job in jobs:
        if is_stopped():
            return
        for progress in _Run(job, is_stopped).follow():
            done += progress.record is not None
            yield replace(progress, done=done, total=total)


class _Run:
    """One job, from the start of its process to its end."""

    def __init__(self, job: Job, is_stopped: Callable[[], bool]) -> None:
        self._job = job
        self._is_stopped = is_stopped
        self._name = job.candidate.card.name
        self._stage = "start"
        self._printed = job.log.stat().st_size if job.log.is_file() else 0
        self._scratch = job.log.parent / f".work-{self._name}"
        self._open = {trial.key: trial for trial in job.trials}
        self._failures: list[Record] = []
        self._started, self._begun = datetime.now(UTC), monotonic()

    def follow(self) -> Iterator[Progress]:
        """Yield stages and records; failed ones at the end, when all that the candidate printed is there."""
        try:
            worker = process.Worker(self._ward())
        except OSError as error:
            if self._is_stopped():
                return
            what = f"no process can be started: {error}"
            yield from self._close(Failed(stage="start", error=what, hint=process.advise(error), may_pass=True))
            return
        verdict, patience_s = ("ended", "it was stopped"), _PATIENCE_S
        try:
            for kind, content in worker.messages(self._is_stopped):
                if kind in {"well", "broke", "ended"}:
                    verdict = kind, content
                elif kind == "stage":
                    self._stage = content
                    yield Progress("stage", text=content, candidate=self._name)
                elif kind == "record":
                    yield from self._record(content)
        except (KeyboardInterrupt, GeneratorExit):
            patience_s = 0.5
            raise
        finally:
            worker.stop(patience_s)
            shutil.rmtree(self._scratch, ignore_errors=True)
        yield from self._close(None if self._is_stopped() else self._explain(*verdict))

    def _record(self, content: str) -> Iterator[Progress]:
        """Yield a finished trial at once; what is no record of this job is not listened to."""
        try:
            record = Record.model_validate_json(content)
        except ValidationError:
            return
        if self._open.pop(record.trial.key, None) is None:
            return
        if isinstance(record.outcome, Failed):
            self._failures.append(record)
        else:
            yield Progress("record", candidate=self._name, record=record)

    def _explain(self, kind: str, reason: str) -> Failed | None:
        """Return why trials are still open, None if none are."""
        if not self._open:
            return None
        error = reason or "the process ended without a word"
        hint = _HINTS[kind]
        if self._job.log.is_file():
            hint += f"; what it printed last is in logs/{self._job.log.name}"
        return Failed(stage=self._stage, error=error, hint=hint, may_pass=kind == "ended")

    def _close(self, failed: Failed | None) -> Iterator[Progress]:
        for trial in self._open.values() if failed else ():
            seconds = round(monotonic() - self._begun, 3)
            started = self._started.isoformat(timespec="seconds")
            self._failures.append(Record(trial=trial, outcome=failed, started=started, seconds=seconds))
        log = last_lines(self._job.log, self._printed) if self._failures else ()
        for record in self._failures:
            told = redact(getattr(record.outcome, "error", ""))
            outcome = record.outcome.model_copy(update={"log": log, "error": told})
            yield Progress("record", candidate=self._name, record=record.model_copy(update={"outcome": outcome}))

    def _ward(self) -> Ward:
        job = self._job
        return Ward(begin, job, job.limits, job.log, self._scratch)
