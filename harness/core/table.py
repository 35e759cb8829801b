"""A table of features that is read a block at a time, so that what works on it needs memory for a block and not for all rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Ints = NDArray[np.int64]

BLOCK_BYTES = 2**25


class Table(Protocol):
    """Features of some rows, `(n, d) float32`; an array is one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the number of rows and of features."""
        ...

    def __getitem__(self, rows: slice | Ints, /) -> Floats:
        """Return some of the rows."""
        ...


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean over layers of `(layers, n, d)`; each row's is computed when it is asked for."""

    layers: Floats

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of one layer."""
        return self.layers.shape[1:]

    def __getitem__(self, rows: slice | Ints, /) -> Floats:
        """Average the layers of some rows."""
        total: Floats = self.layers[0][rows].copy()
        for layer in self.layers[1:]:
            total += layer[rows]
        total /= len(self.layers)
        return total


@dataclass(frozen=True, slots=True)
class Selected:
    """Some rows of a table, in the given order; they are copied a part at a time, when they are asked for."""

    table: Table
    rows: Ints

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the number of selected rows, and the table's number of features."""
        return (len(self.rows), self.table.shape[1])

    def __getitem__(self, rows: slice | Ints, /) -> Floats:
        """Return some of the selected rows."""
        return self.table[self.rows[rows]]


def blocks(rows: int, bytes_a_row: int, *, limit: int = BLOCK_BYTES) -> Iterator[slice]:
    """Yield slices that together cover the rows, each of at most so many bytes, but of a row at least.

    >>> list(blocks(5, 8, limit=16))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    size = max(1, limit // max(1, bytes_a_row))
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))
