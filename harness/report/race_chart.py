"""The figure of the race: scores over rounds, and where each contender left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.core.report import Report
from harness.core.training_report import RunnerRow
from harness.report.labels import Anchor, Box, place, shorten
from harness.report.palette import Palette

if TYPE_CHECKING:
    import altair as alt

WIDTH, HEIGHT = 720.0, 380.0
# The part of the width on which the rounds lie; names of those that ran to the end stand beyond.
_COURSE = 0.68
# Among more than so many, who left goes without a number where there is no room for a name.
_CROWD = 16
_FROZEN = "best without training it"


@dataclass(frozen=True, slots=True)
class _Frame:
    """The range of the score, and the place of the last round; `lower` turns the score's axis over, so that better is up."""

    last: float
    low: float
    high: float
    lower: bool

    @property
    def right(self) -> float:
        """Return the share at the right edge."""
        return self.last / _COURSE

    def x(self, share: float) -> float:
        """Return pixels from the left of a share of training."""
        return share / self.right * WIDTH

    def y(self, score: float) -> float:
        """Return pixels from the top of a score."""
        share = (score - self.low) / (self.high - self.low)
        return (share if self.lower else 1 - share) * HEIGHT

    def share(self, pixels: float) -> float:
        """Return the share of training at so many pixels from the left."""
        return pixels / WIDTH * self.right

    def score(self, pixels: float) -> float:
        """Return the score at so many pixels from the top."""
        share = pixels / HEIGHT if self.lower else 1 - pixels / HEIGHT
        return self.low + share * (self.high - self.low)


@dataclass(frozen=True, slots=True)
class _Lane:
    """A runner with its points as shares and scores, and its color."""

    runner: RunnerRow
    points: tuple[tuple[float, float], ...]
    color: str


def race_chart(report: Report, palette: Palette) -> alt.LayerChart:
    """Draw a line for each contender of the race that has a score; who left is gray and ends with a cross."""
    import altair as alt  # noqa: PLC0415 - slow to import

    lanes, frozen = _lanes(report, palette), report.training.race.frozen if report.training else None
    frame = _span(lanes, frozen, lower=not report.higher_is_better)
    shares = sorted({share for lane in lanes for share, _ in lane.points})
    scale_x = alt.Scale(domain=[0, frame.right], nice=False)
    x = alt.X("x:Q", title="share of the shortest training, then all", scale=scale_x, axis=alt.Axis(values=shares, format=".3~%"))
    scale = alt.Scale(domain=[frame.low, frame.high], nice=False, zero=False, reverse=frame.lower)
    title = report.metric_label + (" (lower is better)" if frame.lower else "")
    y = alt.Y("y:Q", title=title, scale=scale, axis=alt.Axis(format=".2f" if frame.high - frame.low > 0.05 else ".3f", tickCount=6))
    color = alt.Color("color:N", scale=None, legend=None)
    lines = alt.Chart(_data(alt, [_point(lane, i) for lane in lanes for i in range(len(lane.points))]))
    ends = alt.Chart(_data(alt, [_point(lane, len(lane.points) - 1) for lane in lanes if lane.runner.left]))
    going = [_point(lane, i) for lane in lanes for i in range(len(lane.points) - lane.runner.left)]
    names = alt.Chart(_data(alt, _names(lanes, frame, frozen, palette))).mark_text(align="left", baseline="middle", fontSize=11)
    marks = [
        lines.mark_line(strokeWidth=1.6, opacity=0.75).encode(x=x, y=y, color=color, detail="lane:N"),
        alt.Chart(_data(alt, going)).mark_point(filled=True, opacity=1, size=45).encode(x=x, y=y, color=color),
        ends.mark_point(shape=_CROSS, strokeWidth=2, opacity=1, size=70).encode(x=x, y=y, color=color),
        names.encode(x=x, y=y, text="text:N", color=color),
    ]
    if frozen is not None:
        level = [{"x": at, "y": frozen} for at in (0, frame.right)]
        marks.insert(
            0, alt.Chart(_data(alt, level)).mark_line(strokeDash=[4, 4], color=palette.muted, strokeWidth=1).encode(x=x, y=y)
        )
        said = [{"x": frame.share(4), "y": frame.score(frame.y(frozen) - 8), "text": _FROZEN}]
        text = alt.Chart(_data(alt, said)).mark_text(align="left", baseline="middle", fontSize=11, color=palette.muted)
        marks.append(text.encode(x=x, y=y, text="text:N"))
    return alt.LayerChart(layer=marks).properties(width=WIDTH, height=HEIGHT)


