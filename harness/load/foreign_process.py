"""A process in which code of the user's runs: it can end nothing but itself, and it ends with the process that started it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_TICK_S = 0.02


class ForeignProcess:
    """A module of bench that is run in a process group of its own, all of which ends where the context does.

    Its first argument is the descriptor to which it answers. It must begin with `end_with_parent`.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        descriptor: int,
        environ: Mapping[str, str],
        output: int = subprocess.DEVNULL,
    ) -> None:
        """Start it, with the modules that this process finds; `output` takes what it prints."""
        paths = os.pathsep.join(str(Path(path).absolute()) for path in sys.path)
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", module, str(descriptor), *arguments],
            stdin=subprocess.PIPE, stdout=output, stderr=output, pass_fds=(descriptor,),
            env={**environ, "PYTHONPATH": paths}, start_new_session=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        """Begin to use it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End its whole group, before it is waited for: until then nobody else can have its number."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()

    def is_over(self) -> bool:
        """Tell whether it has ended."""
        return self._end() is not None

    def ending(self, seconds: float) -> str:
        """Say how it ends within that many seconds, nothing where it does not."""
        due = time.monotonic() + seconds
        while (end := self._end()) is None:
            if time.monotonic() > due:
                return ""
            time.sleep(_TICK_S)
        if end.si_code == os.CLD_EXITED:
            return f"ends its process, with exit status {end.si_status}"
        return f"kills its process with {signal.Signals(end.si_status).name}"

    def _end(self) -> os.waitid_result | None:
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)


def end_with_parent(descriptor: int) -> None:
    """Let a second process end this one's group as soon as the process that started it is no more, in whatever way it went.

    The other end of standard input is that process's: it is closed when it ends. To be called before any code of the user's.
    """
    if os.fork() == 0:
        try:
            os.close(descriptor)
            os.read(0, 1)
        finally:
            os.killpg(0, signal.SIGKILL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
