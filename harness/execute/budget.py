"""What training will take, and how much of it a budget allows. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.core.data import Dataset
from harness.techniques.pairs import list_pairs

# Of what is left, so much is planned for: a machine is never as fast again as it was once.
_PRUDENCE = 0.85
_SECONDS_TO_BEGIN = 8.0
# A forward pass takes about a third of a training step.
_FORWARD = 1 / 3
_CURVE_ROWS = 2000
_PROBED = 10_000
# Even alone a contender stops on its way: what it has reached then counts, whatever happens after.
_FEW, _MANY = (0.25, 1.0), (0.08, 0.25, 1.0)
# Into the last round go so many of the shortest trainings at least, or one that is longer, where nothing limits the time.
_LAST = 2.0


@dataclass(frozen=True, slots=True)
class Amounts:
    """Rows that one contender works through: trained on in an epoch, and answered at each look.

    Those that are `probed` are embedded once for all contenders of a candidate that begin as its probe.
    """

    trained: int
    asked: int
    confirmed: int
    probed: int = 0

    @classmethod
    def of(cls, data: Dataset) -> Amounts:
        """Count them; with folds, each one's model is trained."""
        folds = range(len(data.split.folds))
        parts = [data.split.training(fold) for fold in folds]
        trained = sum(len(part) if data.corpus is None else len(list_pairs(data.corpus, part)) for part in parts)
        asked = len(data.split.choosing) + len(folds) * min(_CURVE_ROWS, trained // len(folds))
        # Each fold's model embeds all documents.
        probed = sum(min(_PROBED, len(part)) for part in parts)
        return cls(trained, asked + len(folds) * (data.size - len(data.rows)), len(data.split.test), probed)


@dataclass(frozen=True, slots=True)
class Entrant:
    """A contender before it is trained; `s_per_row` is what a row takes to be trained on once, as far as is known.

    `pace` are the epochs of the shortest training in the race, by which early rounds are measured; 0 stands for its own.
    """

    candidate: str
    technique: str
    recipe: dict[str, str | int | float]
    epochs: float
    s_per_row: float
    pace: float = 0.0

    @property
    def begins_as_probe(self) -> bool:
        """Tell whether its head is fitted on frozen features before it learns."""
        return self.technique == "probe-then-finetune" or self.recipe.get("head") == "probe"

    def reach(self, share: float) -> float:
        """Return how many epochs are done when a round ends: a share of the shortest training's, in the last round all its own.

        >>> [Entrant("a", "lora", {}, 6, 0.01, pace=3).reach(share) for share in (0.1, 0.5, 1.0)]
        [0.3, 1.5, 6]
        """
        return self.epochs if share >= 1 else round(min(self.epochs, share * (self.pace or self.epochs)), 3)

    def seconds(self, amounts: Amounts, share: float, since: float = 0.0) -> float:
        """Return about how long training from one round's end to another's takes, with the answers that are due."""
        asked = 2 * amounts.asked + (amounts.confirmed if share >= 1 else 0)
        rows = amounts.trained * (self.reach(share) - self.reach(since)) + _FORWARD * asked
        return _SECONDS_TO_BEGIN + rows * self.s_per_row


def shares(entrants: int) -> tuple[float, ...]:
    """Return where each round ends, as a share of the shortest training: all run equally far, until the last runs to its end."""
    return _FEW if entrants <= 2 else _MANY


def survivors(entrants: int, techniques: int = 1) -> int:
    """Return how many of a round's contenders the next one has room for, one of each technique at least.

    >>> [survivors(n) for n in (1, 3, 4, 8)], survivors(6, techniques=3)
    ([1, 1, 2, 3], 3)
    """
    return max(techniques, math.ceil(entrants / 3))


def finalists(ordered: Sequence[Entrant]) -> int:
    """Return how many of the last round's contenders, the first ones first, take no more than two of the shortest trainings.

    >>> short, long = Entrant("a", "b", {}, 4, 0.1, pace=4), Entrant("a", "b", {}, 8, 0.1, pace=4)
    >>> [finalists(some) for some in ([short, short, short], [short, long], [long, short], [])]
    [2, 1, 1, 0]
    """
    taken = itertools.accumulate(one.epochs / (one.pace or one.epochs) for one in ordered)
    return max(min(1, len(ordered)), sum(so_far <= _LAST for so_far in taken))


def race_seconds(
    entrants: Sequence[Entrant], amounts: Amounts, until: Sequence[float], since: float = 0.0, *, last: int = 1
) -> float:
    """Return about how long rounds up to the given shares take if each keeps as many as it has room for, whoever they are.

    To the end go at least the `last` ones.
    """
    beginners = {one.candidate: one.s_per_row for one in entrants if one.begins_as_probe} if not since else {}
    total, left = _FORWARD * amounts.probed * sum(beginners.values()), len(entrants)
    techniques = len({one.technique for one in entrants})
    for place, share in enumerate(until):
        left = left if share < 1 else max(left, min(last, len(entrants)))
        total += left * sum(one.seconds(amounts, share, since) for one in entrants) / len(entrants)
        # One of each technique goes on after the first look, where another follows.
        left = survivors(left, 1 if since or place == len(until) - 2 else techniques)
        since = share
    return total


def fit(entrants: Sequence[Entrant], amounts: Amounts, seconds: float) -> tuple[Entrant, ...]:
    """Return as many entrants, the first ones first, as can be raced in the time; alone, one may be trained for fewer epochs.

    Empty where the time does not allow the first of them a single epoch.
    """
    usable = seconds * _PRUDENCE
    for count in range(len(entrants), 0, -1):
        if race_seconds(entrants[:count], amounts, shares(count)) <= usable:
            return tuple(entrants[:count])
    if not entrants:
        return ()
    first = entrants[0]
    epochs = 1.0 + (usable - replace(first, epochs=1.0).seconds(amounts, 1.0)) / (amounts.trained * first.s_per_row)
    if epochs < 1:
        return ()
    whole = float(math.floor(epochs))
    return (replace(first, epochs=whole, pace=whole, recipe={**first.recipe, "epochs": whole}),)


def least_seconds(entrants: Sequence[Entrant], amounts: Amounts) -> float:
    """Return the least time in which any of the entrants is trained for one epoch."""
    return min(replace(one, epochs=min(1.0, one.epochs)).seconds(amounts, 1.0) for one in entrants) / _PRUDENCE


def room(entrants: Sequence[Entrant], amounts: Amounts, until: Sequence[float], *, since: float, seconds: float) -> int:
    """Return how many of the entrants, the first ones first, can run the remaining rounds in the time."""
    counts = range(len(entrants), 0, -1)
    allowed = seconds * _PRUDENCE
    return next((n for n in counts if race_seconds(entrants[:n], amounts, until, since) <= allowed), 0)


def is_affordable(takes: float, seconds: float) -> bool:
    """Tell whether what takes about so long may be begun in the time."""
    return takes <= seconds * _PRUDENCE


def affordable(entrant: Entrant, amounts: Amounts, *, since: float, seconds: float) -> float:
    """Return up to which share of its training an entrant gets in the time, at most 1; `since` if there is none for more."""
    if entrant.seconds(amounts, 1.0, since) <= seconds * _PRUDENCE:
        return 1.0
    spare = seconds * _PRUDENCE - entrant.seconds(amounts, 1.0, 1.0)
    gained = spare / (amounts.trained * entrant.epochs * entrant.s_per_row)
    return round(max(since, since + gained), 3)


def alone(entrant: Entrant, until: Sequence[float], since: float) -> tuple[Entrant, list[float], float]:
    """Return a runner without rivals: it keeps its own pace, as shares of which rounds end and the last one ended."""
    own = replace(entrant, pace=entrant.epochs)
    return own, [entrant.reach(share) / own.epochs for share in until], entrant.reach(since) / own.epochs
