"""The joint evidence on the models of a suite: the resamples of its tasks, combined draw by draw."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.core.measurement import Measurement
from harness.core.ranking import Estimate, RankedContender, Ranking
from harness.errors import WorkspaceError
from harness.rank.choice import Field, Rule
from harness.rank.statistics import EQUAL, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MARGINS = "margins"
_SALT = 30011
# What is preferred -> how the costs on several tasks become one: what must be there at once, what adds up, what is met in turn.
_JOINED = {"memory": "most", "parameters": "most", "training_cost": "sum", "latency": "mean", "throughput": "mean"}


@dataclass(frozen=True, slots=True)
class Part:
    """A task of a suite as it was judged; `field` holds those of its contenders that may be recommended.

    `unfinished` is how many of its trials were planned and not run.
    """

    weight: float
    modality: str
    run: str
    ranking: Ranking
    field: Field
    unfinished: int = 0

    @property
    def name(self) -> str:
        """Return the task's name."""
        return self.ranking.task

    def champions(self) -> dict[str, int]:
        """Return by model the place in the field of the contender that stands for it: its best, or the one that is recommended."""
        found: dict[str, int] = {}
        for i, row in enumerate(self.field.rows):
            best = found.get(row.candidate)
            if best is None or self._standing(i) > self._standing(best):
                found[row.candidate] = i
        return found

    def recommended(self) -> int:
        """Return the place in the field of the task's own recommendation; the field must not be empty."""
        chosen = self.ranking.recommendation
        wanted = (chosen.candidate, chosen.technique) if chosen else None
        return next(i for i, row in enumerate(self.field.rows) if (row.candidate, row.technique) == wanted)

    def _standing(self, place: int) -> tuple[bool, float, str]:
        row, chosen = self.field.rows[place], self.ranking.recommendation
        is_chosen = chosen is not None and (row.candidate, row.technique) == (chosen.candidate, chosen.technique)
        return is_chosen, float(self.field.points[place]), row.technique


@dataclass(frozen=True, slots=True)
class Measure:
    """In what the regrets of a group's tasks are averaged: its name, what each task's is divided by, and the margin in it."""

    unit: str
    scales: tuple[float, ...]
    shares: tuple[float, ...]
    margin: float

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Measure:
        """Choose the metric where all tasks share one of which more is better, else each task's margin.

        Of a metric of which less is better (an error in the labels' own unit), two tasks need not mean the same even if they share
        its name.

        Raises:
            WorkspaceError: margins are needed, and a task has none.
        """
        total = sum(part.weight for part in parts)
        shares = tuple(part.weight / total for part in parts)
        margins = [part.ranking.margin for part in parts]
        metrics = {part.ranking.metric for part in parts}
        if len(metrics) == 1 and all(part.ranking.higher_is_better for part in parts):
            margin = sum(share * own for share, own in zip(shares, margins, strict=True))
            return cls(metrics.pop(), (1.0,) * len(parts), shares, margin)
        for part in parts:
            if part.ranking.margin == 0 and len(parts) > 1:
                what = f'the tasks share no metric, and "{part.name}" has a margin of 0: their regrets cannot be averaged'
                hint = "say under `margin` in its task.yaml what difference does not matter"
                raise WorkspaceError(what, where=part.name, hint=hint)
        if len(parts) == 1:
            return cls(parts[0].ranking.metric, (1.0,), shares, margins[0])
        return cls(MARGINS, tuple(margins), shares, 1.0)


@dataclass(frozen=True, slots=True)
class Board:
    """The models that have a score on every task of a group, in the order of their names.

    `champions` has for every task the place of each model's contender in the task's field. `points` `(models,)` and `draws`
    `(resamples, models)` are mean regrets, negated, so that more is better; `places` `(resamples, models)` are mean ranks, 1 the
    best. `by_task` are the scores of the tasks' fields in the same resamples.
    """

    names: tuple[str, ...]
    champions: tuple[tuple[int, ...], ...]
    points: Floats
    draws: Floats
    places: Floats
    by_task: tuple[Floats, ...]

    def regret(self, model: int) -> Estimate:
        """Return a model's mean regret with its 95 % interval."""
        return spread(-self.draws[:, model])

    def place(self, model: int) -> Estimate:
        """Return a model's mean rank with its 95 % interval."""
        return spread(self.places[:, model])


def lay_out(parts: Sequence[Part], measure: Measure, seed: int) -> Board:
    """Combine the draws of a group's tasks.

    The rows of tasks are independent of each other, and so must their resamples be: the draws of every task, which for equally many
    rows come from the same numbers, are put into an order of its own. Deterministic for a seed, whatever the order of tasks.
    Cost: resamples × tasks × models².
    """
    champions = [part.champions() for part in parts]
    names = tuple(sorted(set.intersection(*(set(found) for found in champions))))
    number = max(len(part.field.draws) for part in parts)
    by_task = tuple(_shuffle(part, seed, number) for part in parts)
    points, draws = np.zeros(len(names)), np.zeros((number, len(names)))
    places = np.zeros((number, len(names)))
    where = tuple(tuple(found[name] for name in names) for found in champions)
    order = sorted(range(len(parts)), key=lambda i: parts[i].name) if names else []
    for i in order:
        share, columns = measure.shares[i], list(where[i])
        best = float(parts[i].field.points.max())
        points -= share * (best - parts[i].field.points[columns]) / measure.scales[i]
        draws -= share * (by_task[i].max(axis=1, keepdims=True) - by_task[i][:, columns]) / measure.scales[i]
        places += share * ranks(by_task[i][:, columns])
    return Board(names, where, points, draws, places, by_task)


def _shuffle(part: Part, seed: int, number: int) -> Floats:
    """Return a task's draws in an order that depends on its name; where it has fewer than others, they come again."""
    draws = part.field.draws
    if not len(draws):
        return np.empty((number, draws.shape[1]))
    generator = np.random.default_rng([seed, _SALT, zlib.crc32(part.name.encode())])
    return draws[np.resize(generator.permutation(len(draws)), number)]


def ranks(scores: Floats) -> Floats:
    """Return the rank of each column within each row, 1 for the most; those that tie share the mean of their ranks.

    >>> ranks(np.array([[0.5, 0.9, 0.5]])).tolist()
    [[2.5, 1.0, 2.5]]
    """
    found = np.empty(scores.shape)
    for i in range(scores.shape[1]):
        ahead = scores - scores[:, [i]]
        found[:, i] = 1 + (ahead > EQUAL).sum(axis=1) + ((np.abs(ahead) <= EQUAL).sum(axis=1) - 1) / 2
    return found


def join_rows(rows: Sequence[RankedContender], rule: Rule, shares: Sequence[float]) -> RankedContender:
    """Return a model's contenders on several tasks as one row, whose cost by the rule is theirs together.

    Latency and throughput are weighted means, memory and parameters those of the largest, training costs add up. The technique is
    empty unless all share it.
    """
    costs = [rule.cost(row) for row in rows]
    ways = {"most": max(costs), "sum": sum(costs), "mean": sum(c * share for c, share in zip(costs, shares, strict=True))}
    total = ways[_JOINED[rule.prefer]]
    found = [Measurement(name=rule.measurement, value=abs(total))] if np.isfinite(total) else []
    trained = [row.value("trainable_parameters") for row in rows]
    found += [Measurement(name="trainable_parameters", value=max(n for n in trained if n is not None))] if any(trained) else []
    techniques = {row.technique for row in rows}
    technique = techniques.pop() if len(techniques) == 1 else ""
    return rows[0].model_copy(update={"technique": technique, "measurements": tuple(found)})
