"""The processes below one: who they are, what memory they hold, and how they are all ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path

import psutil

# By this variable a server of processes is told whom it serves: by the time that it could look, that process may be gone.
SERVED = "BENCH_SERVED_PROCESS"
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")
_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36
_SECONDS_TO_END = 10.0
# Not every kernel is built with these lists.
_LISTS_CHILDREN = (_PROC / f"self/task/{os.getpid()}/children").exists()


def adopt_orphans() -> None:
    """Let every descendant that loses its parent become a child of this process, so that none gets away. Linux only."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """End this process when `parent`, which has just started it, ends. Linux only."""
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def volunteer() -> None:
    """Be the first that the kernel ends when memory runs out, before the process that keeps the records."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def below(pid: int) -> list[int]:
    """Return every living descendant of a process."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        born = children(waiting.pop())
        found += born
        waiting += born
    return found


def children(pid: int) -> list[int]:
    """Return the living children of a process, whichever of its threads started them."""
    if not _LISTS_CHILDREN:
        with contextlib.suppress(psutil.Error):
            return [child.pid for child in psutil.Process(pid).children()]
        return []
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.scandir(_PROC / str(pid) / "task"):
            with contextlib.suppress(OSError):
                found += map(int, (Path(task.path) / "children").read_bytes().split())
    return found


def resident(pid: int) -> int:
    """Return the bytes of memory that a process holds, shared ones too; 0 when it is gone."""
    if not _PROC.is_dir():
        with contextlib.suppress(psutil.Error):
            return int(psutil.Process(pid).memory_info().rss)
        return 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((_PROC / str(pid) / "statm").read_bytes().split()[1]) * _PAGE
    return 0


def fair_share(pid: int) -> int:
    """Return the bytes of memory of a process, of pages that several processes share only its part; slow to ask."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) * 1024
    return resident(pid)


def end_below(pid: int) -> bool:
    """Kill every descendant of a process, which is this one, and wait for them; tell whether all are gone.

    New ones may appear while it looks, so it looks until there are none.
    """
    until = time.monotonic() + _SECONDS_TO_END
    while time.monotonic() < until:
        living = below(pid)
        for one in living:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(one, signal.SIGKILL)
        if not _reap() and not living:
            return True
        time.sleep(0.005)
    return False


def _reap() -> bool:
    """Take the status of children that have ended; tell whether any are left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return False
    return True


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
