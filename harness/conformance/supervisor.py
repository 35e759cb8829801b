"""A process in which candidates' code runs, watched from outside: it may crash, end itself or hang, and that is told."""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.conformance.finding import is_foreign
from harness.core.secrets import without_secrets

# For the interpreter to start and bench to be imported; a candidate's own time counts from its first message.
START_S = 60.0
_TICK_S = 0.1
_PATIENCE_S = 5.0
_LONGEST = 2**20
_FRAME = re.compile(r'File "([^"]+)", line (\d+) in ')
_DUMP = "most recent call first"
Message = tuple[str, object]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended when it did not end well: in words, the line of code where it was, and whether it took too long."""

    what: str
    where: str
    is_late: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process runs: `folder` is its current folder, `log` takes what it prints, `seed` is that of Python's hashes."""

    folder: Path
    log: Path
    seed: int = 1


class Process:
    """One question on its way; `ending` is known once all messages are read, and None where it ended well."""

    def __init__(self, question: str, argument: object, place: Place) -> None:
        """Start a process that answers `MODULE:FUNCTION` with a JSON argument."""
        self._place = place
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        with place.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-P", "-m", "harness.conformance.worker", question, str(writer)],
                stdin=subprocess.PIPE, stdout=log, stderr=log, pass_fds=(writer,), cwd=place.folder,
                env=_environment(place.seed), start_new_session=True,
            )  # fmt: skip
        os.close(writer)
        with contextlib.suppress(BrokenPipeError), self._process.stdin as stdin:  # type: ignore[union-attr]
            stdin.write(json.dumps(argument).encode())
        self.ending: Ending | None = None
        self._answered = False

    def messages(self, seconds: float) -> Iterator[Message]:
        """Yield what it sends; from each message `begin` on it has that many seconds for the next one."""
        due = time.monotonic() + START_S
        rest = b""
        try:
            while (chunk := self._read()) != b"":
                for line in (found := (rest + (chunk or b"")).split(b"\n"))[:-1]:
                    for kind, content in _parse(line):
                        due = time.monotonic() + seconds if kind == "begin" else due
                        self._answered |= kind in {"done", "faults"}
                        yield kind, content
                rest = found[-1][-_LONGEST:]
                if time.monotonic() > due:
                    self.ending = self._late(seconds)
                    return
            self.ending = None if self._answered else self._died()
        finally:
            self.stop()

    def stop(self) -> None:
        """End the process and whatever it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with contextlib.suppress(OSError):
            os.close(self._reader)

    def _read(self) -> bytes | None:
        """Return what has come, None if nothing did for a moment, and empty bytes when there will be no more."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._reader, selectors.EVENT_READ)
            ready = selector.select(_TICK_S)
        if ready:
            return os.read(self._reader, 65536)
        # A process that it started may hold the pipe open for ever.
        return b"" if self._process.poll() is not None else None

    def _late(self, seconds: float) -> Ending:
        self._process.send_signal(signal.SIGUSR1)
        time.sleep(3 * _TICK_S)
        return Ending(f"it gave no answer within {seconds:g} s", self._frame(), is_late=True)

    def _died(self) -> Ending:
        try:
            code = self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            return Ending("it closed the files of its process", "", is_late=False)
        if code < 0:
            return Ending(f"it killed its process with {signal.Signals(-code).name}", self._frame(), is_late=False)
        return Ending(f"it ended its process, with exit status {code}", "", is_late=False)

    def _frame(self) -> str:
        """Return the line of the author's own code that the process was in when it was asked or crashed."""
        log = self._place.log.read_text(errors="replace")
        frames = _FRAME.findall(log[log.rfind(_DUMP) :]) if _DUMP in log else []
        return next((f"{path}, line {line}" for path, line in frames if is_foreign(path)), "")


def _environment(seed: int) -> dict[str, str]:
    """Return what a candidate's process may know: no tokens, no network of the Hub, and the modules that this process finds."""
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1"}
    paths = os.pathsep.join(str(Path(path).absolute()) for path in sys.path)
    return without_secrets(os.environ) | offline | {"PYTHONPATH": paths, "PYTHONHASHSEED": str(seed)}


def _parse(line: bytes) -> Iterator[Message]:
    """Read one message; what is none is left out, since a candidate can write to every file of its process."""
    with contextlib.suppress(ValueError, TypeError):
        kind, content = json.loads(line)
        yield str(kind), content
