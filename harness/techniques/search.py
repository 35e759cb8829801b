"""Exact search by cosine, in blocks: every document is looked at, and memory beside the index is that of a block."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.table import blocks

# Queries compared at once, and cosines of one block.
QUERIES = 64
CELLS = 2**21
# Documents looked at more closely than are asked for: rounding could put one of them wrongly behind the last.
_SPARE = 32
# Cosines that agree so far are equal, the nearer ones by far than float32 tells apart; the order of the corpus then decides.
_DIGITS, _COARSE_DIGITS = 9, 5

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class Index:
    """Directions of documents, in the memory of the device on which they are compared."""

    def __init__(self, vectors: Floats, device: str = "cpu", *, cells: int = CELLS) -> None:
        """Take vectors `(n, d)`, which are scaled to length 1 where they lie.

        Torch compares them where it is loaded, else NumPy.
        """
        for part in blocks(len(vectors), vectors[:1].nbytes):
            lengths = np.linalg.norm(vectors[part], axis=1, keepdims=True)
            vectors[part] /= np.maximum(lengths, np.finfo(np.float32).tiny)
        self.directions = vectors
        self._cells = cells
        self._torch: Any = sys.modules.get("torch")
        self._held: Any = vectors if self._torch is None else self._torch.from_numpy(vectors).to(device)

    @property
    def size_mb(self) -> float:
        """Return what the directions take in MiB."""
        return self.directions.nbytes / 2**20

    def search(self, queries: Floats, count: int) -> Ints:
        """Return the positions of the `count` nearest documents of each query, nearest first, `(queries, count)`.

        Of a smaller corpus all are returned. Equal ones stand in the order of the corpus. The size of blocks changes nothing: the
        nearest are compared again in float64.
        """
        count = min(count, len(self.directions))
        most = min(count + _SPARE, len(self.directions))
        asked = queries / np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        found = np.empty((len(asked), count), np.int64)
        for part in blocks(len(asked), 1, limit=QUERIES):
            found[part] = self._order(asked[part], self._nearest(asked[part], most), count)
        return found

    def _nearest(self, asked: Floats, most: int) -> Ints:
        """Return the positions of about the nearest documents in no order, `(asked, most)`."""
        near, values = np.empty((len(asked), 0), np.int64), np.empty((len(asked), 0), np.float32)
        for part in blocks(len(self.directions), 1, limit=max(1, self._cells // len(asked))):
            cosines = self._compare(asked, part)
            here = _largest(cosines, most)
            near = np.concatenate([near, here + part.start], axis=1)
            values = np.concatenate([values, np.take_along_axis(cosines, here, axis=1)], axis=1)
            kept = _largest(values, most)
            near, values = np.take_along_axis(near, kept, axis=1), np.take_along_axis(values, kept, axis=1)
        return near

    def _compare(self, asked: Floats, part: slice) -> Floats:
        """Return the cosines of queries to a part of the documents, as far as float32 tells them."""
        held = self._held[part]
        if self._torch is None:
            found: Floats = asked @ held.T
        else:
            with self._torch.inference_mode():
                found = (self._torch.from_numpy(asked).to(held.device) @ held.T).cpu().numpy()
        return found

    def _order(self, asked: Floats, near: Ints, count: int) -> Ints:
        """Return the nearest `count` of some documents of each query, nearest first, by products summed in float64."""
        found = np.empty((len(asked), count), np.int64)
        for row, (query, places) in enumerate(zip(asked.astype(np.float64), near, strict=True)):
            # Sums in float64 differ by far less than what is rounded away, whichever documents are summed beside one another.
            cosines = np.round(self.directions[places].astype(np.float64) @ query, _DIGITS)
            found[row] = places[np.lexsort((places, -cosines))[:count]]
        return found


def _largest(values: Floats, count: int) -> Ints:
    """Return where the `count` largest values of each row stand, in ascending order; of such as rounding leaves equal the first."""
    width = values.shape[1]
    if width <= count:
        return np.tile(np.arange(width), (len(values), 1))
    edges = np.partition(values, width - count, axis=1)[:, width - count]
    found = np.empty((len(values), count), np.int64)
    for row, (mine, edge) in enumerate(zip(values, edges, strict=True)):
        near = np.flatnonzero(mine >= edge - 10.0**-_COARSE_DIGITS)
        if len(near) > count:
            coarse = np.round(mine[near], _COARSE_DIGITS)
            near = np.sort(near[np.lexsort((near, -coarse))[:count]])
        found[row] = near
    return found
