"""The joint bootstrap: the same resamples of rows for every contender, so that differences are paired."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 2000
_BLOCK_CELLS = 2_000_000


def resamples(rows: int, groups: Sequence[str], seed: int, number: int = RESAMPLES) -> Iterator[NDArray[np.float32]]:
    """Yield blocks `(b, rows) float32` of row weights; the blocks together hold `number` resamples.

    Rows are drawn with replacement; with `groups` (one key a row) whole groups are. The draw depends on `rows`, `groups` and `seed`
    alone. Memory is bounded by the block: about 40 MB, or 30 bytes a row where a single resample takes more.
    """
    generator = np.random.default_rng([seed, 20021])
    keys = _numbers(groups) if groups else None
    units = rows if keys is None else int(keys.max()) + 1
    block = max(1, min(number, _BLOCK_CELLS // max(1, rows)))
    for start in range(0, number, block):
        size = min(block, number - start)
        drawn = generator.integers(units, size=(size, units)) if units else np.empty((size, 0), np.int64)
        drawn += units * np.arange(size)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units).astype(np.float32)
        del drawn
        yield weights if keys is None else weights[:, keys]


def _numbers(groups: Sequence[str]) -> NDArray[np.int64]:
    """Number the groups in the order of their keys; no array of keys is made, which one long key would blow up."""
    number = {key: i for i, key in enumerate(sorted(set(groups)))}
    return np.fromiter((number[key] for key in groups), np.int64, len(groups))
