"""Worker processes, from a forkserver that has already imported the libraries they need."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import re
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from time import monotonic
from typing import Any

from harness.core.candidate import Registered
from harness.core.secrets import without_secrets
from harness.errors import SetupError
from harness.execute import kin
from harness.execute.uplink import Garbled, Lines, Message
from harness.execute.warden import Ends, Ward, guard
from harness.models.adapters import adapter_modules, training_modules

_SERVER = "harness.execute.server"
# What a server imports that starts interpreters and nothing else.
_LITTLE = (_SERVER, "harness.execute.process")
_OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
_ALWAYS = ("harness.execute.worker", "harness.techniques.linear_probe", "pyarrow.parquet")
# A plugin whose file names one of these gets torch imported once for all, before its worker starts.
_OVER_TORCH = re.compile(rb"\b(torch\w*|transformers|sentence_transformers|timm|open_clip|accelerate|peft)\b")
_TICK_S = 0.1
# The server of processes has libraries to import before the first one starts.
_SECONDS_TO_START = 300.0
# How long a warden may take to end what it guards.
_PATIENCE_S = 20.0
_CHUNK = 1 << 18
# The last two are imported where the first adapter and the first optimizer are made.
_TRAINING = ("harness.training.contender", "peft", "torch._dynamo")
# Several comparisons may run in threads of one program.
_STARTING = threading.Lock()


def preload(candidates: Iterable[Registered], *, offline: bool, trains: bool = False) -> None:
    """Name what the forkserver imports before the first worker starts: what every worker needs, and the candidates' libraries.

    With `offline`, no library in a worker looks at the Hub; if it `trains`, what training needs is there too. A server that runs
    without some of it, and has nothing to do, gives way to one that has all: what a worker had to import itself would count as the
    candidate's own memory and time.

    Raises:
        SetupError: the operating system has no forkserver.
    """
    _need_forkserver()
    if offline:
        os.environ.update(_OFFLINE)
    chosen = list(candidates)
    libraries = {name for candidate in chosen if not candidate.is_plugin for name in adapter_modules(candidate.card)}
    if trains:
        able = [one.card for one in chosen if not one.is_plugin and not one.card.control]
        modules = {name for card in able for name in training_modules(card)}
        libraries |= modules | (set(_TRAINING) if modules else set())
    first = ["torch"] if wants_torch(chosen) else []
    _offer([_SERVER, *first, *_ALWAYS, *sorted(libraries)])


def serve_interpreters() -> None:
    """Prepare for work that becomes an interpreter of its own, to which libraries in the server are of no use.

    A server that already runs will do.

    Raises:
        SetupError: the operating system has no forkserver.
    """
    _need_forkserver()
    with _STARTING:
        if _server("_forkserver_pid") is None:
            multiprocessing.get_context("forkserver").set_forkserver_preload(list(_LITTLE))


def _need_forkserver() -> None:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        what = "this operating system cannot start worker processes from a server"
        raise SetupError(what, where=sys.platform, hint="use Linux or macOS; on Windows use its subsystem for Linux")


def _offer(wanted: Sequence[str]) -> None:
    """Let workers come from a server that has imported the modules; one that lacks some, and that nobody uses now, is ended.

    The next has what the last one had too, so that comparisons in turn do not end each other's.
    """
    with _STARTING:
        pid, held = _server("_forkserver_pid"), list(_server("_preload_modules") or ())
        if pid is not None:
            if set(wanted) <= set(held) or multiprocessing.active_children():
                return
            # Asked to leave, it would wait for whoever else holds the pipe by which it is asked.
            os.kill(pid, signal.SIGKILL)
            _server("_stop")()
            kept = [] if held == list(_LITTLE) else held
            wanted = [*wanted, *(name for name in kept if name not in wanted)]
        multiprocessing.get_context("forkserver").set_forkserver_preload(list(wanted))


def _server(name: str) -> Any:  # noqa: ANN401 - whatever multiprocessing keeps under that name
    return getattr(forkserver._forkserver, name, None)  # noqa: SLF001 - no public way


def wants_torch(candidates: Iterable[Registered]) -> bool:
    """Tell whether any candidate is loaded by an adapter that is built on torch, or by a plugin whose file speaks of it."""
    return any(_names_torch(Path(one.path)) if one.is_plugin else one.card.remote is None for one in candidates)


def _names_torch(plugin: Path) -> bool:
    """Tell whether a plugin's file speaks of a library that is built on torch; where it cannot be read, that it does."""
    try:
        return _OVER_TORCH.search(plugin.read_bytes()) is not None
    except OSError:
        return True


def advise(error: OSError) -> str:
    """Return what to do where no process can be started."""
    if "too long" in str(error):
        return "set TMPDIR to a folder with a shorter path; sockets are put there"
    return "close other programs, or see `bench doctor`"


