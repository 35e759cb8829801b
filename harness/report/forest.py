"""The figure of every contender's interval, in the order and the groups of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.core.report import Report, Row
from harness.core.shown import Score
from harness.report.labels import shorten, text_width
from harness.report.palette import Palette

if TYPE_CHECKING:
    import altair as alt

WIDTH = 430.0
_STEP, _HEAD = 22.0, 26.0
_EDGE = 8.0
# By so much of itself a text is wider on a page than here where the page's font is a wide one.
_WIDER = 0.35


def forest(report: Report, palette: Palette) -> alt.LayerChart:
    """Draw a line for each contender in view: its name, its interval, its test score and the numbers."""
    import altair as alt  # noqa: PLC0415 - slow to import

    lines, heads, height = _lines(report, palette)
    low = min(min(line["low"], line["test"] or line["low"]) for line in lines)
    high = max(max(line["high"], line["test"] or line["high"]) for line in lines)
    pad = (high - low) * 0.04 or 0.01
    x_title = report.metric_label + ("" if report.higher_is_better else " (lower is better)")
    x_scale = alt.Scale(domain=[low - pad, high + pad], nice=False, zero=False)
    x_axis = alt.Axis(format=".2f" if high - low > 0.05 else ".3f", tickCount=6, title=x_title, orient="bottom")
    x = alt.X("score:Q", scale=x_scale, axis=x_axis)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[height, 0], nice=False), axis=None)
    color = alt.Color("color:N", scale=None, legend=None)
    chart = alt.Chart(alt.InlineData(values=lines)).encode(y=y)
    tested = alt.Chart(alt.InlineData(values=[line for line in lines if line["test"] is not None])).encode(y=y)
    ink = alt.Color("ink:N", scale=None, legend=None)
    layers = [
        chart.mark_rule(strokeWidth=2.5, opacity=0.5).encode(
            x=alt.X("low:Q", scale=x_scale, axis=x_axis), x2="high:Q", color=color
        ),
        chart.mark_point(filled=True, size=60, opacity=1).encode(x=x, color=color),
        tested.mark_point(shape="diamond", filled=False, size=45, strokeWidth=1.3, opacity=1).encode(
            x=alt.X("test:Q", scale=x_scale, axis=x_axis), color=ink
        ),
        chart.mark_text(align="right", baseline="middle", fontSize=11).encode(x=alt.value(-12), text="name:N", color=ink),
        chart.mark_text(align="left", baseline="middle", fontSize=11).encode(x=alt.value(WIDTH + 12), text="numbers:N", color=ink),
        alt.Chart(alt.InlineData(values=heads))
        .mark_text(align="left", baseline="middle", fontSize=11, color=palette.muted, fontStyle="italic")
        .encode(y=y, x=alt.value(4), text="title:N"),
    ]
    room = {
        side: _EDGE + _WIDER * max(text_width(line[key]) for line in lines)
        for side, key in (("left", "name"), ("right", "numbers"))
    }
    padding = {"top": _EDGE, "bottom": _EDGE, **room}
    return alt.LayerChart(layer=layers).properties(width=WIDTH, height=height, padding=padding)


def _lines(report: Report, palette: Palette) -> tuple[list[dict[str, Any]], list[dict[str, Any]], float]:
    """Return a record for each contender, one for each group's heading, and the height they need."""
    lines: list[dict[str, Any]] = []
    heads: list[dict[str, Any]] = []
    y = 0.0
    for group in report.table.groups:
        rows = [row for row in group.rows if row.in_view]
        if not rows:
            continue
        heads.append({"y": y + _HEAD / 2, "title": f"Tie group {group.tie}" if group.tie else "Ruled out by a constraint"})
        y += _HEAD
        for row in rows:
            ink = palette.accent if row.recommended else palette.text if row.qualified else palette.muted
            line = {
                "y": y + _STEP / 2,
                "name": f"{_place(row)}{shorten(row.name, 44)}",
                "color": palette.mark(row),
                "ink": ink,
                "test": row.test.score if row.test else None,
            }
            lines.append(line | _numbers(row.validation))
            y += _STEP
    return lines, heads, y + 6


def _place(row: Row) -> str:
    """Return the rank before the name: shortened names may be alike."""
    return f"{row.rank}  " if row.rank else ""


def _numbers(score: Score) -> dict[str, Any]:
    return {"score": score.score, "low": score.low, "high": score.high, "numbers": f"{score.text}  {score.interval}"}
