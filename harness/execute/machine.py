"""What this machine is, as a worker sees it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

import psutil

from harness.core.trust import Trust
from harness.errors import BenchError


def describe(device: str) -> dict[str, str | int | float]:
    """Return what stands beside every figure: processor, cores, threads, memory, device."""
    facts: dict[str, str | int | float] = {
        "system": platform.platform(terse=True),
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "device": device,
        "threads": os.cpu_count() or 1,
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        facts["threads"] = torch.get_num_threads()
        if device.startswith("cuda"):
            facts["gpu"] = torch.cuda.get_device_name(device)
    return facts


def free_bytes(folder: Path) -> tuple[int, int]:
    """Return the bytes of memory, and of the disk that a folder is on, which are free now."""
    return psutil.virtual_memory().available, shutil.disk_usage(folder).free


def survey(wishes: tuple[str, str, Trust]) -> tuple[str, dict[str, str | int | float]] | BenchError:
    """Return the device and a description of the machine, with the hash of a metric's code, for a wish (device, metric, trust).

    Where a wish cannot be met, the error is returned.
    """
    from harness.measure import quality  # noqa: PLC0415 - runs in a worker; the parent never imports torch

    wish, metric, trust = wishes
    try:
        device = _pick(wish)
        code = quality.code_digest(quality.load_metric(metric, trust))
    except BenchError as error:
        return error
    return device, describe(device) | ({"metric_code": code} if code else {})


def _pick(wish: str) -> str:
    """Return the device for a wish; the processor is there without asking torch."""
    if wish == "cpu":
        return wish
    from harness.models.torch_module import pick_device  # noqa: PLC0415 - brings torch, which a processor alone does not need

    return pick_device(wish)


def _processor() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()
