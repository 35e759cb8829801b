"""How the costs of a contender changed between two runs."""

from __future__ import annotations

from harness.core.difference import CostChange
from harness.core.measurement import Measurement
from harness.rank.contender import Contender

_COSTS = (("latency_p95_ms", "ms"), ("memory_mb", "MB"))


def compare_costs(before: Contender, after: Contender, machines: str) -> tuple[CostChange, ...]:
    """Return p95 latency and memory of a contender in both runs, none of them where neither measured it.

    `machines` says why they cannot be compared at all, and is empty where they can.
    """
    found = []
    for name, unit in _COSTS:
        one, other = before.find(name), after.find(name)
        if one is None and other is None:
            continue
        note = _why_incomparable(one, other) or machines
        ratio = other.value / one.value if one and other and not note else None
        values = {"before": one and one.value, "after": other and other.value}
        found.append(CostChange.model_validate({"name": name, "unit": unit, "ratio": ratio, "note": note, **values}))
    return tuple(found)


def _why_incomparable(one: Measurement | None, other: Measurement | None) -> str:
    if one is None or other is None:
        return f"not measured in the {'first' if one is None else 'second'} run"
    if one.conditions != other.conditions:
        return f"measured under other conditions ({one.conditions}; {other.conditions})"
    return "" if one.value > 0 else "the first is 0"
