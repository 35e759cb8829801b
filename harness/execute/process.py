"""Worker processes, from a forkserver that has already imported the libraries they need."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from harness.core.candidate import Registered
from harness.errors import SetupError
from harness.models.adapters import adapter_module

_OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
_ALWAYS = ("torch", "harness.execute.worker")


def preload(candidates: Iterable[Registered], *, offline: bool) -> None:
    """Name what the forkserver imports before the first worker starts: what every worker needs, and the candidates' libraries.

    With `offline`, no library in a worker looks at the Hub. A server that already runs is not changed.

    Raises:
        SetupError: the operating system has no forkserver.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        what = "this operating system cannot start worker processes from a server"
        raise SetupError(what, where=sys.platform, hint="use Linux or macOS; on Windows use its subsystem for Linux")
    if offline:
        os.environ.update(_OFFLINE)
    libraries = {adapter_module(candidate.card) for candidate in candidates if not candidate.is_plugin}
    multiprocessing.get_context("forkserver").set_forkserver_preload([*_ALWAYS, *sorted(libraries)])


class Worker:
    """One process that sends messages up a pipe until it ends."""

    def __init__(self, target: Callable[..., None], argument: object) -> None:
        """Start `target(argument, pipe)`."""
        context = multiprocessing.get_context("forkserver")
        self._reader, writer = context.Pipe(duplex=False)
        self._process = context.Process(target=target, args=(argument, writer))
        with _without_main():
            self._process.start()
        writer.close()

    def messages(self) -> Iterator[Any]:
        """Yield what the worker sends, until it closes its end or dies."""
        with contextlib.suppress(EOFError, ConnectionResetError):
            while True:
                yield self._reader.recv()

    def ending(self) -> str | None:
        """Wait for the end; return how the process died, None if it ended well."""
        self._process.join()
        code = self._process.exitcode
        if code is not None and code < 0:
            return f"the process was ended by {signal.Signals(-code).name}"
        return f"the process ended with exit code {code}" if code else None

    def stop(self) -> None:
        """End the process now if it still runs."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join()
        self._reader.close()


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Hide the main module, which a child would otherwise run again: a user's script needs no guard, and a child starts sooner."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def ask(question: Callable[..., Any], argument: object) -> object:
    """Return `question(argument)` as a worker answers it; None when the worker dies."""
    worker = Worker(_answer, (question, argument))
    try:
        return next(worker.messages(), None)
    finally:
        worker.stop()


def _answer(call: tuple[Callable[..., Any], object], pipe: Connection) -> None:
    question, argument = call
    pipe.send(question(argument))
    pipe.close()
