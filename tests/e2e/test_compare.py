"""The main job, by the installed command, on a workspace that `bench init` made."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.e2e.command import BENCH, run_bench, run_here

KEYS = {
    "rank", "tie", "candidate", "technique", "metric", "score", "low", "high", "expected_regret", "probability_best", "test",
    "train_score", "latency_ms", "throughput_per_s", "load_s", "memory_mb", "weights_mb", "parameters", "license", "pareto",
}  # fmt: skip


# Of a comparison whose costs nobody looks at.
CHEAP = ("--measure", "quality", "--device", "cpu", "--offline", "--format", "json")


def run_folder(workspace: Path, document: dict[str, Any]) -> Path:
    return workspace / "reports" / "example" / document["run"]


def test_document_is_the_contract(document: dict[str, Any]) -> None:
    assert document["schema"] == "bench.compare/1"
    assert document["task"] == "example"
    ranked = {(row["candidate"], row["technique"]) for row in document["ranking"]}
    assert {
        ("hashing", "knn"),
        ("hashing", "linear-probe"),
        ("lengths", "knn"),
        ("baseline-tfidf", "fit"),
        ("baseline-majority", "fit"),
    } <= ranked
    for row in document["ranking"]:
        assert set(row) >= KEYS
        assert row["low"] <= row["score"] <= row["high"]
        assert 0 < row["latency_ms"]["p50"] <= row["latency_ms"]["p95"] <= row["latency_ms"]["p99"]
    chosen = document["recommendation"]
    assert {"candidate", "technique", "score", "low", "high", "probability_best", "decisive", "reason"} <= set(chosen)
    assert (chosen["candidate"], chosen["technique"]) in ranked
    assert sum(row["probability_best"] for row in document["ranking"]) == pytest.approx(1)


def test_one_that_breaks_is_a_row_and_the_rest_go_on(document: dict[str, Any]) -> None:
    failed = {row["candidate"]: row for row in document["failed"]}
    assert failed["broken"]["stage"] == "import"
    assert "no_such_library" in failed["broken"]["error"]
    assert failed["nan"]["stage"] == "embed"
    assert "NaN" in failed["nan"]["error"]
    assert all(row["hint"] for row in failed.values())


def test_weights_that_are_not_here_are_a_skipped_row(document: dict[str, Any]) -> None:
    assert [row["candidate"] for row in document["skipped"]] == ["bert-base-uncased"]
    assert "not on this machine" in document["skipped"][0]["reason"]


def test_progress_is_plain_and_on_stderr(document: dict[str, Any]) -> None:
    assert "hashing linear-probe: score" in document["stderr"]
    assert "\x1b" not in document["stderr"]


def test_every_figure_can_be_traced_to_the_predictions(workspace: Path, document: dict[str, Any]) -> None:
    from sklearn.metrics import f1_score

    folder = run_folder(workspace, document)
    records = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    scores = {(row["candidate"], row["technique"]): row for row in document["ranking"]}
    seen, ids = 0, set()
    for path in (folder / "predictions").glob("*.parquet"):
        frame = pd.read_parquet(path)
        record = next(r for r in records if r["outcome"]["state"] == "finished" and trial_key(r) == path.stem)
        row = scores[record["trial"]["candidate"], record["trial"]["technique"]]
        for split, expected in (("validation", row["score"]), ("test", row["test"]["score"])):
            part = frame[frame.split == split]
            assert f1_score(part.reference, part.prediction, average="macro") == pytest.approx(expected, abs=1e-9)
        seen += 1
        ids.add(tuple(frame.id))
    assert seen == len(scores)
    assert len(ids) == 1, "every contender is judged on the same rows in the same order"


def trial_key(record: dict[str, Any]) -> str:
    from harness.core.trial import Trial

    return Trial.model_validate(record["trial"]).key


def test_files_of_the_run_are_there(workspace: Path, document: dict[str, Any]) -> None:
    folder = run_folder(workspace, document)
    for name in ("run.json", "records.jsonl", "report.html", "report.md", "report.json", "figures/quality-latency.svg"):
        assert (folder / name).stat().st_size > 0
    assert (workspace / "reports" / "example" / "latest").resolve() == folder.resolve()
    assert not [path for path in folder.rglob(".*") if path.is_file()], "no temporary file is left"
    assert set(document["files"]) >= {"html", "markdown", "json"}


def test_reports_agree_with_the_document(workspace: Path, document: dict[str, Any]) -> None:
    folder = run_folder(workspace, document)
    chosen = document["recommendation"]
    page, text = (folder / "report.html").read_text(), (folder / "report.md").read_text()
    for row in document["ranking"]:
        assert f"{row['score']:.3f}" in page
        assert f"{row['score']:.3f}" in text
    assert chosen["candidate"] in text.split("## Ranking")[0]
    assert not re.search(r'(src|href)="(?!#|https?://|data:)', page)


def test_rendering_again_gives_the_same_ranking_and_needs_no_torch(
    workspace: Path, document: dict[str, Any], tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked"
    for library in ("torch", "transformers", "timm", "sklearn"):
        (blocked / library).mkdir(parents=True)
        (blocked / library / "__init__.py").write_text("raise ImportError('blocked')")
    done = run_bench("report", document["run"], "--json", "--out", tmp_path / "again", cwd=workspace, PYTHONPATH=str(blocked))
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    assert again["ranking"] == document["ranking"]
    assert again["recommendation"] == document["recommendation"]
    assert (tmp_path / "again" / "report.html").read_text() == (run_folder(workspace, document) / "report.html").read_text()


def test_a_constraint_changes_the_answer(workspace: Path, document: dict[str, Any], tmp_path: Path) -> None:
    out = ("--json", "--out", tmp_path, "--format", "json")
    deny = run_here("report", "example", *out, "--constraint", "license={deny: [MIT, Apache-2.0, CC0-1.0]}", cwd=workspace)
    assert deny.returncode == 1
    assert json.loads(deny.stdout)["recommendation"] is None
    names = {row["candidate"] for row in json.loads(deny.stdout)["excluded"]}
    assert {"hashing", "lengths", "baseline-tfidf"} <= names
    slowest = max(document["ranking"], key=lambda row: row["latency_ms"]["p95"])
    limit = slowest["latency_ms"]["p95"] * 0.999
    quick = json.loads(run_here("report", "example", *out, "--constraint", f"latency_ms={limit}", cwd=workspace).stdout)
    assert (slowest["candidate"], slowest["technique"]) not in {(r["candidate"], r["technique"]) for r in quick["ranking"]}
    assert {(r["candidate"], r["constraint"]) for r in quick["excluded"]} >= {(slowest["candidate"], "latency_ms.p95")}


def test_a_license_excludes_before_anything_is_loaded(workspace: Path) -> None:
    (workspace / "candidates" / "trap.py").write_text(
        "from harness import Candidate, Card\n"
        "def load(device, dtype):\n    raise SystemExit('it was loaded')\n"
        "candidates = (Candidate(Card(name='trap', license='CC-BY-NC-4.0'), load),)\n"
    )
    command = ("compare", "--task", "example", "--candidates", "trap", "--constraint", "license=commercial", "--json", *CHEAP)
    done = run_here(*command, cwd=workspace)
    (workspace / "candidates" / "trap.py").unlink()
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [(row["candidate"], row["constraint"]) for row in found["excluded"]] == [("trap", "license")]
    assert found["failed"] == []


def test_nothing_that_qualifies_is_exit_code_1(workspace: Path) -> None:
    named = ("--task", "example", "--candidates", "lengths", "--techniques", "knn")
    done = run_here("compare", *named, "--constraint", "min_quality=1.01", *CHEAP, cwd=workspace)
    assert done.returncode == 1
    assert "Nothing qualifies." in done.stdout


def test_api_gives_tables(workspace: Path, document: dict[str, Any], tmp_path: Path) -> None:
    from harness.comparison import reopen

    found = reopen(document["run"], workspace=workspace)
    assert found.recommendation is not None
    assert found.recommendation.candidate in set(found.ranking.candidate)
    assert {"candidate", "technique", "score", "low", "high", "latency_p95_ms"} <= set(found.ranking.columns)
    assert {"candidate", "technique", "name", "value", "unit", "state"} <= set(found.records.columns)
    assert found.write(tmp_path / "deep").files["html"].is_file()


SCRIPT = """
from harness import Settings, compare
wish = Settings(candidates=("lengths",), techniques=("knn",), offline=True, measures=("quality",), device="cpu")
found = compare("example", wish, formats=("json",))
print(found.recommendation.candidate, len(found.ranking))
"""


def test_a_script_without_a_main_guard_works(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [str(BENCH.parent / "python"), str(tmp_path / "script.py")], cwd=workspace, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1] == "3"
    assert "resource_tracker" not in done.stderr
