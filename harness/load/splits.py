"""Dividing rows into what is learned from, what chooses, and what confirms.

What is divided are units: groups where the task has them, else rows of identical content, so neither ever stands on both sides.
The order of units comes from a hash of seed and unit, so a division does not depend on the order of rows in a file.

Shares per class, for a class of `n` units: test takes about a fifth of its rows and leaves at least two units; it takes at least
one unit if `n` is 3 or more, so a class of two units has no test rows. A hold-out for validation takes about a fifth of what is
left, at least one unit where possible, and leaves at least one.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from harness.core.data import Rows, Split
from harness.errors import BenchError, TaskError, raise_all

SHARE = 0.2
FOLDS = 5
HOLD_OUT_FROM = 200
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Unit:
    """Rows that stay together: their positions, and how many there are of each class."""

    order: str
    positions: tuple[int, ...]
    counts: Counter[int]


def split(rows: Rows, test: Sequence[int] | None, seed: int) -> Split:
    """Divide rows: test as given or a fifth, then a fifth of the rest to choose, or five folds where that is under 200 rows.

    Every class that is left after test has at least one row on every training side. Rows of several labels are divided by their
    rarest, rows of values by size; there no such promise is made.

    Raises:
        TaskError: for classes whose rows all stay together, so that they cannot be both learned and predicted; all at once.
    """
    if test is None:
        units = _units(rows, range(len(rows)), seed, "test")
        _check_units(units, rows)
        test = _hold_out(units, leave=2)
        if not test:
            msg = f"{len(units)} different rows or groups are too few to set some aside for test"
            raise TaskError(msg, hint="give at least 3 for some class, better 30 for each")
    tested = set(test)
    rest = [position for position in range(len(rows)) if position not in tested]
    units = _units(rows, rest, seed, "validation")
    _check_units(units, rows)
    if len(rest) * SHARE < HOLD_OUT_FROM:
        folds = _deal(units)
        _check_folds(folds, rows)
        return Split((), folds, tuple(sorted(test)))
    chosen = set(_hold_out(units, leave=1))
    learn = tuple(position for position in rest if position not in chosen)
    return Split(learn, (tuple(sorted(chosen)),), tuple(sorted(test)))


def _units(rows: Rows, positions: Sequence[int], seed: int, purpose: str) -> list[_Unit]:
    """Gather the units of some rows in an order that depends on seed, purpose and units alone."""
    strata = rows.strata()
    members: dict[str, list[int]] = defaultdict(list)
    for position in positions:
        members[rows.groups[position] if rows.groups else rows.ids[position].partition("-")[0]].append(position)
    units = (
        _Unit(
            hashlib.sha256(f"{seed}|{purpose}|{key}".encode(errors="surrogatepass")).hexdigest(),
            tuple(where),
            Counter(strata[position] for position in where),
        )
        for key, where in members.items()
    )
    return sorted(units, key=lambda unit: unit.order)


def _rarest_first(units: Sequence[_Unit]) -> list[tuple[int, list[_Unit]]]:
    """Pair each class with its units, the class with the fewest first: it has the least choice."""
    by_class: dict[int, list[_Unit]] = defaultdict(list)
    for unit in units:
        for label in unit.counts:
            by_class[label].append(unit)
    return sorted(by_class.items(), key=lambda pair: (len(pair[1]), pair[0]))


def _hold_out(units: Sequence[_Unit], *, leave: int) -> tuple[int, ...]:
    """Choose units that come nearest to a fifth of the rows of each class, leaving at least `leave` units of each.

    Units are taken and given back as long as that brings the classes nearer to their share, which ends because each step does.
    """
    part = _Part(units)
    ordered = _rarest_first(units)
    changed = True
    while changed:
        changed = False
        for unit in (unit for _, members in ordered for unit in members):
            if unit.order in part.chosen:
                improves = part.distance(unit, -1) < part.distance(unit, 0)
            else:
                improves = part.can_take(unit, leave) and part.distance(unit, 1) < part.distance(unit, 0)
            if improves:
                part.move(unit)
                changed = True
    for label, members in ordered:
        free = next((unit for unit in members if part.can_take(unit, leave)), None)
        if not part.rows[label] and free:
            part.move(free)
    return tuple(sorted(position for unit in part.chosen.values() for position in unit.positions))


class _Part:
    """The units chosen so far, and how many rows of each class they hold."""

    def __init__(self, units: Sequence[_Unit]) -> None:
        total = sum((unit.counts for unit in units), Counter[int]())
        self.wanted = {label: round(SHARE * number) for label, number in total.items()}
        self.left = Counter(label for unit in units for label in unit.counts)
        self.rows: Counter[int] = Counter()
        self.chosen: dict[str, _Unit] = {}

    def can_take(self, unit: _Unit, leave: int) -> bool:
        return unit.order not in self.chosen and all(self.left[label] > leave for label in unit.counts)

    def distance(self, unit: _Unit, times: int) -> int:
        """Return how far the unit's classes are from their share, squared, with the unit added that many times."""
        return sum((self.wanted[label] - self.rows[label] - times * number) ** 2 for label, number in unit.counts.items())

    def move(self, unit: _Unit) -> None:
        """Take a unit, or give it back."""
        if self.chosen.pop(unit.order, None):
            self.rows.subtract(unit.counts)
            self.left.update(unit.counts.keys())
        else:
            self.chosen[unit.order] = unit
            self.rows.update(unit.counts)
            self.left.subtract(unit.counts.keys())


