"""The race as a table: who ran in which round, who left and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.core.race import Race, Runner
from harness.core.ranking import Ranking
from harness.core.shown import Column
from harness.core.training_report import RaceCourse, RunnerRow
from harness.report import numbers, prose

_NO_TIME = "no time was left for its next round"

Recipe = Mapping[str, str | int | float]


@dataclass(slots=True)
class _Lane:
    """One runner with what it did in each round, by the round's place."""

    rounds: dict[int, Runner] = field(default_factory=dict)

    @property
    def last(self) -> Runner:
        return self.rounds[max(self.rounds)]

    @property
    def score(self) -> float | None:
        """Return the last score that it reached."""
        return next((found for i in sorted(self.rounds, reverse=True) if (found := self.rounds[i].score) is not None), None)


def build(race: Race, ranking: Ranking) -> RaceCourse:
    """Return the course of the race; who came furthest and scored best stands first."""
    lanes: dict[tuple[object, ...], _Lane] = {}
    for place, one in enumerate(race.rounds):
        for runner in one.runners:
            lanes.setdefault(_identity(runner), _Lane()).rounds[place] = runner
    sign = 1 if ranking.higher_is_better else -1
    ordered = sorted(
        lanes.values(), key=lambda lane: (-max(lane.rounds), _worth(lane, sign), lane.last.candidate, lane.last.technique)
    )
    choose = max if ranking.higher_is_better else min
    frozen = [row.validation.score for row in ranking.rows if not (row.is_trained or row.is_asked or row.baseline or row.control)]
    return RaceCourse(
        columns=tuple(
            Column(key=f"round_{one.number}", label=f"Round {one.number}", unit=f"to {_share(one.share)}") for one in race.rounds
        ),
        shares=tuple(one.share for one in race.rounds),
        runners=tuple(_row(place, ordered, race, _chosen(ranking)) for place in range(len(ordered))),
        absent=race.absent,
        frozen=choose(frozen) if frozen else None,
    )


def setting(recipe: Recipe, others: Sequence[Recipe]) -> str:
    """Return the learning rate, and whatever else tells a recipe from others.

    >>> setting({"learning_rate": 2e-05, "rank": 8}, [{"learning_rate": 2e-05, "rank": 16}])
    'lr 2e-05, rank 8'
    """
    parts = [f"lr {numbers.setting(recipe['learning_rate'])}"] if "learning_rate" in recipe else []
    differs = [key for key in recipe if key != "learning_rate" and any(other.get(key) != recipe[key] for other in others)]
    return ", ".join([*parts, *(f"{key.replace('_', ' ')} {numbers.setting(recipe[key])}" for key in differs)])


def _row(place: int, lanes: Sequence[_Lane], race: Race, chosen: str) -> RunnerRow:
    lane, rounds = lanes[place], range(len(race.rounds))
    runner = lane.last
    mine = (runner.candidate, runner.technique)
    others = [o.last.recipe for o in lanes if (o.last.candidate, o.last.technique) == mine]
    reason = runner.reason or (_NO_TIME if max(lane.rounds) < len(race.rounds) - 1 else "")
    scores = [lane.rounds[i].score if i in lane.rounds else None for i in rounds]
    notes = ["not run" if i not in lane.rounds else "did not finish" for i in rounds]
    return RunnerRow(
        number=place + 1,
        candidate=runner.candidate,
        how=prose.how(runner.technique),
        setting=setting(runner.recipe, others),
        recommended=bool(chosen) and chosen in {r.trial for r in lane.rounds.values()},
        left=bool(reason) or runner.epochs < runner.of,
        scores=tuple(
            numbers.quantity(score, numbers.score).model_copy(update={} if score is not None else {"note": note})
            for score, note in zip(scores, notes, strict=True)
        ),
        chance=numbers.quantity(runner.chance, numbers.probability),
        end=_end(runner, race.rounds[max(lane.rounds)].number, reason),
        reason=reason,
    )


def _end(runner: Runner, number: int, reason: str) -> str:
    if reason:
        return f"left in round {number}" if runner.score is None else f"left after round {number}"
    if runner.epochs < runner.of:
        return f"stopped at {prose.epochs(runner.epochs, runner.of)}"
    return "trained to the end"


def _identity(runner: Runner) -> tuple[object, ...]:
    """Return what stays the same of a runner from round to round."""
    return (runner.candidate, runner.technique, *sorted(runner.recipe.items(), key=lambda item: item[0]))


def _worth(lane: _Lane, sign: int) -> tuple[bool, float]:
    return (lane.score is None, -sign * (lane.score or 0.0))


def _chosen(ranking: Ranking) -> str:
    """Return the key of the recommended contender's trial."""
    found = ranking.recommendation
    wanted = (found.candidate, found.technique) if found else None
    return next((row.trial for row in ranking.rows if (row.candidate, row.technique) == wanted), "")


def _share(share: float) -> str:
    return f"{100 * share:.3g} %"
