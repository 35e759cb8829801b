"""Memory: the peak that loading and running a candidate adds to its process."""

from __future__ import annotations

import ctypes
import gc
import sys
from pathlib import Path

import psutil

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_MIB = 1024 * 1024
# What glibc calls M_MMAP_THRESHOLD, and from which size on memory is the system's again as soon as it is freed.
_MMAP_THRESHOLD, _LARGE = -3, 4 * _MIB


class PeakMemory:
    """The high-water mark of this process above its level at the start.

    On Linux it is the kernel's own (`VmHWM`, reset through `/proc/self/clear_refs`); elsewhere the operating system's peak of the
    process as psutil gives it, or the present level. On CUDA it is the larger of the allocator's peak and what the device lost.
    """

    def __init__(self, device: str) -> None:
        """Settle the heap and take the level."""
        self._device = device
        _settle(device)
        self._free = _cuda_free(device)
        self._level = _resident()
        if _CLEAR.exists():
            _CLEAR.write_text("5")

    def forget(self) -> None:
        """Begin the peak anew where the process stands; the level stays. Only on Linux and CUDA can a peak be forgotten."""
        _settle(self._device)
        if _CLEAR.exists():
            _CLEAR.write_text("5")

    def added_mb(self) -> float:
        """Return MiB added at the peak so far, never negative."""
        if self._device.startswith("cuda"):
            import torch  # noqa: PLC0415 - a plugin without torch is measured without it

            lost = self._free - _cuda_free(self._device)
            return max(torch.cuda.max_memory_allocated(self._device), lost, 0) / _MIB
        return max(_peak() - self._level, 0) / _MIB


def give_back_large() -> None:
    """Let large tensors be the system's again as soon as they are freed, for the rest of this process; see decision 0027.

    Nothing changes where the C library has no such setting.
    """
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(_MMAP_THRESHOLD, _LARGE)


def _settle(device: str) -> None:
    """Touch what the libraries touch on first use, so that it is not counted as the candidate's, and give free pages back."""
    torch = sys.modules.get("torch")
    if torch is not None:
        layer = torch.nn.Linear(64, 64)
        layer(torch.zeros(8, 64))
        torch.nn.functional.conv2d(torch.zeros(1, 3, 32, 32), torch.zeros(8, 3, 3, 3))
        if device.startswith("cuda"):
            torch.zeros(1, device=device)
            torch.cuda.synchronize(device)
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(device)
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def _resident() -> int:
    return _status("VmRSS") if _STATUS.exists() else int(psutil.Process().memory_info().rss)


def _peak() -> int:
    if _STATUS.exists():
        return _status("VmHWM")
    info = psutil.Process().memory_info()
    return int(getattr(info, "peak_wset", info.rss))


def _status(key: str) -> int:
    """Return a figure of `/proc/self/status` in bytes."""
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{key}:"))
    return int(line.split()[1]) * 1024


def _cuda_free(device: str) -> int:
    if not device.startswith("cuda"):
        return 0
    import torch  # noqa: PLC0415 - a plugin without torch is measured without it

    return int(torch.cuda.mem_get_info(device)[0])
