"""A question that candidates' code answers, in a fresh interpreter below a warden: it may crash, end itself, detach or hang.

The interpreter is fresh because the server of processes may have imported what a plugin must not, and has one seed of Python's
hashes.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from harness.conformance.finding import is_foreign
from harness.core.secrets import without_secrets
from harness.errors import SetupError
from harness.execute import process
from harness.execute.interrupt import interrupts
from harness.execute.limits import most_of
from harness.execute.machine import free_bytes
from harness.execute.warden import Ward

# For the interpreter to start and bench to be imported; the time for what is asked begins after that.
START_S = 60.0
_PATIENCE_S = 20.0
_OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1"}
_FRAME = re.compile(r'File "([^"]+)", line (\d+) in ')
_TRACE = "trace"
_HINTS = {
    "late": "look for a loop or a lock that never ends, or give it more time with --timeout",
    "ended": "let it take less memory and disk, or check it where there is more",
    "broke": "raise an exception where something is wrong; compiled code must not crash, nor write to files that are not its own",
}
Model = TypeVar("Model", bound=BaseModel)


class OutOfTurn(Exception):  # noqa: N818 - says what was received
    """A process sent a message that was not due: its candidate's code wrote it, or bench's own code was changed by it."""


@dataclass(frozen=True, slots=True)
class Question:
    """`MODULE:FUNCTION` and its argument, to be answered below an empty folder.

    `seed` is that of Python's hashes.
    """

    function: str
    argument: Mapping[str, object]
    folder: Path
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended when not well: in words, the line of the author's code where it was, and what to do."""

    what: str
    where: str
    hint: str


# Of a process that ended well by its exit status, before it had told all.
EARLY = Ending("it ended its process, with exit status 0", "", _HINTS["broke"])


class Timer:
    """How long a process may still take, by bench's own clock."""

    def __init__(self, seconds: float) -> None:
        """Give it a minute to start, and so many seconds each time that it is restarted."""
        self._seconds = seconds
        self.restart(START_S)

    def restart(self, seconds: float | None = None) -> None:
        """Begin anew, with another number of seconds if that is given."""
        self.limit_s = self._seconds if seconds is None else seconds
        self._due = monotonic() + self.limit_s

    def is_over(self) -> bool:
        """Tell whether it took too long."""
        return monotonic() > self._due


def ask(question: Question, timer: Timer, hear: Callable[[str, str], None]) -> Ending | None:
    """Hand every message of the answer over, and return how the process ended, None when by itself and with exit status 0.

    The timer is restarted once, when the process begins to answer. Nothing that it started is left when this returns, nor when
    bench is ended.

    Raises:
        KeyboardInterrupt: the user wants to stop.
        SetupError: no process can be started.
    """
    with interrupts() as is_stopped:
        worker = _start(question)
        kind, reason = _follow(worker, lambda: is_stopped() or timer.is_over(), _after_begin(timer, hear))
        if is_stopped():
            raise KeyboardInterrupt
    if kind == "well":
        return None
    if kind == "ended" and timer.is_over():
        kind, reason = "late", f"it gave no answer within {timer.limit_s:g} s"
    return Ending(reason, _frame(question.folder / _TRACE), _HINTS[kind])


def _after_begin(timer: Timer, hear: Callable[[str, str], None]) -> Callable[[str, str], None]:
    """Restart the timer at the first message, and hand on all others."""
    begun: list[str] = []

    def take(kind: str, content: str) -> None:
        if begun:
            hear(kind, content)
        elif kind == "begin":
            begun.append(kind)
            timer.restart()
        else:
            raise OutOfTurn(f"it reported {kind[:60]} before it began")

    return take


def read(model: type[Model], content: str) -> Model:
    """Read what a message holds.

    Raises:
        OutOfTurn: it is something else.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise OutOfTurn(f"it reported what is no {model.__name__}: {content[:60]}") from error


def _start(question: Question) -> process.Worker:
    process.serve_interpreters()
    folder, given = question.folder, (question, _environment(question.seed))
    ward = Ward(_become, given, most_of(free_bytes(folder)), folder / "log", folder / "scratch", signal.SIGUSR1)
    try:
        return process.Worker(ward)
    except OSError as error:
        what = f"no process can be started: {error}"
        raise SetupError(what, where=str(folder), hint=process.advise(error)) from error


def _follow(worker: process.Worker, is_over: Callable[[], bool], hear: Callable[[str, str], None]) -> tuple[str, str]:
    """Hand messages over to the end, and return the verdict on the process."""
    verdict, patience_s = ("ended", "it was stopped"), 0.5
    try:
        for kind, content in worker.messages(is_over):
            # The last one is the warden's.
            if kind in {"well", "broke", "ended"}:
                verdict = kind, content
            else:
                hear(kind, content)
        patience_s = _PATIENCE_S
    except OutOfTurn as error:
        verdict, patience_s = ("broke", str(error)), _PATIENCE_S
    finally:
        worker.stop(patience_s)
    return verdict


def _frame(trace: Path) -> str:
    """Return the line of the author's own code that the process was in when it crashed, or when it was asked."""
    text = trace.read_text(errors="replace") if trace.is_file() else ""
    # A crash tells of all threads.
    frames = _FRAME.findall(text[max(0, text.rfind("Current thread")) :])
    return next((f"{path}, line {line}" for path, line in frames if is_foreign(path)), "")


def _environment(seed: int) -> dict[str, str]:
    """Return what a candidate's process may know: no tokens, no network of the Hub, and the modules that this process finds."""
    paths = os.pathsep.join(str(Path(path).absolute()) for path in sys.path)
    return without_secrets(os.environ) | _OFFLINE | {"PYTHONPATH": paths, "PYTHONHASHSEED": str(seed)}


def _become(given: tuple[Question, dict[str, str]], messages: Connection) -> None:
    """Become the interpreter that answers, in a folder of its own; never returns."""
    question, environment = given
    here = Path(tempfile.gettempdir(), "here")
    here.mkdir()
    os.chdir(here)
    with tempfile.TemporaryFile() as argument:
        argument.write(json.dumps(question.argument).encode())
        argument.seek(0)
        os.dup2(argument.fileno(), 0)
    os.set_inheritable(messages.fileno(), True)  # noqa: FBT003 - the only way
    words = [question.function, str(messages.fileno()), str(question.folder / _TRACE)]
    command = [sys.executable, "-P", "-m", "harness.conformance.worker", *words]
    os.execve(sys.executable, command, environment | {"TMPDIR": tempfile.gettempdir()})  # noqa: S606 - our own module
