"""The process that stands between bench and a candidate: starts it, watches what it takes, and leaves nothing of it behind.

The candidate runs in a child of the warden. Whatever that child starts becomes the warden's to end, even if it detaches itself. The
warden ends them all when the child is done, takes too much, or when bench itself is gone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from harness.core.secrets import without_secrets
from harness.execute import kin
from harness.execute.child_log import ChildLog
from harness.execute.limits import Limits
from harness.execute.uplink import Uplink

_TICK_S = 0.1
_DISK_TICK_S = 0.5
# For the candidate's process to write down where it is.
_ANSWER_S = 0.3
_CHUNK = 1 << 18
# A disk with less than this is full for everybody.
_DISK_LEFT = 100_000_000


@dataclass(frozen=True, slots=True)
class Ends:
    """The lower ends of the pipes: messages up, the verdict up, and the one that closes when bench is gone."""

    messages: Connection
    verdict: Connection
    lifeline: Connection


@dataclass(frozen=True, slots=True)
class Ward:
    """What is guarded: `work(argument, messages)`, within limits, its output in a log and its temporary files in a folder.

    `asked_by` is the signal at which its process writes down where it is; it is sent before the process is ended.
    """

    work: Callable[[Any, Connection], None]
    argument: Any
    limits: Limits
    log: Path
    scratch: Path
    asked_by: int | None = None


def guard(ward: Ward, ends: Ends) -> None:
    """Run the ward to its end, whatever that is, and say up the verdict pipe what it was.

    The verdict is `well`, `broke` (its own doing: an exit code, a crash) or `ended` (killed from outside, or for taking too much),
    with the reason. It is sent when every process is gone and the scratch folder is removed.
    """
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    kin.adopt_orphans()
    verdict = Uplink(ends.verdict)
    try:
        ward.scratch.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        verdict.send("ended", f"no folder for its temporary files: {error.strerror}")
        return
    reader, writer = os.pipe()
    warden = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _be_candidate(ward, ends, writer, warden)
    os.close(writer)
    ends.messages.close()
    watch = _Watch(ward, child, reader)
    try:
        with contextlib.suppress(OSError):
            verdict.send("started", str(child))
        kind, reason = watch.until_the_end(ends.lifeline)
    finally:
        gone = kin.end_below(warden)
        watch.close()
        shutil.rmtree(ward.scratch, ignore_errors=True)
    with contextlib.suppress(OSError):
        verdict.send(kind, reason if gone else f"{reason}; some of its processes cannot be ended")


def _be_candidate(ward: Ward, ends: Ends, log: int, warden: int) -> None:
    """Become the candidate's process; never returns."""
    code = 1
    try:
        # A group of its own: a signal that it sends to its group reaches no one else.
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        kin.die_with(warden)
        kin.volunteer()
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        ends.verdict.close()
        ends.lifeline.close()
        _leave_the_server()
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False, errors="replace")
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False, errors="replace")
        os.environ["TMPDIR"] = tempfile.tempdir = str(ward.scratch)
        for name in os.environ.keys() - without_secrets(os.environ).keys():
            del os.environ[name]
        ward.work(ward.argument, ends.messages)
        code = 0
    except BaseException:  # noqa: BLE001 - the end of the process: its log must say why
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _leave_the_server() -> None:
    """Close the pipes that multiprocessing shares among all processes of a server, so that a candidate cannot write into them.

    A candidate that uses multiprocessing itself starts helpers of its own.
    """
    server, tracker = forkserver._forkserver, resource_tracker._resource_tracker  # noqa: SLF001 - no public way
    for owner, name in ((server, "_forkserver_alive_fd"), (tracker, "_fd")):
        handle = getattr(owner, name, None)
        if handle is not None:
            with contextlib.suppress(OSError):
                os.close(handle)
            setattr(owner, name, None)
    for owner, name in ((server, "_forkserver_address"), (server, "_forkserver_pid"), (tracker, "_pid")):
        setattr(owner, name, None)


