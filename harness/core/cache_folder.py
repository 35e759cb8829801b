"""Where bench keeps what runs share: `$BENCH_CACHE`, else a folder of its own among the user's caches."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder, which need not exist yet.

    Raises:
        RuntimeError: nothing names it, and no home folder is known.
    """
    stated = environ.get("BENCH_CACHE", "")
    return (Path(stated).expanduser() if stated else _user_folder(environ) / "bench").absolute()


def _user_folder(environ: Mapping[str, str]) -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    stated = Path(environ.get("XDG_CACHE_HOME", ""))
    return stated if stated.is_absolute() else Path.home() / ".cache"
