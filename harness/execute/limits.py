"""What one worker may take before it is ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds until the next record is due, bytes of memory above the level at the start, bytes of files in its scratch folder.

    None means that this is not watched.
    """

    seconds: float | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None


NO_LIMITS = Limits()
