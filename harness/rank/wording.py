"""Names and numbers as sentences have them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.core.metric_facts import facts_of, is_own
from harness.core.ranking import Gain, RankedContender
from harness.core.technique_names import ASKED, technique_name

_COSTS = {
    "latency_p95_ms": ("p95 latency", "ms"),
    "memory_mb": ("memory", "MB"),
    "throughput_per_s": ("throughput", "rows/s"),
    "parameters": ("parameters", ""),
    "training_minutes": ("training", "min"),
}


def name(row: RankedContender) -> str:
    """Return a contender's name as part of a sentence."""
    return name_of(row.candidate, row.technique)


def name_of(candidate: str, technique: str) -> str:
    """Return a contender's name as part of a sentence; of a baseline or a model that fits itself the candidate's alone.

    >>> name_of("baseline-tfidf", "fit"), name_of("minilm", "lora"), name_of("minilm", "")
    ('baseline-tfidf', 'minilm with LoRA', 'minilm')
    """
    return candidate if technique in {"", "fit"} else f"{candidate} with {technique_name(technique)}"


def training(chosen: RankedContender, gains: Sequence[Gain], rows: Sequence[RankedContender] = ()) -> str:
    """Return in a sentence what training adds to the chosen candidate, and at what cost; empty where it was not trained.

    What was trained in part only, as `rows` tell, left the race: of that no more is said.
    """
    left = {row.technique for row in rows if row.candidate == chosen.candidate and row.is_partial}
    mine = {gain.technique: gain for gain in gains if gain.candidate == chosen.candidate}
    if not mine:
        return ""
    own = mine.get(chosen.technique)
    others = [t for t in mine if t != chosen.technique]
    if own is None:
        best = max(mine.values(), key=lambda gain: gain.gain)
        seen = "" if best.is_seen or best.high < 0 else ", which these rows do not tell from nothing"
        return (
            f" Training its weights ({technique_name(best.technique)}) changes the score by {_points(best, chosen.metric)}{seen}."
        )
    costs = [amount(v, unit) for m, unit in (("training_minutes", "min"), ("training_memory_mb", "MB")) if (v := chosen.value(m))]
    spent = f"; training it takes {' and '.join(costs)}" if costs else ""
    whole, early = ([technique_name(t) for t in others if (t in left) is is_left] for is_left in (False, True))
    better = any(mine[t].gain > own.gain for t in others)
    rest = f"; {enumerate_some(whole)} {'adds' if len(whole) == 1 else 'add'} nothing to that" if whole and not better else ""
    rest += f"; {enumerate_some(early)} left the race early" if early else ""
    features = "" if own.over in {*ASKED, "dense-search"} else " on its frozen features"
    changed = f"{_points(own, chosen.metric)} over {technique_name(own.over)}{features}"
    return f" It changes the score by {changed}{spent}{rest}."


def _points(gain: Gain, metric: str) -> str:
    """Write a gain in points, hundredths of the metric; where it is an error of values, in their unit."""
    if is_own(metric) and not facts_of(metric).is_bounded:
        return f"{gain.gain:+.3g} [{gain.low:.3g}, {gain.high:.3g}]"
    return f"{100 * gain.gain:+.1f} points [{100 * gain.low:.1f}, {100 * gain.high:.1f}]"


def cost(row: RankedContender, measurement: str) -> str:
    """Return a measured cost in brackets after a space, nothing where it was not measured."""
    value = row.value(measurement)
    if value is None:
        return ""
    return f" ({_COSTS[measurement][0]} {amount(value, _COSTS[measurement][1])})"


def amount(value: float, unit: str) -> str:
    """Write a value to three digits with its unit.

    >>> amount(3.9, "ms"), amount(143.26, "MB"), amount(22713216, "")
    ('3.9 ms', '143 MB', '22,713,216')
    """
    text = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{text} {unit}".rstrip()


def probability(value: float) -> str:
    """Write a probability to two digits; a share of resamples never reads as certain.

    >>> probability(0.9713), probability(0.9998), probability(1.0)
    ('0.97', 'over 0.99', 'over 0.99')
    """
    return "over 0.99" if value >= 0.995 else f"{value:.2f}"


def summary(row: RankedContender) -> str:
    """Return a contender's score and costs in one line."""
    span = f"{row.metric} {row.validation.score:.3f} [{row.validation.low:.3f}, {row.validation.high:.3f}]"
    costs = [
        f"{_COSTS[m][0]} {amount(v, _COSTS[m][1])}" for m in ("latency_p95_ms", "memory_mb") if (v := row.value(m)) is not None
    ]
    return ", ".join([span, *costs])


def enumerate_some(names: Sequence[str], most: int = 3) -> str:
    """Join names, the first few where there are many.

    >>> enumerate_some(["a", "b", "c", "d", "e"])
    'a, b, c and 2 others'
    """
    shown = list(names[:most])
    left = len(names) - most
    if left > 0:
        shown.append(f"{left} {'other' if left == 1 else 'others'}")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def round_up(value: float, digits: int = 2) -> int:
    """Round a positive number up to so many digits.

    >>> round_up(381), round_up(40), round_up(1021)
    (390, 40, 1100)
    """
    step: int = 10 ** max(0, math.floor(math.log10(value)) + 1 - digits)
    return math.ceil(round(value / step, 9)) * step


def between(least: float, below: float) -> float:
    """Return the shortest decimal number in [least, below), the greatest of equally short ones; `0 <= least < below`.

    >>> between(8.2, 12.1), between(3.9, 4.0), between(100.4, 387.0)
    (10.0, 3.9, 300.0)
    """
    exponent = math.ceil(math.log10(below))
    for power in range(exponent, exponent - 17, -1):
        step = 10.0**power
        found = round((math.ceil(round(below / step, 9)) - 1) * step, max(0, -power))
        if least <= found < below:
            return found
    return least
