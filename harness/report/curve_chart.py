"""The figure of learning curves: loss and score by epoch, a panel for each trained contender."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.core.report import Report
from harness.core.training_report import Curve
from harness.core.trial import Epoch
from harness.report.labels import shorten
from harness.report.palette import Palette

if TYPE_CHECKING:
    import altair as alt

WIDTH, HEIGHT = 190.0, 96.0
MOST = 12
_COLUMNS = 3
_PARTS = (("loss", "train_loss", "validation_loss"), ("score", "train_score", "validation_score"))


def curve_chart(report: Report, palette: Palette) -> alt.ConcatChart:
    """Draw the first curves, three beside each other, the loss above the score; all panels share the ranges of their axes."""
    import altair as alt  # noqa: PLC0415 - slow to import

    curves = report.training.curves[:MOST] if report.training else ()
    ranges = {name: _range(curves, fields) for name, *fields in _PARTS}
    panels: list[alt.VConcatChart] = []
    for curve in curves:
        parts = []
        for name, train, validation in _PARTS:
            title = (
                ""
                if curve is not curves[len(panels) // _COLUMNS * _COLUMNS]
                else report.metric_label
                if name == "score"
                else "loss"
            )
            parts.append(_panel(curve, (train, validation), ranges[name], title=title, palette=palette))
        head = alt.TitleParams(
            shorten(curve.name, 34),
            anchor="start",
            fontSize=11,
            fontWeight="normal",
            color=palette.accent if curve.recommended else palette.text,
        )
        panels.append(alt.VConcatChart(vconcat=parts, spacing=6, title=head))
    return alt.ConcatChart(concat=panels, columns=_COLUMNS, spacing=18)


def _panel(curve: Curve, fields: tuple[str, str], domain: tuple[float, float], *, title: str, palette: Palette) -> alt.LayerChart:
    import altair as alt  # noqa: PLC0415 - slow to import

    train, validation = fields
    is_last = validation == "validation_score"
    axis = alt.Axis(tickCount=4, title="epoch" if is_last else None, labels=is_last, format="~g")
    x = alt.X("epoch:Q", scale=alt.Scale(domain=[0, curve.of], nice=False), axis=axis)
    scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    y = alt.Y("value:Q", scale=scale, axis=alt.Axis(tickCount=4, title=title or None, format=".2~f"))
    data = [alt.InlineData(values=_values(curve.points, field)) for field in (train, validation)]
    layers = (
        alt.Chart(data[0]).mark_line(strokeDash=[5, 3], strokeWidth=1.6, color=palette.even).encode(x=x, y=y),
        alt.Chart(data[1]).mark_line(strokeWidth=1.8, color=palette.odd).encode(x=x, y=y),
        alt.Chart(data[1]).mark_point(filled=True, size=22, opacity=1, color=palette.odd).encode(x=x, y=y),
    )
    return alt.LayerChart(layer=layers).properties(width=WIDTH, height=HEIGHT)


def _values(points: Sequence[Epoch], field: str) -> list[dict[str, Any]]:
    return [{"epoch": point.epoch, "value": value} for point in points if (value := getattr(point, field)) is not None]


def _range(curves: Sequence[Curve], fields: Sequence[str]) -> tuple[float, float]:
    """Return a range that holds all curves of a kind, so that panels can be compared."""
    found = [entry["value"] for curve in curves for field in fields for entry in _values(curve.points, field)]
    low, high = min(found), max(found)
    pad = (high - low) * 0.05 or 0.01
    return low - pad, high + pad
