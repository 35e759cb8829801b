"""How long a last training on all rows will take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.core.measurement import Measurement

_SECONDS_A_MINUTE = 60


def minutes(measurements: Sequence[Measurement], recipe: Mapping[str, str | int | float], rows: int) -> Measurement:
    """Estimate how long training on so many rows, all but those of the test, takes from the measured speed."""
    speed = next(m.value for m in measurements if m.name == "training_s_per_1000_rows")
    epochs = float(recipe["epochs"])
    value = speed * rows / 1000 * epochs / _SECONDS_A_MINUTE
    conditions = f"estimated: {rows} rows, {epochs:g} epochs at the measured speed"
    return Measurement(name="training_minutes", value=value, unit="min", better="lower", conditions=conditions)
