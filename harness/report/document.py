"""The files of a report, and the document that `bench compare --json` prints."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from harness.atomic import write_bytes
from harness.core.ranking import Estimate, RankedContender, Ranking
from harness.core.report import Report
from harness.core.run import RunInfo
from harness.errors import WorkspaceError
from harness.report.figures import Drawing, draw
from harness.report.html import to_html
from harness.report.markdown import to_markdown

FORMATS = ("html", "md", "json")
FIGURES = "figures"


def write(report: Report, folder: Path, formats: Collection[str] = FORMATS) -> dict[str, Path]:
    """Write the report's files into an existing folder, each there whole or not at all; figures go with the markdown.

    Returns the paths under `html`, `markdown`, `json`, and under `figures/NAME.svg` those of figures.

    Raises:
        WorkspaceError: the folder cannot be written.
    """
    found: dict[str, Path] = {}
    try:
        drawn = draw(report) if {"md", "html"} & set(formats) else {}
        if "md" in formats:
            found |= _write_markdown(report, drawn, folder)
        if "html" in formats:
            found["html"] = _replace(folder / "report.html", to_html(report, drawn))
        if "json" in formats:
            found["json"] = _replace(folder / "report.json", report.model_dump_json(indent=1) + "\n")
    except OSError as error:
        what = f"cannot write the report: {error.strerror}"
        raise WorkspaceError(what, where=str(folder), hint="choose another folder, or free some space") from error
    return found


def to_document(info: RunInfo, ranking: Ranking, files: Mapping[str, Path]) -> dict[str, object]:
    """Return what `bench compare --json` prints, schema `bench.compare/1`; what was not measured is null."""
    chosen = ranking.recommendation
    return {
        "schema": "bench.compare/1",
        "run": info.run,
        "task": info.task.name,
        "recommendation": None if chosen is None else chosen.model_dump(mode="json"),
        "ranking": [_contender(row) for row in ranking.rows if row.rank],
        "alternatives": [row.model_dump(mode="json") for row in ranking.alternatives],
        "excluded": [row.model_dump(mode="json") for row in ranking.excluded],
        "failed": [row.model_dump(mode="json", exclude={"log"}) for row in ranking.failed],
        "skipped": [row.model_dump(mode="json", exclude={"is_away"}) for row in ranking.skipped],
        "warnings": [*info.data.warnings, *info.card_warnings],
        "race": None if info.race is None else info.race.model_dump(mode="json"),
        "gains": [gain.model_dump(mode="json") for gain in ranking.gains],
        "files": {name: str(path) for name, path in files.items()},
    }


def _contender(row: RankedContender) -> dict[str, object]:
    return {
        "rank": row.rank,
        "tie": row.tie,
        "candidate": row.candidate,
        "technique": row.technique,
        "metric": row.metric,
        **_estimate(row.validation),
        "expected_regret": row.expected_regret,
        "probability_best": row.probability_best,
        "test": _estimate(row.test) if row.test else None,
        "train_score": row.train_score,
        "overfit": row.overfit,
        "latency_ms": {name: row.value(f"latency_{name}_ms") for name in ("p50", "p95", "p99")},
        "throughput_per_s": row.value("throughput_per_s"),
        "load_s": row.value("load_s"),
        "memory_mb": row.value("memory_mb"),
        "weights_mb": row.value("weights_mb"),
        "parameters": _whole(row.value("parameters")),
        "cost_per_1000_rows": row.value("cost_per_1000_rows"),
        "license": row.license,
        "pareto": row.pareto,
        "baseline": row.baseline,
        "control": row.control,
        "training": _training(row),
        "epochs": row.epochs,
        "of": row.of,
        "repeats": dict(row.repeats),
        "recipe": dict(row.recipe),
        "notes": list(row.notes),
    }


def _training(row: RankedContender) -> dict[str, object] | None:
    """Return what training costs; None where no weights were trained."""
    if not row.is_trained:
        return None
    return {
        "s_per_1000_rows": row.value("training_s_per_1000_rows"),
        "memory_mb": row.value("training_memory_mb"),
        "trainable_parameters": _whole(row.value("trainable_parameters")),
        "trainable_share": row.value("trainable_share"),
        "stored_mb": row.value("stored_mb"),
        "minutes": row.value("training_minutes"),
    }


def _estimate(found: Estimate) -> dict[str, float]:
    return {"score": found.score, "low": found.low, "high": found.high}


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _write_markdown(report: Report, drawn: Mapping[str, Drawing], folder: Path) -> dict[str, Path]:
    found = {}
    if drawn:
        (folder / FIGURES).mkdir(exist_ok=True)
    for name, drawing in drawn.items():
        found[f"{FIGURES}/{name}.svg"] = _replace(folder / FIGURES / f"{name}.svg", drawing.file)
    found["markdown"] = _replace(folder / "report.md", to_markdown(report, FIGURES))
    return found


def _replace(path: Path, text: str) -> Path:
    write_bytes(path, text.encode())
    return path