class _Watch:
    """Drains the log, takes the child's status, and measures what it and its descendants hold."""

    def __init__(self, ward: Ward, child: int, reader: int) -> None:
        self._ward = ward
        self._child = child
        self._reader: int | None = reader
        self._log = ChildLog(ward.log)
        self._level, self._fair_level = kin.resident(child), kin.fair_share(child)
        self._disk_due = 0.0
        self._free = shutil.disk_usage(ward.scratch).free

    def until_the_end(self, lifeline: Connection) -> tuple[str, str]:
        """Return the verdict: what kind of end, and why."""
        with _ending(self._child) as ended:
            while True:
                ready = wait([lifeline, *(h for h in (ended, self._reader) if h is not None)], timeout=_TICK_S)
                if self._reader in ready:
                    self._drain()
                if lifeline in ready:
                    return self._ask("it was stopped")
                if verdict := self._status():
                    return verdict
                if excess := self._excess():
                    return self._ask(excess)

    def close(self) -> None:
        """Take the rest of what was printed; who cannot be ended and still holds the pipe is not waited for."""
        while self._reader is not None and wait([self._reader], timeout=_TICK_S):
            self._drain()
        self._log.close()

    def _ask(self, reason: str) -> tuple[str, str]:
        """Return the verdict on who must end now, having asked where it is; it is not reaped yet, so that its number is its own."""
        if self._ward.asked_by is not None:
            os.kill(self._child, self._ward.asked_by)
            due = time.monotonic() + _ANSWER_S
            while self._reader is not None and (left := due - time.monotonic()) > 0:
                if wait([self._reader], timeout=left):
                    self._drain()
        return "ended", reason

    def _drain(self) -> None:
        if self._reader is None:
            return
        chunk = os.read(self._reader, _CHUNK)
        if chunk:
            self._log.feed(chunk)
        else:
            os.close(self._reader)
            self._reader = None

    def _status(self) -> tuple[str, str] | None:
        """Reap who has ended, adopted orphans too; return how the candidate did, None while it runs."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return None
                if pid == self._child:
                    return _describe(os.waitstatus_to_exitcode(status))
        return "broke", "the process is gone"

    def _excess(self) -> str:
        """Return what it took too much of, in words; nothing where it did not."""
        limits = self._ward.limits
        if limits.memory_bytes is not None:
            held = self._held()
            if held > limits.memory_bytes:
                return f"it took {_mb(held)} of memory, the limit is {_mb(limits.memory_bytes)}"
        if time.monotonic() >= self._disk_due:
            self._disk_due = time.monotonic() + _DISK_TICK_S
            return self._disk_excess()
        return ""

    def _held(self) -> int:
        """Return the memory of the candidate and all below it, less what it was born with.

        What processes share is counted once for each of them, which is quick; where that is too much, it is counted fairly, and
        twice: the shares of those that are left grow while one that was counted ends.
        """
        living = kin.below(os.getpid())
        held = sum(max(0, kin.resident(pid) - self._level) for pid in living)
        if held <= (self._ward.limits.memory_bytes or 0) or len(living) < 2:
            return held
        fair = min(sum(map(kin.fair_share, living)) for _ in range(2))
        return min(held, fair - self._fair_level)

    def _disk_excess(self) -> str:
        limit = self._ward.limits.disk_bytes
        used = _size(self._ward.scratch)
        if limit is not None and used > limit:
            return f"it wrote {_mb(used)} of temporary files, the limit is {_mb(limit)}"
        left = shutil.disk_usage(self._ward.scratch).free
        if left < _DISK_LEFT < self._free:
            return f"it filled the disk: {_mb(left)} are left"
        return ""


@contextlib.contextmanager
def _ending(pid: int) -> Any:  # noqa: ANN401 - a generator as contextlib wants it
    """Give something that becomes readable when a process ends, None where the system has no such thing."""
    handle = None
    with contextlib.suppress(OSError, AttributeError):
        handle = os.pidfd_open(pid)
    try:
        yield handle
    finally:
        if handle is not None:
            os.close(handle)


def _describe(code: int) -> tuple[str, str]:
    if code == 0:
        return "well", ""
    if code > 0:
        return "broke", f"it ended its process, with exit status {code}"
    # A signal of real time has no name.
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    # Nobody kills itself that way by accident: somebody else, or the kernel for want of memory.
    if -code in {signal.SIGKILL, signal.SIGTERM, signal.SIGHUP}:
        return "ended", f"the process was ended by {name}"
    return "broke", f"it killed its process with {name}"


def _size(folder: Path) -> int:
    """Return the bytes on the disk of all files below a folder."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118 - a hundred thousand files are possible
    return total


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
