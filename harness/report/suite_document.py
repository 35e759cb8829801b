"""The files of a suite's report, and the document that `bench compare --json` prints for several tasks."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import quote

from harness.atomic import write_bytes
from harness.core.suite import SuiteInfo
from harness.core.suite_ranking import GroupRanking, SuiteRanking
from harness.core.suite_report import SuiteReport
from harness.errors import WorkspaceError
from harness.report import templates


def links_to(folders: Mapping[str, Path], place: Path) -> dict[str, str]:
    """Return by task how its own report is reached from a folder: percent-encoded, relative."""
    base = place.resolve()
    return {
        name: quote(Path(os.path.relpath(folder.resolve() / "report.html", base)).as_posix()) for name, folder in folders.items()
    }


def write(report: SuiteReport, folder: Path, formats: Collection[str]) -> dict[str, Path]:
    """Write the report's files into an existing folder, each there whole or not at all; return their paths by format.

    Raises:
        WorkspaceError: the folder cannot be written.
    """
    made = {
        "html": ("html", "report.html", to_html),
        "md": ("markdown", "report.md", to_markdown),
        "json": ("json", "report.json", _to_json),
    }
    found: dict[str, Path] = {}
    try:
        for form, (key, name, render) in made.items():
            if form in formats:
                write_bytes(folder / name, render(report).encode(errors="replace"))
                found[key] = folder / name
    except OSError as error:
        what = f"cannot write the report: {error.strerror}"
        raise WorkspaceError(what, where=str(folder), hint="choose another folder, or free some space") from error
    return found


def to_html(report: SuiteReport) -> str:
    """Return the page: every text is escaped; the content policy forbids scripts, requests, and styles but the page's own."""
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2, which only rendering needs

    css = templates.read("report.css")
    template = templates.environment(escape_html=True).get_template("suite.html.j2")
    # The style sheet is the project's own.
    return template.render(r=report, css=Markup(css), policy=templates.content_policy(css))  # noqa: S704


def to_markdown(report: SuiteReport) -> str:
    """Return the report as markdown that also reads well as plain text."""
    return templates.environment(escape_html=False).get_template("suite.md.j2").render(r=report)


def _to_json(report: SuiteReport) -> str:
    return report.model_dump_json(indent=1) + "\n"


def to_document(info: SuiteInfo, ranking: SuiteRanking, files: Mapping[str, Path]) -> dict[str, object]:
    """Return what `bench compare --json` prints for several tasks, schema `bench.suite/1`; what is not known is null."""
    return {
        "schema": "bench.suite/1",
        "run": info.run,
        "suite": info.suite.name,
        "tasks": [task.model_dump(mode="json") for group in ranking.groups for task in group.tasks],
        "groups": [_group(group) for group in ranking.groups],
        "missing": [lost.model_dump(mode="json") for lost in ranking.missing],
        "files": {name: str(path) for name, path in files.items()},
    }


def _group(group: GroupRanking) -> dict[str, object]:
    return {
        "modality": group.modality,
        "tasks": [task.task for task in group.tasks],
        "unit": group.unit,
        "margin": group.margin,
        "prefer": group.prefer,
        "recommendation": None if group.single is None else group.single.model_dump(mode="json"),
        "ranking": [row.model_dump(mode="json") for row in group.rows],
    }
