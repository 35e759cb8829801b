"""What stands beside the recommendation: other wishes, and what would change it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.core.ranking import Alternative, RankedContender
from harness.rank import wording
from harness.rank.choice import Choice, Field, Rule, choose
from harness.rank.constraints import WORDS
from harness.rank.licenses import commercial_use

# Words of a limit -> the measurement that it bounds, and its unit.
_LIMITS = {"p95 latency": ("latency_p95_ms", "ms"), "memory": ("memory_mb", "MB")}


def name_alternatives(field: Field, rule: Rule, barred: Field, failures: Mapping[str, Sequence[str]]) -> tuple[Alternative, ...]:
    """Name the best by quality, the fastest and the smallest within the margin, and each limit that would change the answer.

    `barred` joins the field with the contenders that measured constraints exclude; `failures` maps the names of those to the
    constraints that they fail.
    """
    found: list[Alternative] = []
    if field.rows:
        choice = choose(field, rule)
        found += [*_always(field, rule, choice), *_tighter(field, rule, field.rows[choice.index])]
    return (*found, *_looser(field, rule, barred, failures))


def _always(field: Field, rule: Rule, choice: Choice) -> list[Alternative]:
    best = max(range(len(field.rows)), key=lambda i: (field.points[i], -rule.cost(field.rows[i])))
    found = [_alternative("best by quality alone", field.rows[best])]
    for wish, measurement in (("fastest within the margin", "latency_p95_ms"), ("smallest within the margin", "memory_mb")):
        measured = [
            (value, -field.points[i], i) for i in choice.eligible if (value := field.rows[i].value(measurement)) is not None
        ]
        if measured:
            found.append(_alternative(wish, field.rows[min(measured)[2]]))
    return found


def _tighter(field: Field, rule: Rule, chosen: RankedContender) -> list[Alternative]:
    """Name what the decision would be under a limit that the recommended contender does not meet."""
    found = []
    for words, (measurement, unit) in _LIMITS.items():
        bound = chosen.value(measurement)
        below = [v for row in field.rows if (v := row.value(measurement)) is not None and bound is not None and v < bound]
        if bound is not None and below:
            limit = wording.between(max(below), bound)
            rest = field.take(_is_within(measurement, limit))
            found.append(_alternative(f"with {words} ≤ {limit:,.12g} {unit}", rest.rows[choose(rest, rule).index]))
    if commercial_use(chosen.license) != "yes":
        free = field.take(lambda row: commercial_use(row.license) == "yes")
        if free.rows:
            found.append(_alternative("with a license that permits commercial use", free.rows[choose(free, rule).index]))
    return found


def _is_within(measurement: str, limit: float) -> Callable[[RankedContender], bool]:
    return lambda row: (value := row.value(measurement)) is not None and value <= limit


def _looser(field: Field, rule: Rule, barred: Field, failures: Mapping[str, Sequence[str]]) -> list[Alternative]:
    """Name whom a constraint keeps from being recommended, where it is the only one in the way."""
    found = []
    for constraint in sorted({name for names in failures.values() for name in names}):
        freed = barred.take(_fails_at_most(constraint, failures))
        other = freed.rows[choose(freed, rule).index] if freed.rows else None
        if other is not None and other.name in failures:
            found.append(_alternative(f"without the constraint on {WORDS[constraint]}", other))
    return found


def _fails_at_most(constraint: str, failures: Mapping[str, Sequence[str]]) -> Callable[[RankedContender], bool]:
    return lambda row: set(failures.get(row.name, ())) <= {constraint}


def _alternative(wish: str, row: RankedContender) -> Alternative:
    return Alternative(wish=wish, candidate=row.candidate, technique=row.technique, detail=wording.summary(row))
