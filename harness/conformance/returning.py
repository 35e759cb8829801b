"""Whether a model gives back what it took: memory after its last use, and the current folder as it was."""

from __future__ import annotations

import ctypes
import gc
import sys
import weakref
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import psutil

from harness.errors import CandidateError
from harness.models.capabilities import HasWeights

CYCLES = 3
# What each cycle of loading, using and dropping may leave: this much, or this share of the weights where that is more.
LEFT_BYTES = 20 * 2**20
LEFT_SHARE = 0.2
_MIB = 2**20
_SHOWN = 5


def check_memory(load: Callable[[], object], use: Callable[[object], object]) -> str:
    """Load, use and drop a model several times, and return how much that left in memory.

    Raises:
        CandidateError: something holds the model, or each cycle leaves more than is allowed.
    """
    hint = "keep no model, weights or features in a module, a class or a cache; what `load` returns must hold all of it"
    levels = []
    allowed = float(LEFT_BYTES)
    # What is there already need not be searched for garbage each time, which takes long where large libraries are loaded.
    gc.freeze()
    for _ in range(CYCLES + 1):
        model = load()
        use(model)
        if isinstance(model, HasWeights):
            allowed = max(allowed, LEFT_SHARE * model.weights().nbytes)
        witness = _witness(model)
        del model
        levels.append(_level())
        if witness is not None and witness() is not None:
            raise CandidateError("the model is still in memory after its last use: something holds it", hint=hint)
    gc.unfreeze()
    # Every cycle must leave something for it to be a leak; a first use of a library leaves something once.
    left = min(after - before for before, after in pairwise(levels))
    if left > allowed:
        what = f"each time it is loaded, used and dropped, {left / _MIB:.0f} MiB stay in memory ({allowed / _MIB:.0f} are allowed)"
        raise CandidateError(what, hint=hint)
    return f"loaded and dropped {CYCLES + 1} times, memory grows by {max(0, left) / _MIB:.1f} MiB a time"


def list_files(folder: Path) -> frozenset[str]:
    """List the files below a folder."""
    return frozenset(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def check_files(folder: Path, before: frozenset[str]) -> str:
    """Look for files that were not in the folder before.

    Raises:
        CandidateError: some were left there.
    """
    found = sorted(list_files(folder) - before)
    if found:
        shown = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
        hint = "write to a folder of `tempfile.TemporaryDirectory`, or nothing at all"
        raise CandidateError(f"it leaves {len(found)} files in the current folder: {shown}", hint=hint)
    return "nothing is left in the current folder"


def _witness(model: object) -> Callable[[], object] | None:
    """Return what tells whether the model is still alive, where its class allows to ask."""
    try:
        return weakref.ref(model)
    except TypeError:
        return None


def _level() -> int:
    """Return the bytes in memory once everything that can be given back is."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
    return int(psutil.Process().memory_info().rss)
