"""The difference of two runs as text: what changed, then the contenders of both, then what still stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.cli.listing import align
from harness.core.difference import ContenderDifference, CostChange, Paired, RunDifference, Shared
from harness.core.history import Change
from harness.errors import one_line

_TITLES = {
    "rows": "rows",
    "task": "task",
    "settings": "settings",
    "machine": "machine",
    "versions": "versions",
    "candidates": "candidates",
}
_LONGEST = 60
_NAMED = 12
_COSTS = {"latency_p95_ms": "p95 latency", "memory_mb": "memory"}


def to_text(found: RunDifference) -> str:
    """Return the whole difference; everything that comes from files is fit for a terminal."""
    return "\n".join(_lines(found))


def _lines(found: RunDifference) -> Iterator[str]:
    before, after = found.before, found.after
    yield f"{one_line(found.task)}: from {_run(before.run, before.started)} to {_run(after.run, after.started)}"
    if after.started < before.started:
        yield "the second run is the older one"
    yield ""
    yield from _rows(found)
    for kind, title in _TITLES.items():
        changes = [change for change in found.changes if change.about == kind]
        if kind != "rows":
            yield from _changes(title, changes)
    yield ""
    yield from _scores(found)
    yield from _costs(found.contenders)
    yield one_line(f"Recommendation of the earlier run: {found.standing.verdict}. {found.standing.reason}")


def _run(run: str, started: str) -> str:
    return one_line(f"{run} ({started[:16].replace('T', ' ')})")


def _rows(found: RunDifference) -> Iterator[str]:
    changes = [change for change in found.changes if change.about == "rows"]
    if not changes:
        yield "rows: the same, and divided in the same way"
        return
    yield from _changes("rows", changes)
    for shared in found.shared:
        yield f"  {_share(shared)}"


def _share(shared: Shared) -> str:
    """Say how many rows both runs have.

    >>> _share(Shared(part="test", before=10, after=12, shared=8, relabeled=1))
    'test rows: 10 and 12, 8 in both; of 1 more the right answer differs'
    """
    more = f"; of {shared.relabeled:,} more the right answer differs" if shared.relabeled else ""
    return f"{shared.part} rows: {shared.before:,} and {shared.after:,}, {shared.shared:,} in both{more}"


def _changes(title: str, changes: Sequence[Change]) -> Iterator[str]:
    if not changes:
        yield f"{title}: the same"
        return
    yield f"{title}:"
    if title == "candidates":
        yield from _candidates(changes)
        return
    for change in changes:
        yield f"  {one_line(change.what)}: {_short(change.before)} → {_short(change.after)}"


def _candidates(changes: Sequence[Change]) -> Iterator[str]:
    """Yield who is in one run alone, in a line each, for many may come or go at once; then who is another in the second."""
    alone = {"gone": [c.what for c in changes if not c.after], "new": [c.what for c in changes if not c.before]}
    for word, names in alone.items():
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield from [one_line(f"  {word}: {', '.join(names[:_NAMED])}{more}")] * bool(names)
    for change in changes:
        if change.before and change.after:
            yield f"  {one_line(change.what)}: {_short(change.after)} ({_short(change.before)} before)"


def _short(text: str) -> str:
    text = one_line(text) or "–"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _scores(found: RunDifference) -> Iterator[str]:
    for names, which in ((found.only_before, "first"), (found.only_after, "second")):
        if names:
            yield one_line(f"in the {which} run only: {', '.join(names)}")
    if not found.contenders:
        yield "no contender was measured in both"
        return
    if found.untold:
        yield one_line(f"scores are not compared: {found.untold}")
        return
    better = "" if found.higher_is_better else ", less is better"
    for part, rows in (
        ("validation", [one.validation for one in found.contenders]),
        ("test", [one.test for one in found.contenders]),
    ):
        known = [(one.name, row) for one, row in zip(found.contenders, rows, strict=True) if row]
        if known:
            yield one_line(f"{found.metric} on the {known[0][1].rows:,} {part} rows of both{better}:")
            yield align(
                ("  contender", "first", "second", "difference", "95 % interval", "changed", ""), [_score(*one) for one in known]
            )
            yield ""


def _score(name: str, row: Paired) -> tuple[str, ...]:
    interval = f"[{_signed(row.low)}, {_signed(row.high)}]"
    return (
        f"  {one_line(name)}",
        f"{row.before:.3f}",
        f"{row.after:.3f}",
        _signed(row.difference),
        interval,
        f"{row.changed:,}",
        row.verdict,
    )


def _signed(value: float) -> str:
    """Write a difference; what rounds to zero has no sign.

    >>> _signed(0.0312), _signed(-0.00001)
    ('+0.031', '0.000')
    """
    text = f"{value:+.3f}"
    return text[1:] if not float(text) else text


def _costs(contenders: Sequence[ContenderDifference]) -> Iterator[str]:
    rows = [(one.name, cost) for one in contenders for cost in one.costs]
    notes = {cost.note for _, cost in rows}
    if not rows:
        return
    shared = notes.pop() if len(notes) == 1 else None
    yield "costs:" if not shared else one_line(f"costs, which cannot be compared: {shared}")
    yield align(("  contender", "", "first", "second", "times", ""), [_cost(name, cost, shared) for name, cost in rows])
    yield ""


def _cost(name: str, cost: CostChange, shared: str | None) -> tuple[str, ...]:
    values = [
        f"{value:.3g} {cost.unit}" if value is not None and value < 1000 else "–" if value is None else f"{value:,.0f} {cost.unit}"
        for value in (cost.before, cost.after)
    ]
    ratio = "–" if cost.ratio is None else f"× {cost.ratio:.2f}"
    return (f"  {one_line(name)}", _COSTS[cost.name], *values, ratio, "" if cost.note == shared else one_line(cost.note))
