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
_SHARE_OF_MEMORY = 0.9
_SHARE_OF_DISK = 0.5


def most_of(free_bytes: tuple[int, int]) -> Limits:
    """Return most of the memory and half of the disk, of what is free of each, for as long as it takes."""
    memory, disk = free_bytes
    return Limits(memory_bytes=int(memory * _SHARE_OF_MEMORY), disk_bytes=int(disk * _SHARE_OF_DISK))
