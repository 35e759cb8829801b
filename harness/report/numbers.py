"""How numbers are written: with as many digits as were measured, a unit, and a dash where there is nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from harness.core.measurement import Measurement
from harness.core.metric_facts import facts_of, is_own
from harness.core.shown import DASH, Quantity

Writer = Callable[[float], str]
_SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
_OPERATIONS = ((1e12, "TFLOP"), (1e9, "GFLOP"), (1e6, "MFLOP"), (1e3, "kFLOP"))


def significant(value: float, digits: int = 3) -> str:
    """Write a number with so many significant digits, never in scientific notation.

    >>> significant(3.1), significant(1234.0), significant(0.01239), significant(9.996)
    ('3.10', '1,230', '0.0124', '10.0')
    """
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = digits - 1 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(decimals, 0)}f}"


def score(value: float) -> str:
    """Write a metric with three decimals; what rounds to zero has no sign.

    >>> score(0.93), score(-0.0001)
    ('0.930', '0.000')
    """
    return f"{value:.3f}".replace("-0.000", "0.000")


def interval(low: float, high: float) -> str:
    """Write an interval.

    >>> interval(0.9, 0.95)
    '[0.900, 0.950]'
    """
    return f"[{score(low)}, {score(high)}]"


def probability(value: float) -> str:
    """Write a probability with two decimals, never as certainty: it comes from a finite number of resamples.

    >>> probability(0.974), probability(1.0), probability(0.001)
    ('0.97', '> 0.99', '< 0.01')
    """
    if value < 0.01:
        return "< 0.01"
    return "> 0.99" if value > 0.99 else f"{value:.2f}"


def points(value: float) -> str:
    """Write a difference of a metric in points, hundredths of it.

    >>> points(0.0312), points(-0.0001)
    ('+3.1', '0.0')
    """
    text = f"{100 * value:+.1f}"
    return "0.0" if text in {"+0.0", "-0.0"} else text


def signed(value: float) -> str:
    """Write a difference in the metric's own unit.

    >>> signed(0.0312), signed(-12.345), signed(0.0)
    ('+0.0312', '-12.3', '0')
    """
    return ("+" if value > 0 else "") + significant(value)


def gain_writer(metric: str) -> tuple[Writer, str]:
    """Return how differences of a metric are written, and their unit: points where it has bounds, else the unit of the values.

    >>> gain_writer("accuracy")[1], gain_writer("rmse")[1]
    (' points', '')
    """
    return (points, " points") if facts_of(metric).is_bounded or not is_own(metric) else (signed, "")


def megabytes(value: float) -> str:
    """Write a size in MB.

    >>> megabytes(86.64), megabytes(2143.2)
    ('86.6', '2,143')
    """
    return f"{value:,.1f}" if abs(value) < 999.95 else f"{value:,.0f}"


def count(value: float) -> str:
    """Write a large count in short.

    >>> count(22713216), count(999960000), count(1234), count(77)
    ('22.7 M', '1.00 B', '1.23 K', '77')
    """
    return _scaled(value, _SCALES) or f"{value:.0f}"


def operations(value: float) -> str:
    """Write floating-point operations.

    >>> operations(1.234e9)
    '1.23 GFLOP'
    """
    return _scaled(value, _OPERATIONS) or f"{value:.0f} FLOP"


def percent(value: float) -> str:
    """Write a share.

    >>> percent(0.0321)
    '3.2 %'
    """
    return f"{value * 100:.1f} %"


def setting(value: str | float) -> str:
    """Write a setting of a recipe.

    >>> setting(3.1622776601683795), setting(2e-05), setting("auto")
    ('3.162', '2e-05', 'auto')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def settings(recipe: Mapping[str, str | int | float]) -> str:
    """Write all settings of a recipe."""
    return ", ".join(f"{key} {setting(value)}" for key, value in recipe.items())


def duration(seconds: float) -> str:
    """Write a time span.

    >>> duration(42.2), duration(125), duration(7300)
    ('42 s', '2 min 5 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def quantity(value: float | None, write: Writer, *, note: str = "") -> Quantity:
    """Return a number with its text; the dash with "not measured" for None and for what is no number."""
    if value is None or not math.isfinite(value):
        return Quantity()
    return Quantity(value=value, text=write(value), note=note)


def measured(found: Measurement | None, write: Writer) -> Quantity:
    """Return a measurement with its text, its interval and the number of observations behind it."""
    if found is None:
        return Quantity()
    parts = [f"{write(found.low)} to {write(found.high)}"] if found.low is not None and found.high is not None else []
    parts += [f"from {found.n:,} observations"] if found.n else []
    return quantity(found.value, write, note=", ".join([*parts, *([found.conditions] if found.conditions else [])]))


def or_dash(text: str) -> str:
    """Return the text, or a dash for an empty one."""
    return text or DASH


def _scaled(value: float, scales: tuple[tuple[float, str], ...]) -> str:
    """Write in the largest scale in which the rounded number is at least 1."""
    rounded = float(f"{value:.2e}")
    return next((f"{significant(rounded / scale)} {name}" for scale, name in scales if abs(rounded) >= scale), "")
