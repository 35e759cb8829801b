"""Floating-point operations, counted by torch itself."""

from __future__ import annotations

import sys
from collections.abc import Callable


def count_flops(call: Callable[[], object]) -> int | None:
    """Return the operations of one call (a multiply and an add are two), None where torch took no part or counts nothing."""
    if "torch" not in sys.modules:
        return None
    from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415 - a plugin without torch is measured without it

    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops()) or None
