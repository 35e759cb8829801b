"""Tasks where a number or several labels are told, from the comparison to answers."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.e2e.command import run_here
from tests.e2e.test_finetune import make_model

FIXED = ("--device", "cpu", "--offline")
QUICK = ("--candidates", "tiny", "--effort", "quick", "--measure", "quality", "--json")
# Answers rows without bench: argv are the folder and the rows.
FRESH = """
import json, sys
import pandas as pd
from transformers import pipeline
judge = pipeline("text-classification", model=sys.argv[1], device="cpu")
rows = pd.read_csv(sys.argv[2])
assert not any(name.startswith("harness") for name in sys.modules)
print(json.dumps([found["score"] for found in judge([{"text": a, "text_pair": b} for a, b in zip(rows["s1"], rows["s2"])])]))
"""
WORDS = ["the", "a", "my", "card", "hello", "you", "stolen", "refund"]


def make_pairs(number: int) -> pd.DataFrame:
    """Two texts of four words, and the share of them that are the same, in thousands."""
    draw = random.Random(0)
    rows = []
    for i in range(number):
        first = draw.sample(WORDS, 4)
        kept = i % 5
        second = first[:kept] + draw.sample([word for word in WORDS if word not in first], 4 - kept)
        rows.append({"s1": " ".join(first), "s2": " ".join(second), "score": 1000 + 250.0 * kept})
    return pd.DataFrame(rows)


def make_labels(number: int) -> pd.DataFrame:
    """Texts with a label for each of three words that they hold, some with none."""
    draw = random.Random(0)
    texts = [" ".join(draw.sample(WORDS, 3)) for _ in range(number)]
    told = [";".join(word for word in ("card", "stolen", "refund") if word in text.split()) for text in texts]
    return pd.DataFrame({"message": texts, "topics": told})


@pytest.fixture(scope="module")
def workspace(server: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    del server
    folder = tmp_path_factory.mktemp("kinds")
    make_model(folder / "models" / "tiny")
    (folder / "candidates").mkdir()
    card = "- {name: tiny, adapter: transformers, source: ./models/tiny, license: Apache-2.0, parameters: 8000}\n"
    (folder / "candidates" / "tiny.yaml").write_text(card)
    tasks = {
        "alike": (make_pairs(240), "kind: text-similarity, data: {train: rows.csv}"),
        "topics": (
            make_labels(240),
            'kind: text-classification, multi_label: true, data: {train: rows.csv, separator: ";", text: message, label: topics}',
        ),
    }
    for name, (rows, keys) in tasks.items():
        (folder / "tasks" / name).mkdir(parents=True)
        rows.to_csv(folder / "tasks" / name / "rows.csv", index=False)
        (folder / "tasks" / name / "task.yaml").write_text(f"{{name: {name}, {keys}}}\n")
    return folder


@pytest.fixture(scope="module")
def alike(workspace: Path) -> dict[str, Any]:
    return compared(workspace, "alike")


def compared(workspace: Path, task: str) -> dict[str, Any]:
    done = run_here("compare", "--task", task, *QUICK, *FIXED, cwd=workspace)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["failed"] == []
    return found


def test_how_alike_texts_are_is_told_with_labels_and_without(workspace: Path, alike: dict[str, Any]) -> None:
    rows = {(row["candidate"], row["technique"]): row for row in alike["ranking"]}
    assert set(rows) == {
        ("tiny", "cosine"), ("tiny", "knn"), ("tiny", "linear-probe"), ("baseline-tfidf", "fit"), ("baseline-majority", "fit"),
    }  # fmt: skip
    assert {row["metric"] for row in rows.values()} == {"spearman"}
    assert rows["baseline-tfidf", "fit"]["score"] > 0.9
    assert rows["tiny", "cosine"]["score"] > 0.3
    assert abs(rows["baseline-majority", "fit"]["score"]) < 0.2
    report = (workspace / alike["files"]["markdown"]).read_text()
    assert "Values" in report
    assert "1000 to 2000" in report
    assert "columns inferred: text=s1, text_pair=s2, label=score" in report
    kept = pd.read_parquet(next((workspace / "reports" / "alike" / "latest" / "predictions").glob("*.parquet")))
    assert set(kept["reference"]) == {1000, 1250, 1500, 1750, 2000}
    assert kept["prediction"].dtype == float


def test_a_fine_tuned_model_gives_numbers_in_their_unit_as_its_library_does(workspace: Path, alike: dict[str, Any]) -> None:
    del alike
    named = ("--candidate", "tiny", "--technique", "full", "--out", "full")
    done = run_here("finetune", "alike", *named, *FIXED, cwd=workspace)
    assert done.returncode == 0, done.stderr
    make_pairs(12).drop(columns="score").to_csv(workspace / "new.csv", index=False)
    done = run_here("predict", "full", "new.csv", "--out", "answers.parquet", "--device", "cpu", cwd=workspace)
    assert done.returncode == 0, done.stderr
    answers = pd.read_parquet(workspace / "answers.parquet")
    assert list(answers.columns) == ["s1", "s2", "prediction"]
    assert answers["prediction"].between(800, 2200).all()
    fresh = [sys.executable, "-I", "-W", "ignore", "-c", FRESH, "full", "new.csv"]
    told = json.loads(subprocess.run(fresh, cwd=workspace, capture_output=True, text=True, check=True).stdout)
    assert told == pytest.approx(answers["prediction"].tolist(), rel=1e-4)
    card = (workspace / "full" / "README.md").read_text()
    assert "1000 to 2000" in card
    assert "## Labels" not in card


def test_rows_of_several_labels_are_told_each_of_them(workspace: Path) -> None:
    found = compared(workspace, "topics")
    rows = {(row["candidate"], row["technique"]): row for row in found["ranking"]}
    assert {row["metric"] for row in rows.values()} == {"micro_f1"}
    assert rows["baseline-tfidf", "fit"]["score"] > 0.95
    assert rows["tiny", "linear-probe"]["score"] > rows["baseline-majority", "fit"]["score"]
    assert rows["tiny", "linear-probe"]["test"]["score"] > 0.7
    named = ("--candidate", "tiny", "--technique", "linear-probe", "--out", "probe")
    assert run_here("finetune", "topics", *named, *FIXED, cwd=workspace).returncode == 0
    make_labels(30).to_csv(workspace / "messages.csv", index=False)
    assert run_here("predict", "probe", "messages.csv", "--out", "told.csv", "--device", "cpu", cwd=workspace).returncode == 0
    told = pd.read_csv(workspace / "told.csv", keep_default_na=False)
    right = [set(a.split("|")) == set(b.split(";")) for a, b in zip(told["prediction"], told["topics"], strict=True)]
    assert sum(right) > 18
    head = json.loads((workspace / "probe" / "bench.json").read_text())
    assert 0 < head["contents"]["recipe"]["threshold"] < 1
