"""What differs between the heads of two runs of a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.core.history import About, Change
from harness.core.run import RunInfo

_OF_TASK = {"name", "description"}
# Settings that change what is measured; what they chose shows itself among candidates, rows and the task.
_SETTINGS = ("techniques", "seed", "effort", "measures", "budget_s", "trial_timeout_s", "memory_limit_bytes")
_SIZES = ("train", "validation", "folds", "test", "documents")
_MACHINE = ("system", "processor", "cores", "threads", "memory_gb", "device", "gpu")
# On these latency and memory depend.
_OF_COSTS = ("processor", "cores", "threads", "device", "gpu")
_HASH = 12
_NAMED = 3


def compare_heads(before: RunInfo, after: RunInfo) -> tuple[Change, ...]:
    """Return what differs in rows, task, settings, machine, versions and candidates, in this order.

    Rows are compared by the hash of their contents and division; the source is told where that differs.
    """
    return (
        *_rows(before, after),
        *_pairs("task", _flat(_task(before)), _flat(_task(after))),
        *_pairs("settings", _settings(before), _settings(after)),
        *_pairs("machine", _machine(before), _machine(after)),
        *_pairs("versions", _versions(before), _versions(after)),
        *_candidates(before, after),
    )


def compare_machines(before: RunInfo, after: RunInfo) -> str:
    """Return why latency and memory of two runs cannot be compared, nothing where they can."""
    differing = [name for name in _OF_COSTS if before.environment.get(name) != after.environment.get(name)]
    return f"measured on another machine ({', '.join(differing)})" if differing else ""


def in_words(changes: Sequence[Change]) -> tuple[str, ...]:
    """Return changes as a few words each; of a kind with many, how many there are.

    >>> in_words([Change(about="candidates", what="a", after="new"), Change(about="versions", what="torch", before="1", after="2")])
    ('torch 1 → 2', 'new: a')
    """
    by_kind: dict[About, list[Change]] = {}
    for change in changes:
        by_kind.setdefault(change.about, []).append(change)
    found = ["rows or their division"] if "rows" in by_kind else []
    for kind in ("task", "settings"):
        found += [_name_some([change.what for change in by_kind[kind]])] if kind in by_kind else []
    found += [f"machine: {_name_some([c.what for c in by_kind['machine']])}"] if "machine" in by_kind else []
    versions = by_kind.get("versions", [])
    found += [f"{one.what} {one.before or '–'} → {one.after or '–'}" for one in versions] if len(versions) <= _NAMED else []
    found += [f"{len(versions)} versions"] if len(versions) > _NAMED else []
    for word in ("new", "gone", "other files", "another card"):
        names = [change.what for change in by_kind.get("candidates", []) if _kind_of(change) == word]
        found += [f"{word}: {_name_some(names)}"] if names else []
    return tuple(found)


def _kind_of(change: Change) -> str:
    """Return what became of a candidate."""
    return "gone" if not change.after else "new" if not change.before else change.after


def _name_some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _rows(before: RunInfo, after: RunInfo) -> Iterator[Change]:
    one, other = before.data, after.data
    if one.digest == other.digest:
        return
    yield Change(about="rows", what="hash", before=one.digest[:_HASH], after=other.digest[:_HASH])
    yield from _pairs("rows", {"source": one.source}, {"source": other.source})
    sizes = [{name: str(getattr(data, name)) for name in _SIZES} for data in (one, other)]
    yield from _pairs("rows", *sizes)
    for name in one.classes:
        if name not in other.classes:
            yield Change(about="rows", what=f"class {name}", before="there")
    for name in other.classes:
        if name not in one.classes:
            yield Change(about="rows", what=f"class {name}", after="there")


def _task(info: RunInfo) -> dict[str, object]:
    return info.task.model_dump(mode="json", exclude=_OF_TASK)


def _settings(info: RunInfo) -> dict[str, str]:
    return _flat(info.settings.model_dump(mode="json", include=set(_SETTINGS)))


def _machine(info: RunInfo) -> dict[str, str]:
    facts = {name: _write(info.environment[name]) for name in _MACHINE if name in info.environment}
    return facts | dict(info.provenance.variables)


def _versions(info: RunInfo) -> dict[str, str]:
    commit = {"commit of the workspace": info.provenance.commit[:_HASH]} if info.provenance.commit else {}
    code = {"code of the metric": str(info.environment["metric_code"])[:_HASH]} if "metric_code" in info.environment else {}
    return info.versions | code | commit


def _candidates(before: RunInfo, after: RunInfo) -> Iterator[Change]:
    cards, others = ({card.name: card for card in info.cards} for info in (before, after))
    for name in sorted({*cards, *others}):
        if name not in others:
            yield Change(about="candidates", what=name, before="there")
        elif name not in cards:
            yield Change(about="candidates", what=name, after="there")
        elif name in before.digests and name in after.digests and before.digests[name] != after.digests[name]:
            yield Change(about="candidates", what=name, before=before.digests[name][:_HASH], after="other files")
        elif cards[name] != others[name]:
            differing = [key for key in type(cards[name]).model_fields if getattr(cards[name], key) != getattr(others[name], key)]
            was = ", ".join(f"{key} {_write(getattr(cards[name], key))}" for key in differing)
            yield Change(about="candidates", what=name, before=was, after="another card")


def _pairs(about: About, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    """Yield what differs between two sets of facts, by the order of the first and then of the second."""
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name, ""), after.get(name, "")
        if one != other:
            yield Change(about=about, what=name, before=one, after=other)


def _flat(content: Mapping[str, object], above: str = "") -> dict[str, str]:
    """Return nested facts under dotted names.

    >>> _flat({"a": {"b": 1.0}, "c": ["x", "y"], "d": None})
    {'a.b': '1', 'c': 'x, y'}
    """
    found: dict[str, str] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{above}{key}.")
        elif value is not None:
            found[f"{above}{key}"] = _write(value)
    return found


def _write(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_write, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
