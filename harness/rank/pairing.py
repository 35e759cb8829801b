"""The scores of two runs on the rows that both predicted, paired row by row."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.core.difference import Paired, Part, Shared, Verdict
from harness.core.evidence import Answers, RowNames, Truth
from harness.core.metric_facts import facts_of, is_own
from harness.core.ranking import Estimate
from harness.core.run import RunInfo
from harness.core.trial import Finished
from harness.rank.bootstrap import Reference, Told
from harness.rank.contender import Contender
from harness.rank.ranking import is_lower
from harness.rank.scoring import score_contenders
from harness.rank.statistics import Z, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

Pair = tuple[Contender, Contender]
# A row's content, what is right of it, and which of those that are alike in both it is.
Key = tuple[str, str, int]
# So few rows or groups are resampled to intervals that are far too narrow.
FEWEST = 20
# With fewer changed answers no test can tell a change from chance: of 5 all go one way in 1 of 16 cases.
FEWEST_CHANGED = 6
# An id of a content, with the number of its repetition.
_REPEATED = re.compile(r"([0-9a-f]{16})-\d+")
# Answers whose worth depends on what else was searched.
_OF_COLLECTION = {"documents", "captions"}
# What is counted for each class or type of entity: hits, told, true.
_COUNTS = 3


@dataclass(frozen=True, slots=True)
class Side:
    """One of two runs: its head, its contenders, and its rows by part, in the order of their answers."""

    info: RunInfo
    field: tuple[Contender, ...]
    truth: Truth
    names: Mapping[Part, RowNames]

    def find(self, candidate: str, technique: str) -> Contender | None:
        """Return a contender by its names, if it was measured."""
        return next((one for one in self.field if (one.card.name, one.technique) == (candidate, technique)), None)

    def labels(self, part: Part) -> Ints:
        """Return the right classes of the rows, `(n,) int64`."""
        return self.truth.validation if part == "validation" else self.truth.test

    def groups(self, part: Part) -> tuple[str, ...]:
        """Return the group of each row, empty where there are none."""
        return self.truth.validation_groups if part == "validation" else self.truth.test_groups

    def keys(self, part: Part) -> tuple[Key, ...]:
        """Return what tells the rows apart, whatever their order in a file."""
        names = self.names.get(part, RowNames())
        right = names.references or tuple(self.info.data.classes[label] for label in self.labels(part))
        seen: Counter[tuple[str, str]] = Counter()
        found = []
        for name, answer in zip(names.ids, right, strict=True):
            alike = (_content(name), answer)
            seen[alike] += 1
            found.append((*alike, seen[alike]))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Match:
    """The rows that both runs have: their positions in each, in an order that is the same for every pair of runs."""

    shared: Shared
    before: Ints
    after: Ints
    groups: tuple[str, ...]

    @property
    def units(self) -> int:
        """Return the number of rows, or of groups, that are independent of each other."""
        return len(set(self.groups)) or len(self.before)


def why_untold(before: RunInfo, after: RunInfo) -> str:
    """Return why scores of two runs cannot be compared, whatever their rows; nothing where they can."""
    one, other = before.task, after.task
    if (one.kind, one.target) != (other.kind, other.target):
        return f"the kind of the task differs: {one.kind} and {other.kind}"
    if one.metric != other.metric:
        return f"the metric differs: {one.metric} and {other.metric}"
    if one.target in _OF_COLLECTION and before.data.digest != after.data.digest:
        return "what is searched may differ, and a score depends on all of it"
    if not is_own(one.metric) and (before.data.digest, before.settings.seed) != (after.data.digest, after.settings.seed):
        return f"{one.metric} is kept for whole runs, and the rows or the seed differ"
    return ""


def match(before: Side, after: Side, part: Part) -> Match:
    """Find the rows that both runs have; rows of one content that differ in what is right are not the same.

    Groups are those of the second run, or of the first where the second has none.
    """
    mine, other = before.keys(part), after.keys(part)
    places = {key: i for i, key in enumerate(mine)}
    both = sorted((key, i) for i, key in enumerate(other) if key in places)
    contents = Counter(key[0] for key in mine) & Counter(key[0] for key in other)
    shared = Shared(part=part, before=len(mine), after=len(other), shared=len(both), relabeled=contents.total() - len(both))
    positions = [np.array(found, np.int64) for found in ([places[key] for key, _ in both], [i for _, i in both])]
    groups = [side.groups(part) for side in (before, after)]
    grouped = (
        tuple(groups[1][i] for i in positions[1]) if groups[1] else tuple(groups[0][i] for i in positions[0]) if groups[0] else ()
    )
    return Match(shared, positions[0], positions[1], grouped)


def why_too_few(found: Match) -> str:
    """Return why the rows of both runs tell nothing, nothing where they do."""
    if found.units >= FEWEST:
        return ""
    noun = "group" if found.groups else "row"
    if not found.units:
        return f"the runs share no {found.shared.part} rows"
    return f"{found.units} shared {found.shared.part} {noun}{'s' if found.units > 1 else ''} are too few; {FEWEST} are needed"


def compare_pairs(before: Side, after: Side, pairs: Sequence[Pair], found: Match) -> tuple[Paired, ...]:
    """Return the scores of each pair on the rows of a match, and their differences with 95 % intervals.

    All come from one joint bootstrap: every resample holds the same rows for both contenders of a pair. Seeds of a training are
    resampled with them. Cost: that of ranking all contenders of both runs.

    Raises:
        WorkspaceError: predictions do not fit their rows.
    """
    metric, part = after.info.task.metric, found.shared.part
    if is_own(metric):
        classes = tuple(sorted({*before.info.data.classes, *after.info.data.classes}))
        sides = [_Taking.of(*one, part, classes) for one in ((before, found.before), (after, found.after))]
        field = [take(one) for pair in pairs for take, one in zip(sides, pair, strict=True)]
        right = Reference(sides[1].labels(after.labels(part)), len(classes), found.groups, after.info.task.target)
        scores = score_contenders(metric, field, right, "validation", seed=after.info.settings.seed)
    else:
        field = [one for pair in pairs for one in pair]
        right = Reference(after.labels(part), len(after.info.data.classes), after.groups(part), after.info.task.target)
        scores = score_contenders(metric, field, right, part, seed=after.info.settings.seed)
    lower = is_lower(metric, field)
    results = []
    for i in range(0, len(field), 2):
        points = scores.points[i], scores.points[i + 1]
        changed = _count_changed((field[i], field[i + 1]), found, part if not is_own(metric) else "validation")
        draws = scores.draws[:, i + 1] - scores.draws[:, i]
        is_same = not changed and _is_same_work(field[i], field[i + 1])
        gap = _bound(metric, float(points[1] - points[0]), draws, math.inf if is_same else found.units)
        results.append(
            Paired(
                before=float(points[0]),
                after=float(points[1]),
                difference=gap.score,
                low=gap.low,
                high=gap.high,
                rows=found.shared.shared,
                changed=changed,
                verdict=judge_gap(gap, changed, lower=lower),
            )
        )
    return tuple(results)


def judge_gap(gap: Estimate, changed: int, *, lower: bool) -> Verdict:
    """Say whether a difference shows an improvement; `lower` says that less of the metric is better."""
    if gap.low <= 0 <= gap.high or changed < FEWEST_CHANGED:
        return "not told apart"
    return "better" if (gap.high < 0) is lower else "worse"


def _bound(metric: str, difference: float, draws: Floats, units: float) -> Estimate:
    """Return a difference with its 95 % interval from its draws: percentiles that are moved to lie around it, then widened.

    Where few answers changed, resamples of them spread too little: of none, not at all. So the bootstrap's error is joined with
    that of one more changed row among `units + 2`, as far as the metric has bounds that say what a row can do; infinite units add
    nothing. Source: Agresti and Min 2005, for the difference of two shares of the same rows.
    """
    gap, facts = spread(draws, difference), facts_of(metric)
    one_row = Z * ((facts.greatest or 1.0) - (facts.least or 0.0)) / (units + 2) if facts.is_bounded else 0.0
    low, high = math.hypot(difference - gap.low, one_row), math.hypot(gap.high - difference, one_row)
    return Estimate(score=difference, low=difference - low, high=difference + high)


def _is_same_work(one: Contender, other: Contender) -> bool:
    """Tell whether both runs did the very same, so that no rows could tell them apart."""
    keys = [[answers.record.trial.key for answers in (c.answers, *c.repeats)] for c in (one, other)]
    return keys[0] == keys[1]


def _count_changed(pair: Pair, found: Match, part: Part) -> int:
    """Return how many rows, or groups, were answered otherwise; of trainings with several seeds the first ones count."""
    one, other = (answers.validation if part == "validation" else answers.test for answers in (c.answers for c in pair))
    differs = one != other if one.ndim == 1 else (one != other).any(axis=1)
    return len({found.groups[i] for i in np.flatnonzero(differs)}) if found.groups else int(differs.sum())


@dataclass(frozen=True, slots=True)
class _Taking:
    """Makes of a run's contender one that answered certain rows alone, in the classes of both runs."""

    places: Ints
    part: Part
    classes: tuple[str, ...]
    move: Ints
    target: str
    kept: int

    @classmethod
    def of(cls, side: Side, places: Ints, part: Part, classes: tuple[str, ...]) -> _Taking:
        own = side.info.data.classes
        number = {name: i for i, name in enumerate(classes)}
        move = np.array([number[name] for name in own], np.int64)
        return cls(places, part, classes, move, side.info.task.target, len(own))

    def __call__(self, one: Contender) -> Contender:
        """Return the contender without its measurements, which are of all rows."""
        repeats = tuple(self._answers(other) for other in one.repeats)
        return replace(one, answers=self._answers(one.answers), measurements=(), repeats=repeats)

    def labels(self, labels: Ints) -> Ints:
        """Return what is right of the rows."""
        found = labels[self.places]
        return self.move[found] if self.target == "class" else found

    def _answers(self, answers: Answers) -> Answers:
        told = answers.validation if self.part == "validation" else answers.test
        record = answers.record.model_copy(update={"outcome": Finished()})
        return Answers(record, self._told(told), np.empty(0, np.int64))

    def _told(self, told: Told) -> Told:
        found = told[self.places]
        if self.target == "class":
            return self.move[found.astype(np.int64)]
        if self.target not in {"labels", "tags"}:
            return found
        counted = _COUNTS * self.kept
        counts = np.zeros((len(found), _COUNTS, len(self.classes)))
        counts[:, :, self.move] = found[:, :counted].reshape(len(found), _COUNTS, self.kept)
        return np.concatenate([counts.reshape(len(found), -1), found[:, counted:]], axis=1)


def _content(ident: str) -> str:
    """Return a row's id without the number of its repetition.

    >>> _content("0123456789abcdef-2"), _content("query-2")
    ('0123456789abcdef', 'query-2')
    """
    repeated = _REPEATED.fullmatch(ident)
    return repeated[1] if repeated else ident
