"""How far a download is, told in plain lines at intervals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

EVERY_S = 5.0


class Meter:
    """Counts bytes of all threads and tells every few seconds."""

    def __init__(self, name: str, tell: Callable[[str], None], every_s: float = EVERY_S) -> None:
        """Take the candidate's name, and who is told."""
        self._name, self._tell, self._every_s = name, tell, every_s
        self._lock = threading.Lock()
        self._done = self._total = 0
        self._started = self._told = time.monotonic()

    def start(self, files: int, size: int) -> None:
        """Say what is to come."""
        self._total, self._done = size, 0
        self._started = self._told = time.monotonic()
        self._tell(f"fetching {self._name}: {files} file{'s' if files != 1 else ''}, {megabytes(size)}")

    def add(self, size: int) -> None:
        """Count received bytes; what is sent again counts no second time."""
        with self._lock:
            self._done = min(self._done + size, self._total)
            now = time.monotonic()
            if self._total and now - self._told >= self._every_s:
                self._told = now
                speed = self._done / (now - self._started)
                share = f"{self._done / self._total:.0%}"
                self._tell(
                    f"fetching {self._name}: {megabytes(self._done)} of {megabytes(self._total)}, {share}, {megabytes(speed)}/s"
                )

    def finish(self) -> None:
        """Say that all is here."""
        self._tell(f"fetched {self._name}: {megabytes(self._total)} in {time.monotonic() - self._started:.1f} s")


def megabytes(size: float) -> str:
    """Return a size for people.

    >>> megabytes(438_000_000), megabytes(1_200)
    ('438 MB', '0.0012 MB')
    """
    return f"{size / 1e6:,.0f} MB" if size >= 1e7 else f"{size / 1e6:.2g} MB"
