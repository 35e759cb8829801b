"""The figure of quality against latency, with the best to be had at each latency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from harness.core.report import Report, Row
from harness.report.labels import Anchor, Box, place, shorten
from harness.report.palette import Palette

if TYPE_CHECKING:
    import altair as alt

WIDTH, HEIGHT = 720.0, 400.0
_LATENCY = "latency_p95_ms"
_SHAPES = {"model": "circle", "baseline": "square", "control": "triangle-up"}


@dataclass(frozen=True, slots=True)
class _Frame:
    """The ranges of both axes; `lower` turns the score's axis over, so that better is up."""

    left: float
    right: float
    low: float
    high: float
    lower: bool

    def x(self, value: float) -> float:
        """Return pixels from the left of a latency."""
        return math.log(value / self.left) / math.log(self.right / self.left) * WIDTH

    def y(self, value: float) -> float:
        """Return pixels from the top of a score."""
        share = (value - self.low) / (self.high - self.low)
        return (share if self.lower else 1 - share) * HEIGHT

    def latency(self, pixels: float) -> float:
        """Return the latency at so many pixels from the left."""
        return float(self.left * (self.right / self.left) ** (pixels / WIDTH))

    def score(self, pixels: float) -> float:
        """Return the score at so many pixels from the top."""
        share = pixels / HEIGHT if self.lower else 1 - pixels / HEIGHT
        return self.low + share * (self.high - self.low)


def scatter(report: Report, palette: Palette) -> alt.LayerChart:
    """Draw every contender in view whose latency is known; names stand where there is room, ranks where there is little."""
    import altair as alt  # noqa: PLC0415 - slow to import

    rows = [row for row in report.table.rows if row.in_view and row.cells[_LATENCY].value]
    frame = _span(rows, lower=not report.higher_is_better)
    x = alt.X(
        "x:Q",
        title="p95 latency, ms (logarithmic)",
        scale=alt.Scale(type="log", domain=[frame.left, frame.right], nice=False),
        axis=alt.Axis(values=_ticks(frame.left, frame.right), format="~g"),
    )
    scale = alt.Scale(domain=[frame.low, frame.high], nice=False, zero=False, reverse=frame.lower)
    axis = alt.Axis(format=".2f" if frame.high - frame.low > 0.05 else ".3f", tickCount=6)
    title = report.metric_label + (" (lower is better)" if frame.lower else "")
    y, low = (alt.Y(field, title=title, scale=scale, axis=axis) for field in ("y:Q", "low:Q"))
    color = alt.Color("color:N", scale=None, legend=None)
    points = alt.InlineData(values=[_point(row, palette) for row in rows])
    front = alt.Chart(alt.InlineData(values=_front(rows, frame))).mark_line(
        interpolate="step-after", color=palette.faint, strokeWidth=1.5
    )
    bars = alt.Chart(points).mark_rule(strokeWidth=1.5, opacity=0.45).encode(x=x, y=low, y2="high:Q", color=color)
    marks = alt.Chart(points).mark_point(filled=True, opacity=1, size=70)
    names = alt.Chart(alt.InlineData(values=_names(rows, frame, palette))).mark_text(align="left", baseline="middle", fontSize=11)
    layers = (
        front.encode(x=x, y=y),
        bars,
        marks.encode(x=x, y=y, color=color, shape=alt.Shape("shape:N", scale=None, legend=None)),
        names.encode(x=x, y=y, text="text:N", color=color),
    )
    return alt.LayerChart(layer=layers).properties(width=WIDTH, height=HEIGHT)


def _span(rows: Sequence[Row], *, lower: bool) -> _Frame:
    """Return ranges that leave room around all points and intervals."""
    latencies = [_latency(row) for row in rows]
    left, right = min(latencies) / 1.35, max(latencies) * 1.6
    low, high = min(row.validation.low for row in rows), max(row.validation.high for row in rows)
    pad = (high - low) * 0.06 or 0.01
    return _Frame(left, right, low - pad, high + pad, lower)


