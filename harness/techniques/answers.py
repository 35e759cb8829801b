"""What a fitted technique answers, where only the likeliest class is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.core.table import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.techniques.inputs import Inputs
    from harness.techniques.technique import Head


def choose_classes(head: Head, inputs: Inputs, rows: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Return the likeliest class of each row; probabilities are held for a block of rows at a time, not for all."""
    parts = [head.predict(inputs, rows[part]).argmax(1) for part in blocks(len(rows), 4 * classes)]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
