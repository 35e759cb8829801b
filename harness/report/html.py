"""The report as one HTML file that asks for nothing from anywhere."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from harness.core.report import Report
from harness.report import templates
from harness.report.figures import Drawing, draw

if TYPE_CHECKING:
    from markupsafe import Markup

_SMALL = 450
_ROOT = re.compile(r"<svg\b[^>]*?viewBox=\"([^\"]+)\"[^>]*>")


def to_html(report: Report, drawn: Mapping[str, Drawing] | None = None) -> str:
    """Return the page; `drawn` are its figures where they have been drawn already.

    Every text is escaped; the content policy forbids scripts, requests, and styles but the page's own.
    """
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2, which only rendering needs

    css = templates.read("report.css")
    drawn = draw(report) if drawn is None else drawn
    alts = {note.name: note.alt for note in report.all_figures}
    return (
        templates.environment(escape_html=True)
        .get_template("report.html.j2")
        .render(
            r=report,
            # The style sheet is the project's own, and in the figures the renderer has escaped every text.
            css=Markup(css),  # noqa: S704
            policy=templates.content_policy(css),
            light={name: _inline(d.light, alts[name], Markup) for name, d in drawn.items()},
            dark={name: _inline(d.dark, alts[name], Markup) for name, d in drawn.items()},
        )
    )


def _inline(svg: str, alt: str, markup: type[Markup]) -> Markup:
    """Let an SVG take the width it is given, and name it for who cannot see it."""
    label = html.escape(alt, quote=True)

    def begin(found: re.Match[str]) -> str:
        # A small figure is not blown up to the width of the page.
        small = ' class="small"' if float(found[1].split()[2]) < _SMALL else ""
        return f'<svg viewBox="{found[1]}" role="img" aria-label="{label}"{small}>'

    return markup(_ROOT.sub(begin, svg, count=1))
