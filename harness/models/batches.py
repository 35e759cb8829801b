"""Batches that fit in memory: as many rows at once as the device's budget allows, halved wherever memory runs out."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.core.data import place_words
from harness.errors import CandidateError

if TYPE_CHECKING:
    from PIL.Image import Image

# What libraries say where they have no exception of their own for it: torch on the CPU and on Apple's GPU, CUDA's libraries, C++,
# and oneDNN, which cannot make the code of an operation where there is no memory left for it.
_SIGNS = (
    "can't allocate memory",
    "out of memory",
    "_alloc_failed",
    "bad_alloc",
    "could not create a primitive",
    "could not create a memory",
)

# Pictures of one batch, to begin with.
PICTURES_PER_BATCH = {"cpu": 32, "cuda": 128, "mps": 32}

Floats = NDArray[np.float32]


class Batches:
    """Cuts rows into batches of a budget: so many cells, of which a row takes as many as the longest row beside it.

    A budget that turned out too large is halved for good. What is computed does not depend on it.
    """

    def __init__(self, budget: int) -> None:
        """Start with what the device is known to take."""
        self.budget = budget

    def run(
        self,
        lengths: Sequence[int],
        forward: Callable[[list[int]], Floats],
        explain: Callable[[int], CandidateError],
        words: Sequence[int] = (),
    ) -> Floats:
        """Return `(layers, n, d)` of rows with the given lengths; `forward` maps positions to `(layers, len(positions), d)`.

        The longest rows come first, so that memory runs out at the start or not at all. Where it does, the same rows are tried
        again, half as many at once. Of rows that are sentences `words` says how many words each has, and `n` counts these.

        Raises:
            CandidateError: a single row does not fit; `explain` says of which length and what to do.
        """
        features: Floats = np.empty((1, 0, 0), np.float32)
        order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
        start = 0
        while start < len(order):
            longest = lengths[order[start]]
            rows = order[start : start + max(1, self.budget // longest)]
            found = attempt(partial(forward, rows))
            if found is None and len(rows) == 1:
                raise explain(rows[0])
            if found is None:
                self.budget = len(rows) // 2 * longest
                continue
            if not start:
                features = np.empty((found.shape[0], sum(words) if words else len(lengths), found.shape[2]), np.float32)
            features[:, place_words(words, rows)] = found
            start += len(rows)
        return features

    def run_pictures(self, images: Sequence[Image], forward: Callable[[list[Image]], Floats], device: str) -> Floats:
        """Return `(1, n, d)` of pictures; `forward` maps some of them to `(m, d)`.

        Raises:
            CandidateError: a single picture does not fit in memory.
        """
        return self.run(
            [1] * len(images),
            lambda rows: forward([images[i] for i in rows])[None],
            lambda row: too_large(images[row].size, device),
        )


def attempt(call: Callable[[], Floats]) -> Floats | None:
    """Return what a call gives, or None where memory did not suffice; what the failed call held is given back before."""
    try:
        return call()
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    # Only here is the error gone, and with it the frames that held the tensors of the failed call.
    release()
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory did not suffice, be it the machine's or a device's."""
    if isinstance(error, MemoryError) or any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)


def release() -> None:
    """Give back the memory that nothing refers to: the interpreter's, the C library's and a device's."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if torch is not None and torch.backends.mps.is_available():
        torch.mps.empty_cache()


def too_large(size: tuple[int, int], device: str) -> CandidateError:
    """Say that one picture alone does not fit in memory."""
    what = f"a single picture of {size[0]} × {size[1]} pixels does not fit into the memory of device {device}"
    return CandidateError(what, hint="use a smaller model, or a device with more memory")
