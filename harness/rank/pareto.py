"""The Pareto front."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(costs: Sequence[Sequence[float | None]]) -> tuple[bool, ...]:
    """Tell which rows no other dominates by being as good everywhere and better somewhere; less is better, and gaps bar a row.

    >>> pareto_front([(1, 5), (2, 2), (3, 3), (0, None)])
    (True, True, False, False)
    """
    whole = [tuple(value for value in row if value is not None) if None not in row else None for row in costs]
    return tuple(row is not None and not any(_dominates(other, row) for other in whole if other is not None) for row in whole)


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
