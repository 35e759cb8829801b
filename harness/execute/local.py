"""Runs jobs on this machine, one at a time, so that no measurement disturbs another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from time import monotonic

from harness.core.progress import Progress
from harness.core.trial import Failed, Record
from harness.execute import process
from harness.execute.entry import begin
from harness.execute.job import Job


def execute(jobs: Sequence[Job]) -> Iterator[Progress]:
    """Yield each stage that is entered and each record as it comes.

    A trial that its worker says nothing about, because the model cannot be used that way, has no record. A worker that dies leaves
    a failed record for each trial that it had not finished.
    """
    process.preload([job.candidate for job in jobs], offline=False)
    total = sum(len(job.trials) for job in jobs)
    done = 0
    for job in jobs:
        answered = 0
        for progress in _run(job, done, total):
            answered += progress.kind == "record"
            yield progress
        done += answered
        total -= len(job.trials) - answered


def _run(job: Job, done: int, total: int) -> Iterator[Progress]:
    name = job.candidate.card.name
    stage, begun, started = "start", monotonic(), datetime.now(UTC)
    death: str | None = "the process ended without a word"
    answered: set[str] = set()
    running = process.Worker(begin, job)
    try:
        for kind, content in running.messages():
            if kind == "stage":
                stage = content
                yield Progress("stage", text=stage, candidate=name, done=done + len(answered), total=total)
            elif kind == "end":
                death = None
            else:
                record = Record.model_validate_json(content)
                answered.add(record.trial.key)
                yield Progress("record", candidate=name, done=done + len(answered), total=total, record=record)
        death = death and (running.ending() or death)
    finally:
        running.stop()
    for trial in job.trials if death else ():
        if trial.key not in answered:
            failed = Failed(stage=stage, error=death, hint=f"what it printed last is in {job.log.name}")
            seconds = round(monotonic() - begun, 3)
            record = Record(trial=trial, outcome=failed, started=started.isoformat(timespec="seconds"), seconds=seconds)
            answered.add(trial.key)
            yield Progress("record", candidate=name, done=done + len(answered), total=total, record=record)