def _point(row: Row, palette: Palette) -> dict[str, Any]:
    kind = "control" if row.control else "baseline" if row.baseline else "model"
    score = row.validation
    return {
        "x": _latency(row),
        "y": score.score,
        "low": score.low,
        "high": score.high,
        "color": palette.mark(row),
        "shape": _SHAPES[kind],
    }


def _front(rows: Sequence[Row], frame: _Frame) -> list[dict[str, Any]]:
    """Return the corners of the best score at each latency among those that may be chosen, to the right edge."""
    sign = -1 if frame.lower else 1
    corners: list[dict[str, Any]] = []
    for row in sorted((r for r in rows if r.qualified and not r.control), key=lambda r: (_latency(r), -sign * r.validation.score)):
        if not corners or sign * row.validation.score > sign * corners[-1]["y"]:
            corners.append({"x": _latency(row), "y": row.validation.score})
    return [*corners, {"x": frame.right, "y": corners[-1]["y"]}] if corners else []


def _names(rows: Sequence[Row], frame: _Frame, palette: Palette) -> list[dict[str, Any]]:
    """Return the labels that find a place, the recommended contender's first, then those on the front, then by rank."""
    on_front = {corner["x"] for corner in _front(rows, frame)}
    ordered = sorted(rows, key=lambda r: (not r.recommended, not r.qualified, _latency(r) not in on_front, r.rank))
    anchors = [_anchor(row, frame) for row in ordered]
    inks: dict[str, str] = {}
    for row, anchor in zip(ordered, anchors, strict=True):
        ink = palette.accent if row.recommended else palette.text if row.qualified else palette.muted
        inks |= dict.fromkeys((*anchor.texts, anchor.last), ink)
    placed = place(anchors, [*(_bar(row, frame) for row in rows), *_steps(rows, frame)], width=WIDTH, height=HEIGHT)
    return [{"x": frame.latency(p.x), "y": frame.score(p.y), "text": p.text, "color": inks[p.text]} for p in placed]


def _anchor(row: Row, frame: _Frame) -> Anchor:
    """Return the point with its name, the name shortened, and as a last resort the rank."""
    texts = (shorten(row.name), shorten(row.name, 24))
    return Anchor(frame.x(_latency(row)), frame.y(row.validation.score), texts, f"#{row.rank}" if row.qualified else "")


def _bar(row: Row, frame: _Frame) -> Box:
    ends = sorted((frame.y(row.validation.low), frame.y(row.validation.high)))
    return Box(frame.x(_latency(row)) - 2, ends[0], 4, ends[1] - ends[0])


def _steps(rows: Sequence[Row], frame: _Frame) -> list[Box]:
    """Return the strips that the front's line covers: along from each corner, then up to the next."""
    corners = [(frame.x(c["x"]), frame.y(c["y"])) for c in _front(rows, frame)]
    strips = []
    for (x, y), (next_x, next_y) in pairwise(corners):
        strips.append(Box(x, y - 1, next_x - x, 2))
        strips.append(Box(next_x - 1, min(y, next_y), 2, abs(next_y - y)))
    return strips


def _latency(row: Row) -> float:
    return float(row.cells[_LATENCY].value or 0.0)


def _ticks(left: float, right: float) -> list[float]:
    """Return 1, 2 and 5 times powers of ten in the range, or all multiples of powers of ten where these are few.

    >>> _ticks(0.8, 12), _ticks(44, 99)
    ([1.0, 2.0, 5.0, 10.0], [50.0, 60.0, 70.0, 80.0, 90.0])
    """
    powers = range(math.floor(math.log10(left)), math.ceil(math.log10(right)) + 1)
    coarse, fine = (
        [v for power in powers for step in steps if left <= (v := float(f"{step}e{power}")) <= right]
        for steps in ((1, 2, 5), range(1, 10))
    )
    return coarse if len(coarse) > 2 else fine
