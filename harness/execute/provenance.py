"""Where a run came from: versions, the state of the workspace, the variables that can matter."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

from harness.core.run import Provenance
from harness.core.secrets import redact

_LIBRARIES = (
    "foundation-model-bench", "torch", "transformers", "timm", "open_clip_torch", "scikit-learn", "numpy", "scipy", "evaluate",
    "datasets", "safetensors", "tokenizers", "torchvision", "pillow", "peft", "accelerate", "bm25s", "rapidfuzz", "sacrebleu",
)  # fmt: skip
# What is written into a run of the environment: these, and nothing else.
_VARIABLES = (
    "BENCH_CACHE", "BENCH_CACHE_LIMIT", "CUDA_VISIBLE_DEVICES", "HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE",
    "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF",
    "TOKENIZERS_PARALLELISM", "TRANSFORMERS_OFFLINE",
)  # fmt: skip
# Facts that a survey of the machine gives, and variables, on which figures depend.
_MACHINE = ("processor", "cores", "device", "gpu", "metric_code")
_THREADS = ("MKL_NUM_THREADS", "OMP_NUM_THREADS")
_GIT_SECONDS = 10


def versions() -> dict[str, str]:
    """Return the installed versions of Python and of the libraries that figures depend on."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def digest(found: Mapping[str, str], facts: Mapping[str, str | int | float], environ: Mapping[str, str] | None = None) -> str:
    """Return a hash of versions, machine and threads: figures of two digests are not compared as if they were of one run."""
    environ = os.environ if environ is None else environ
    threads = {name: environ.get(name, "") for name in _THREADS}
    content = [dict(found), {key: facts[key] for key in _MACHINE if key in facts}, threads]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def describe(workspace: Path, environ: Mapping[str, str] | None = None) -> Provenance:
    """Return the commit of the workspace and the variables that are set; passwords in addresses are blotted out."""
    environ = os.environ if environ is None else environ
    variables = {name: redact(environ[name], {}) for name in _VARIABLES if name in environ}
    commit = _git(workspace, "rev-parse", "HEAD")
    changed = bool(commit and _git(workspace, "status", "--porcelain", "--untracked-files=no"))
    return Provenance(commit=commit, changed=changed, variables=variables)


def _git(folder: Path, *arguments: str) -> str:
    """Return what git prints, nothing where there is no git or no repository."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            capture_output=True, text=True, timeout=_GIT_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
