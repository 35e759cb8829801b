"""Rows that are pairs of texts, from the comparison to answers."""

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
QUICK = ("--candidates", "tiny", "--effort", "quick", "--measure", "quality")
# Answers pairs without bench: argv are the folder and the rows.
FRESH = """
import json, sys
import pandas as pd
from transformers import pipeline
classify = pipeline("text-classification", model=sys.argv[1], device="cpu")
rows = pd.read_csv(sys.argv[2])
given = [{"text": a, "text_pair": b} for a, b in zip(rows["claim"], rows["reply"])]
assert not any(name.startswith("harness") for name in sys.modules)
print(json.dumps([[found["label"], found["score"]] for found in classify(given)]))
"""


def make_rows(number: int) -> pd.DataFrame:
    """Rows whose label says which of the two texts speaks of something stolen."""
    draw = random.Random(0)
    rows = []
    for i in range(number):
        texts = [[draw.choice(["the", "a", "my", "card", "hello", "you"]) for _ in range(draw.randint(2, 6))] for _ in range(2)]
        texts[i % 2].insert(0, "stolen")
        rows.append({"claim": " ".join(texts[0]), "reply": " ".join(texts[1]), "label": ["claim", "reply"][i % 2]})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def workspace(server: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    del server
    folder = tmp_path_factory.mktemp("pairs")
    make_model(folder / "models" / "tiny")
    (folder / "candidates").mkdir()
    card = "- {name: tiny, adapter: transformers, source: ./models/tiny, license: Apache-2.0, parameters: 8000}\n"
    (folder / "candidates" / "tiny.yaml").write_text(card)
    (folder / "tasks" / "who").mkdir(parents=True)
    make_rows(300).to_csv(folder / "tasks" / "who" / "rows.csv", index=False)
    data = "{train: rows.csv, text: claim, text_pair: reply, label: label}"
    (folder / "tasks" / "who" / "task.yaml").write_text(
        f"{{name: who, kind: text-classification, metric: accuracy, data: {data}}}\n"
    )
    return folder


@pytest.fixture(scope="module")
def compared(workspace: Path) -> dict[str, Any]:
    done = run_here("compare", "--task", "who", *QUICK, "--json", *FIXED, cwd=workspace)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_models_and_the_baseline_read_both_texts(compared: dict[str, Any]) -> None:
    scores = {(row["candidate"], row["technique"]): row["score"] for row in compared["ranking"]}
    assert set(scores) == {
        ("tiny", "knn"), ("tiny", "linear-probe"), ("baseline-tfidf", "fit"), ("baseline-majority", "fit"),
    }  # fmt: skip
    assert scores["baseline-tfidf", "fit"] > 0.95
    assert scores["tiny", "linear-probe"] > 0.8
    assert compared["failed"] == []


@pytest.fixture(scope="module")
def tuned(workspace: Path, compared: dict[str, Any]) -> Path:
    del compared
    named = ("--candidate", "tiny", "--technique", "full")
    done = run_here("finetune", "who", "--out", "full", *named, *FIXED, cwd=workspace)
    assert done.returncode == 0, done.stderr
    return workspace / "full"


def test_a_fine_tuned_model_answers_new_pairs_as_its_library_does(workspace: Path, tuned: Path) -> None:
    rows = make_rows(12).drop(columns="label")
    rows.loc[3, "reply"] = None
    rows.to_csv(workspace / "new.csv", index=False)
    done = run_here("predict", "full", "new.csv", "--out", "answers.parquet", "--device", "cpu", cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "11 of 12 rows answered: answers.parquet\n"
    answers = pd.read_parquet(workspace / "answers.parquet")
    assert answers["prediction"].isna().tolist() == [i == 3 for i in range(12)]
    answers = answers.drop(index=3)
    answers[["claim", "reply"]].to_csv(workspace / "whole.csv", index=False)
    fresh = [sys.executable, "-I", "-W", "ignore", "-c", FRESH, "full", "whole.csv"]
    told = json.loads(subprocess.run(fresh, cwd=workspace, capture_output=True, text=True, check=True).stdout)
    assert [label for label, _ in told] == answers["prediction"].tolist()
    assert [share for _, share in told] == pytest.approx(answers["probability"].tolist(), abs=1e-4)
    assert '{"text": "TEXT", "text_pair": "OTHER"}' in (tuned / "README.md").read_text()


def test_new_rows_without_the_second_text_are_refused(workspace: Path, tuned: Path) -> None:
    (workspace / "half.csv").write_text("claim,repl\na card,hello\n")
    done = run_here("predict", str(tuned), "half.csv", "--out", "half.parquet", cwd=workspace)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert lines[0] == 'there is no column "reply" for the second text of each row'
    assert '"repl"' in lines[2]
