"""Whether another process keeps this machine busy while bench measures."""

from __future__ import annotations

import os
from time import monotonic

import psutil

CORE_SHARE = 0.20


class Neighbors:
    """The processor time of every process outside bench, between two moments."""

    def __init__(self) -> None:
        """Note each process's time so far."""
        self._start = _times()
        self._wall = monotonic()

    def busiest(self) -> str | None:
        """Name the process that used most since then, if it used over 20 % of a core."""
        wall = max(monotonic() - self._wall, 1e-9)
        used = [((seconds - self._start.get(key, (name, seconds))[1]) / wall, name) for key, (name, seconds) in _times().items()]
        share, name = max(used, default=(0.0, ""))
        return name if share > CORE_SHARE else None


def _times() -> dict[tuple[int, float], tuple[str, float]]:
    """Map (process id, start time) to (name, processor seconds) for all processes but bench's own session."""
    found = {}
    own = os.getpgrp()
    # Whoever started this process waits for it: bench itself, the server of processes, the warden.
    elders = {process.pid for process in psutil.Process().parents()}
    for process in psutil.process_iter(["pid", "create_time", "name", "cpu_times"]):
        info = process.info
        try:
            mine = os.getpgid(info["pid"]) == own
        except (ProcessLookupError, PermissionError):
            mine = False
        if not mine and info["pid"] not in elders and info["cpu_times"] is not None:
            times = info["cpu_times"]
            found[info["pid"], info["create_time"]] = (info["name"], times.user + times.system)
    return found
