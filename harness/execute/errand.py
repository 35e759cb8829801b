"""One piece of work in a guarded process of its own, which is no trial: it gives one answer, or raises what went wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from harness.core.candidate import Registered
from harness.core.secrets import redact
from harness.errors import BenchError, CandidateError
from harness.execute import process
from harness.execute.child_log import last_lines
from harness.execute.limits import Limits
from harness.execute.uplink import Uplink
from harness.execute.warden import Ward

Tell = Callable[[str], None]

_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Errand:
    """Work, named as `module:function`, which is called with the argument and a way to tell what it is doing.

    The candidate is the one whose libraries it needs. The log keeps what is printed; the scratch folder is removed.
    """

    work: str
    argument: object
    candidate: Registered
    limits: Limits
    log: Path
    scratch: Path


def run(errand: Errand, *, offline: bool, is_stopped: Callable[[], bool], tell: Tell) -> str:
    """Return the answer as JSON.

    Raises:
        CandidateError: the work failed, or its process was ended.
        KeyboardInterrupt: the user stopped it.
    """
    process.preload([errand.candidate], offline=offline)
    printed = errand.log.stat().st_size if errand.log.is_file() else 0
    try:
        worker = process.Worker(Ward(_begin, errand, errand.limits, errand.log, errand.scratch))
    except OSError as error:
        raise CandidateError(f"no process can be started: {error}", hint=process.advise(error)) from error
    stage, answer, failure, verdict = "start", "", "", ("ended", "it was stopped")
    patience_s = 0.5
    try:
        for kind, content in worker.messages(is_stopped):
            if kind == "stage":
                stage = content
                tell(content)
            elif kind == "answer":
                answer = content
            elif kind == "failure":
                failure = content
            else:
                verdict = kind, content
        patience_s = _PATIENCE_S
    finally:
        worker.stop(patience_s)
        shutil.rmtree(errand.scratch, ignore_errors=True)
    if answer and verdict[0] == "well":
        return answer
    if is_stopped():
        raise KeyboardInterrupt
    raise _explain(failure, verdict[1], stage, last_lines(errand.log, printed))


def _explain(failure: str, reason: str, stage: str, log: tuple[str, ...]) -> BenchError:
    if failure:
        what, where, hint = json.loads(failure)
        return CandidateError(redact(what), where=f"{where}, stage {stage}".removeprefix(", "), hint=hint)
    last = next((line for line in reversed(log) if line.strip()), "")
    hint = f"what it printed last: {last}" if last else "try it again, or on a machine with more memory"
    return CandidateError(f"the work did not come to its end: {redact(reason)}", where=f"stage {stage}", hint=hint)


def _begin(errand: Errand, messages: Connection) -> None:
    from harness.execute.errand_worker import work  # noqa: PLC0415 - imports torch, which the parent never does

    work(errand.work, errand.argument, errand.candidate, Uplink(messages))
