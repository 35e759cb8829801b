"""How well each contender does on each part of what is told: each type of entity."""

from __future__ import annotations

from harness.core.measurement import PART_F1
from harness.core.ranking import Ranking
from harness.core.report import PartRow, Parts
from harness.core.shown import Column
from harness.report import numbers, prose

_MOST = 12


def build(ranking: Ranking) -> Parts:
    """Return the table, contenders in the order of the ranking and the commonest types first; empty where none was measured."""
    found = [one for row in ranking.rows for one in row.measurements if one.name.startswith(PART_F1)]
    sizes = {one.name: one.n or 0 for one in found}
    names = sorted(sizes, key=lambda name: (-sizes[name], name))
    shown, others = names[:_MOST], [name.removeprefix(PART_F1) for name in names[_MOST:]]
    rows = [
        PartRow(
            contender=prose.contender(row.candidate, row.technique),
            cells={str(place): numbers.quantity(row.value(name), numbers.score) for place, name in enumerate(shown)},
        )
        for row in ranking.rows
        if any(row.value(name) is not None for name in shown)
    ]
    left = f" {prose.plural(len(others), 'rarer type')} left out: {prose.listing(others)}." if others else ""
    return Parts(
        columns=tuple(
            Column(key=str(place), label=name.removeprefix(PART_F1), unit=f"{sizes[name]:,}") for place, name in enumerate(shown)
        ),
        rows=tuple(rows),
        note=f"F1 on the validation rows, with how many entities of each type stand there. Test rows are not looked at.{left}",
    )
