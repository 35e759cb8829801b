"""The report as markdown that also reads well as plain text."""

from __future__ import annotations

from harness.core.report import Report
from harness.report import templates


def to_markdown(report: Report, figures: str = "figures") -> str:
    """Return the report; `figures` is the folder of the SVG figures, relative to where the text will lie."""
    return templates.environment(escape_html=False).get_template("report.md.j2").render(r=report, figures=figures)
