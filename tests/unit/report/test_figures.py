from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

from harness.report.figures import Drawing, draw
from harness.report.forest import WIDTH
from harness.report.palette import DARK, LIGHT
from harness.report.summarise import summarise

# Where names end and where numbers start, from the left of the plot.
TEXTS = (("end", "-12"), ("start", "442"))
SAFE = {"svg", "g", "rect", "path", "line", "text", "tspan"}


def drawings_of(sample: Any) -> dict[str, Drawing]:
    return draw(summarise(sample.info, sample.ranking, sample.records))


def test_a_figure_is_well_formed_and_holds_shapes_and_text_alone(any_sample: Any) -> None:
    for drawing in drawings_of(any_sample).values():
        for svg in (drawing.file, drawing.light, drawing.dark):
            for element in ET.fromstring(svg).iter():  # noqa: S314 - made by the test itself
                assert element.tag.removeprefix("{http://www.w3.org/2000/svg}") in SAFE
                assert not [name for name in element.attrib if name == "id" or name.startswith("on") or name.endswith("href")]


def test_a_figure_is_the_same_every_time(samples: dict[str, Any]) -> None:
    assert drawings_of(samples["realistic"]) == drawings_of(samples["realistic"])


def test_dark_differs_from_light_in_paint_alone(samples: dict[str, Any]) -> None:
    for drawing in drawings_of(samples["realistic"]).values():
        blank = [re.sub(r"#[0-9a-f]{6}", "#", svg) for svg in (drawing.light, drawing.dark)]
        assert blank[0] == blank[1]
        assert LIGHT.accent in drawing.light
        assert LIGHT.accent not in drawing.dark
        assert DARK.accent in drawing.dark
        assert LIGHT.page in drawing.file
        assert LIGHT.page not in drawing.light


def test_every_contender_in_view_has_its_line(samples: dict[str, Any]) -> None:
    drawn = drawings_of(samples["large"])["intervals"].light
    assert len(re.findall(r">\d+  very-long", drawn)) == 24
    assert "tfidf-linear · fit" in drawn
    assert "majority" not in drawings_of(samples["realistic"])["intervals"].light


def test_names_and_numbers_of_intervals_are_not_cut_where_the_font_is_a_wide_one(samples: dict[str, Any]) -> None:
    # DejaVu Sans, in which many browsers without other fonts show "sans-serif", takes 6.8 pixels a character at this size.
    for sample in (samples["realistic"], samples["large"]):
        drawn = drawings_of(sample)["intervals"].light
        whole, left = (float(re.search(pattern, drawn)[1]) for pattern in (r'viewBox="0 0 ([\d.]+)', r"translate\(([\d.]+)"))  # type: ignore[index]
        ends = {
            side: max(map(len, re.findall(rf'text-anchor="{side}"[^>]*translate\({x}[^>]*>([^<]+)', drawn))) for side, x in TEXTS
        }
        assert ends["end"] * 6.8 <= left - 12
        assert left + WIDTH + 12 + ends["start"] * 6.8 <= whole


def test_with_many_contenders_each_point_is_named_or_numbered(samples: dict[str, Any]) -> None:
    drawn = drawings_of(samples["large"])["quality-latency"].light
    assert len(re.findall(r">#\d+<|linear-probe<|inear-probe<|fit<", drawn)) == 25


def test_a_run_without_rows_has_no_figures(samples: dict[str, Any]) -> None:
    assert drawings_of(samples["empty"]) == {}


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_colors_are_told_from_the_page() -> None:
    for palette in (LIGHT, DARK):
        assert all(contrast(ink, palette.page) >= 4.5 for ink in (palette.text, palette.muted, palette.accent))
        assert all(contrast(mark, palette.page) >= 3 for mark in (palette.even, palette.odd, palette.out))
