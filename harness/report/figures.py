"""Figures as SVG: quality against latency, intervals by tie group, the race, learning curves. Offline, the same on every run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.core.report import Report
from harness.report.curve_chart import curve_chart
from harness.report.forest import forest
from harness.report.palette import LIGHT, Palette, clear, recolor
from harness.report.race_chart import race_chart
from harness.report.scatter import scatter
from harness.report.summarise import INTERVALS, QUALITY
from harness.report.training import CURVES, RACE

if TYPE_CHECKING:
    import altair as alt

_CHARTS: dict[str, Callable[[Report, Palette], alt.TopLevelMixin]] = {
    QUALITY: scatter,
    INTERVALS: forest,
    RACE: race_chart,
    CURVES: curve_chart,
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure as SVG: as a file with a background, and without one for light and for dark pages."""

    file: str
    light: str
    dark: str


def draw(report: Report) -> dict[str, Drawing]:
    """Return the report's figures by name. Each is rendered once, which takes a second at the first and a tenth after that."""
    drawn = {}
    for note in report.all_figures:
        svg = _render(_CHARTS[note.name](report, LIGHT))
        drawn[note.name] = Drawing(svg, clear(svg), recolor(clear(svg)))
    return drawn


def _render(chart: alt.TopLevelMixin) -> str:
    import altair as alt  # noqa: PLC0415 - takes most of a second, and JSON alone needs no figure
    import vl_convert  # noqa: PLC0415 - as above

    axis: dict[str, Any] = {
        "domainColor": LIGHT.faint,
        "gridColor": LIGHT.grid,
        "labelColor": LIGHT.muted,
        "labelFontSize": 11,
        "tickColor": LIGHT.faint,
        "titleColor": LIGHT.muted,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    }
    # The page names each figure itself; a label on every mark would be noise to a screen reader.
    config = {"aria": False, "font": "sans-serif", "view": {"stroke": None}, "axis": axis, "background": LIGHT.page, "padding": 8}
    version = ".".join(alt.SCHEMA_VERSION.split(".")[:2])
    svg: str = vl_convert.vegalite_to_svg(chart.to_dict(), vl_version=version, config=config, allowed_base_urls=[])
    return svg