@dataclass(frozen=True, slots=True)
class _Fold:
    """What a fold holds so far: positions, rows of each class, units of each class."""

    positions: list[int]
    rows: Counter[int]
    units: Counter[int]

    def add(self, unit: _Unit) -> None:
        self.positions.extend(unit.positions)
        self.rows.update(unit.counts)
        self.units.update(unit.counts.keys())


def _deal(units: Sequence[_Unit]) -> tuple[tuple[int, ...], ...]:
    """Deal units to folds, each to the one that has the fewest rows of its classes, and if possible no whole class to one fold."""
    total = Counter(label for unit in units for label in unit.counts)
    folds = [_Fold([], Counter(), Counter()) for _ in range(min(FOLDS, len(units)))]
    dealt: set[str] = set()
    for _, members in _rarest_first(units):
        for unit in members:
            if unit.order not in dealt:
                dealt.add(unit.order)
                min(folds, key=partial(_cost, unit=unit, total=total)).add(unit)
    return tuple(tuple(sorted(fold.positions)) for fold in folds if fold.positions)


def _cost(fold: _Fold, unit: _Unit, total: Counter[int]) -> tuple[int, int, int]:
    """Return how ill a unit fits a fold: classes it would then hold whole, rows of the unit's classes, rows in all."""
    whole = sum(fold.units[label] + 1 == total[label] for label in unit.counts)
    return whole, sum(fold.rows[label] for label in unit.counts), len(fold.positions)


def _check_units(units: Sequence[_Unit], rows: Rows) -> None:
    """Raise a fault for every class that has fewer than two units."""
    if rows.target != "class":
        return
    number = Counter(label for unit in units for label in unit.counts)
    alone = sorted(label for label in number if number[label] < 2)
    why = "belong to one group" if rows.groups else "have the same content"
    faults: list[BenchError] = [
        TaskError(f'all rows of class "{rows.classes[label]}" {why}', hint="add rows of that class, or remove it")
        for label in alone[:_SHOWN]
    ]
    raise_all(faults)


def _check_folds(folds: Sequence[Sequence[int]], rows: Rows) -> None:
    """Raise a fault when a fold holds all rows of a class, which its model would then never see."""
    if rows.target != "class":
        return
    labels = rows.strata()
    total = Counter(labels[position] for fold in folds for position in fold)
    for fold in folds:
        held = Counter(labels[position] for position in fold)
        for label in sorted(held):
            if held[label] == total[label]:
                msg = f'the groups cannot be divided so that class "{rows.classes[label]}" is always learned from'
                raise TaskError(msg, hint="add groups that hold that class, or leave data.group out")
