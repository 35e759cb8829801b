from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.report import Report
from harness.errors import WorkspaceError
from harness.report.document import to_document, write
from harness.report.summarise import summarise

RANKING = {
    *("rank", "tie", "candidate", "technique", "metric", "score", "low", "high", "expected_regret", "probability_best", "test"),
    *("train_score", "latency_ms", "throughput_per_s", "load_s", "memory_mb", "weights_mb", "parameters", "license", "pareto"),
}
TOP = {"schema", "run", "task", "recommendation", "ranking", "excluded", "failed", "skipped", "files"}


def report_of(sample: Any) -> Report:
    return summarise(sample.info, sample.ranking, sample.records)


def test_all_files_are_written_whole(any_sample: Any, tmp_path: Path) -> None:
    report = report_of(any_sample)
    found = write(report, tmp_path)
    figures = {f"figures/{note.name}.svg" for note in report.all_figures}
    assert set(found) == {"html", "markdown", "json"} | figures
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()} == {
        "report.html",
        "report.md",
        "report.json",
    } | figures
    assert Report.model_validate_json(found["json"].read_bytes()) == report


def test_only_the_wanted_formats_are_written(samples: dict[str, Any], tmp_path: Path) -> None:
    assert set(write(report_of(samples["realistic"]), tmp_path, ("json",))) == {"json"}
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_folder_that_is_not_there_is_said(samples: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="cannot write the report"):
        write(report_of(samples["empty"]), tmp_path / "absent")


def test_a_failed_replacement_leaves_the_old_file(samples: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "report.json").write_text("old")
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(WorkspaceError, match="No space left"):
        write(report_of(samples["empty"]), tmp_path, ("json",))
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    assert (tmp_path / "report.json").read_text() == "old"


def test_the_document_has_the_contracts_keys(any_sample: Any) -> None:
    found = to_document(any_sample.info, any_sample.ranking, {"html": Path("a/report.html")})
    json.loads(json.dumps(found, allow_nan=False))
    assert set(found) >= TOP
    assert found["schema"] == "bench.compare/1"
    assert found["files"] == {"html": "a/report.html"}
    assert all(set(row) >= RANKING for row in found["ranking"])


def test_the_document_ranks_the_qualified_alone(samples: dict[str, Any]) -> None:
    sample = samples["realistic"]
    found = to_document(sample.info, sample.ranking, {})
    assert [row["rank"] for row in found["ranking"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    first = found["ranking"][0]
    assert first["latency_ms"] == {"p50": pytest.approx(4.336), "p95": 5.42, "p99": pytest.approx(6.504)}
    assert (first["parameters"], first["score"]) == (22713216, 0.931)
    assert found["ranking"][5]["parameters"] is None
    assert found["recommendation"]["candidate"] == "minilm-l6-first3"
    assert len(found["skipped"]) == 40


def test_the_document_has_no_recommendation_when_nothing_qualifies(samples: dict[str, Any]) -> None:
    found = to_document(samples["nothing"].info, samples["nothing"].ranking, {})
    assert (found["recommendation"], found["ranking"]) == (None, [])
    assert len(found["excluded"]) == 3