class Worker:
    """One guarded process that sends messages up a pipe until it ends or must end."""

    def __init__(self, ward: Ward) -> None:
        """Start the ward behind a warden.

        Raises:
            OSError: no process can be started here and now.
        """
        context = multiprocessing.get_context("forkserver")
        self._seconds = ward.limits.seconds
        self._due = monotonic() + _SECONDS_TO_START
        self._reason, self._kind = "", "ended"
        self._ending = ("ended", "its guard was ended")
        self._messages, messages = context.Pipe(duplex=False)
        self._verdict, verdict = context.Pipe(duplex=False)
        lifeline, self._lifeline = context.Pipe(duplex=False)
        self._open = {self._messages: Lines(), self._verdict: Lines()}
        self._child = 0
        self._process = context.Process(target=_guard, args=(ward, messages, verdict, lifeline))
        try:
            _start(self._process)
        except EOFError as error:
            raise OSError("the server of processes is gone") from error
        finally:
            for end in (messages, verdict, lifeline):
                end.close()

    def messages(self, is_stopped: Callable[[], bool]) -> Iterator[Message]:
        """Yield what the worker sends, and last of all how it ended: `well`, `broke` or `ended`, with the reason.

        It is ended when it sends something that is no message, when the next record is overdue, and when `is_stopped` says so.
        """
        while self._verdict in self._open and not self._is_lost():
            yield from self._listen()
            if not self._reason and monotonic() > self._due:
                limit = self._seconds if self._child else _SECONDS_TO_START
                self._end(f"no result within the time limit of {limit:g} s")
            elif not self._reason and is_stopped():
                self._end("it was stopped")
        yield from self._rest()
        yield (self._kind, self._reason) if self._reason else self._ending

    def _listen(self) -> Iterator[Message]:
        """Yield what can be read now, waiting a moment for it."""
        for end in wait(list(self._open), timeout=_TICK_S):
            for kind, content in self._take(end):
                if end is self._messages:
                    if kind == "record" and not self._reason:
                        self._due = self._next_due()
                    yield kind, content
                elif kind == "started":
                    self._child = int(content)
                    self._due = self._next_due()
                else:
                    self._ending = kind, content

    def _take(self, end: object) -> list[Message]:
        """Read once without waiting; an end that is closed, or says what is no message, is not read again."""
        pipe = self._messages if end is self._messages else self._verdict
        chunk = b""
        with contextlib.suppress(OSError):
            chunk = os.read(pipe.fileno(), _CHUNK)
        lines = self._open[pipe] if chunk else self._open.pop(pipe)
        found: list[Message] = []
        try:
            found.extend(lines.feed(chunk))
        except Garbled as error:
            del self._open[pipe]
            self._kind = "broke"
            self._end(f"it sent something that is no message: {error}")
        return found

    def _end(self, reason: str) -> None:
        """Let the warden end everything, and remember why."""
        self._reason = reason
        self._lifeline.close()
        self._due = monotonic() + _PATIENCE_S

    def _is_lost(self) -> bool:
        """Tell whether the warden has not done what it was asked to."""
        return bool(self._reason) and monotonic() > self._due

    def _next_due(self) -> float:
        return math.inf if self._seconds is None else monotonic() + self._seconds

    def _rest(self) -> Iterator[Message]:
        """Yield what was sent before the end and not read yet."""
        while self._messages in self._open and wait([self._messages], timeout=_TICK_S):
            yield from self._take(self._messages)

    def stop(self, patience_s: float) -> None:
        """End the process and everything below it, if any of it still runs; a warden is waited for so many seconds at most."""
        self._lifeline.close()
        self._process.join(patience_s)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        if self._process.exitcode != 0:
            # The warden could not do its work: what it guarded is the server's now.
            _end_orphans()
        self._messages.close()
        self._verdict.close()


def _end_orphans() -> None:
    """End what has become the server's without being started through it: processes whose warden was killed, and theirs."""
    server: int | None = _server("_forkserver_pid")
    with _STARTING:
        own = {child.pid for child in multiprocessing.active_children()}
        orphans = [pid for pid in kin.children(server) if pid not in own] if server is not None else []
    for pid in [*orphans, *(one for orphan in orphans for one in kin.below(orphan))]:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _start(process: multiprocessing.process.BaseProcess) -> None:
    """Start a process through the server, and the server itself if it does not run yet.

    A terminal sends Ctrl-C to everybody: the server, and whoever it starts, leave it to bench.
    """
    with _STARTING, _without_main(), _without_secrets():
        # This one lets the signal through again when it has started what it starts.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        os.environ[kin.SERVED] = str(os.getpid())
        try:
            forkserver.ensure_running()
        finally:
            del os.environ[kin.SERVED]
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        process.start()


def _guard(ward: Ward, messages: Connection, verdict: Connection, lifeline: Connection) -> None:
    guard(ward, Ends(messages, verdict, lifeline))


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Hide the main module, which a child would otherwise run again: a user's script needs no guard, and a child starts sooner."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextlib.contextmanager
def _without_secrets() -> Iterator[None]:
    """Hide tokens and keys from the server of processes, which is started now if it does not run yet, and so from every worker."""
    kept = without_secrets(os.environ)
    hidden = {name: value for name, value in os.environ.items() if name not in kept}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def ask(question: Callable[..., Any], argument: object, seconds: float = 300.0) -> object:
    """Return `question(argument)` as a process of its own answers it; None when that dies or takes longer than `seconds`.

    The answer is unpickled: for bench's own questions, in which no candidate's code runs.
    """
    context = multiprocessing.get_context("forkserver")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(question, argument, writer))
    try:
        _start(process)
        writer.close()
        with contextlib.suppress(EOFError, OSError):
            return reader.recv() if reader.poll(seconds) else None
        return None
    finally:
        if process.pid is not None:
            process.kill()
            process.join()
        reader.close()


def _answer(question: Callable[..., Any], argument: object, pipe: Connection) -> None:
    with contextlib.suppress(BrokenPipeError):
        pipe.send(question(argument))
        pipe.close()