_CROSS = "M-0.6,-0.6L0.6,0.6M0.6,-0.6L-0.6,0.6"


def _data(alt: Any, values: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - altair is imported where it is drawn with
    return alt.InlineData(values=values)


def _lanes(report: Report, palette: Palette) -> list[_Lane]:
    """Return who has a score, the recommended last, so that it is drawn above the others."""
    if report.training is None:
        return []
    race, found = report.training.race, []
    for runner in race.runners:
        pairs = zip(race.shares, runner.scores, strict=True)
        points = tuple((share, score.value) for share, score in pairs if score.value is not None)
        color = palette.accent if runner.recommended else palette.out if runner.left else palette.odd
        if points:
            found.append(_Lane(runner, points, color))
    return sorted(found, key=lambda lane: (lane.runner.recommended, not lane.runner.left))


def _span(lanes: Sequence[_Lane], frozen: float | None, *, lower: bool) -> _Frame:
    scores = [score for lane in lanes for _, score in lane.points] + ([] if frozen is None else [frozen])
    low, high = min(scores), max(scores)
    pad = (high - low) * 0.08 or 0.01
    return _Frame(max(share for lane in lanes for share, _ in lane.points), low - pad, high + pad, lower)


def _point(lane: _Lane, place_of: int) -> dict[str, Any]:
    share, score = lane.points[place_of]
    return {"x": share, "y": score, "lane": lane.runner.number, "color": lane.color}


def _names(lanes: Sequence[_Lane], frame: _Frame, frozen: float | None, palette: Palette) -> list[dict[str, Any]]:
    """Return the names that find a place at the ends of their lines, the recommended first, then by the table; else numbers."""
    ordered = sorted(lanes, key=lambda lane: (not lane.runner.recommended, lane.runner.number))
    anchors: list[Anchor] = []
    inks: dict[str, str] = {}
    for lane in ordered:
        share, score = lane.points[-1]
        name = lane.runner.name
        texts = tuple(dict.fromkeys((shorten(name, 40), shorten(name, 28))))
        last = "" if lane.runner.left and len(lanes) > _CROWD else str(lane.runner.number)
        anchors.append(Anchor(frame.x(share), frame.y(score), texts, last))
        ink = palette.muted if lane.runner.left and not lane.runner.recommended else lane.color
        inks |= dict.fromkeys((*texts, str(lane.runner.number)), ink)
    level = [] if frozen is None else [Box(0, frame.y(frozen) - 16, 175, 17)]
    placed = place(anchors, [*level, *(box for lane in lanes for box in _strips(lane, frame))], width=WIDTH, height=HEIGHT)
    return [{"x": frame.share(p.x), "y": frame.score(p.y), "text": p.text, "color": inks[p.text]} for p in placed]


def _strips(lane: _Lane, frame: _Frame) -> list[Box]:
    """Return small boxes along a runner's line."""
    found = []
    for (x1, y1), (x2, y2) in zip(lane.points, lane.points[1:], strict=False):
        left, right, steps = frame.x(x1), frame.x(x2), 12
        for i in range(steps):
            share = (i + 0.5) / steps
            at = frame.y(y1) + (frame.y(y2) - frame.y(y1)) * share
            found.append(Box(left + (right - left) * i / steps, at - 2, (right - left) / steps, 4))
    return found
