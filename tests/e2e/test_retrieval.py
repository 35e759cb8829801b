"""Queries and documents through the command line: vectors of a model, trained or not, BM25 and a plugin in one ranking."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import run_here
from tests.e2e.test_finetune import make_model
from tests.unit.conftest import WORDS

FIXED = ("--task", "faq", "--measure", "quality", "--device", "cpu", "--offline")
CARDS = """
- name: tiny
  adapter: transformers
  source: ./models/tiny
  license: MIT
  options: {query_prompt: "please ", document_prompt: "the "}
"""
PLUGIN = """
import numpy as np
from harness import Candidate, Card

class Fixed:
    def index(self, documents):
        self.count = len(documents)

    def search(self, queries, count):
        return np.tile(np.arange(min(count, self.count)), (len(queries), 1))

candidates = (Candidate(Card(name="fixed", license="MIT", kinds=("retrieval",)), lambda device, dtype: Fixed()),)
"""


@pytest.fixture(scope="module")
def workspace(server: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    del server
    folder = tmp_path_factory.mktemp("workspace")
    make_model(folder / "models" / "tiny")
    (folder / "candidates").mkdir()
    (folder / "candidates" / "cards.yaml").write_text(CARDS)
    (folder / "candidates" / "fixed.py").write_text(PLUGIN)
    task = folder / "tasks" / "faq"
    task.mkdir(parents=True)
    (task / "task.yaml").write_text("{name: faq, kind: retrieval, data: {train: faq.csv}}\n")
    with (task / "faq.csv").open("w", newline="") as file:
        words = WORDS[5:]
        rows = [(f"{words[i % 15]} {words[i // 15]} {i}", f"{words[i % 15]} and {words[i % 15]}, said {i % 15}") for i in range(45)]
        csv.writer(file).writerows([("question", "answer"), *rows])
    return folder


@pytest.fixture(scope="module")
def found(workspace: Path) -> dict[str, Any]:
    chosen = ("--candidates", "tiny,fixed,baseline-tfidf", "--techniques", "full", "--effort", "quick")
    done = run_here("compare", *FIXED, *chosen, "--json", cwd=workspace)
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def test_who_finds_documents_is_ranked_by_the_mean_over_queries(found: dict[str, Any]) -> None:
    contenders = [(row["candidate"], row["technique"]) for row in found["ranking"]]
    assert sorted(contenders) == [("baseline-bm25", "fit"), ("fixed", "fit"), ("tiny", "dense-search"), ("tiny", "full")]
    ranked = {row["candidate"]: row for row in found["ranking"] if row["technique"] != "full"}
    best = ranked["baseline-bm25"]
    assert found["recommendation"]["candidate"] == "baseline-bm25"
    assert best["metric"] == "ndcg@10"
    assert 0.7 < best["low"] <= best["score"] <= best["high"] <= 1
    assert best["test"]["score"] > 0.7
    assert best["train_score"] is None
    assert ranked["fixed"]["score"] < 0.5
    assert found["failed"] == []


def test_who_does_not_suit_the_kind_is_skipped_with_the_reason(found: dict[str, Any]) -> None:
    reasons = {row["candidate"]: row["reason"] for row in found["skipped"]}
    assert "baseline-majority" not in reasons
    assert "neither embeds texts nor searches" in reasons["baseline-tfidf"]


def test_the_report_speaks_of_queries_and_documents(workspace: Path, found: dict[str, Any]) -> None:
    told = (workspace / found["files"]["markdown"]).read_text()
    assert "- Documents: 15 (the same for every query)" in told
    assert "- Validation: 36 queries" in told
    assert "Every query was put to all 15 documents" in told
    assert "nDCG@10" in told
    assert "Classes" not in told
    assert "bench finetune" not in told


def test_what_was_trained_stands_beside_what_was_not(workspace: Path, found: dict[str, Any]) -> None:
    [trained] = [row for row in found["ranking"] if row["technique"] == "full"]
    assert trained["low"] < trained["score"] < trained["high"]
    assert trained["train_score"] is not None
    assert 0 <= trained["test"]["score"] <= 1
    told = (workspace / found["files"]["markdown"]).read_text()
    assert "learned from training queries beside their right documents" in told
    assert "Gain over its" not in told


def test_a_model_that_learned_to_search_is_handed_over(workspace: Path, found: dict[str, Any]) -> None:
    wish = ("--candidate", "tiny", "--technique", "full", "--out", "out", "--device", "cpu")
    asked = run_here("finetune", found["run"], *wish, cwd=workspace)
    assert asked.returncode == 0, asked.stderr
    assert "predict" not in asked.stdout
    told = (workspace / "out" / "README.md").read_text()
    assert 'SentenceTransformer("FOLDER")' in told
    assert "pipeline_tag: sentence-similarity" in told
    head = json.loads((workspace / "out" / "bench.json").read_text())
    assert 0 <= head["test"]["low"] <= head["test"]["score"] <= head["test"]["high"] <= 1
    prompts = json.loads((workspace / "out" / "config_sentence_transformers.json").read_text())["prompts"]
    assert prompts == {"query": "please ", "document": "the "}
    (workspace / "new.csv").write_text("question\nhello card\n")
    asked = run_here("predict", "out", "new.csv", "--out", "told.csv", cwd=workspace)
    assert asked.returncode == 2
    assert "the model turns texts into vectors to search by" in asked.stderr.splitlines()[0]


def test_what_cannot_be_done_with_documents_is_said(workspace: Path, found: dict[str, Any]) -> None:
    wish = ("--candidate", "tiny", "--out", workspace / "none")
    asked = run_here("finetune", found["run"], *wish, "--technique", "dense-search", cwd=workspace)
    assert asked.returncode == 2
    assert "nothing is trained, the model is used as it is" in asked.stderr.splitlines()[0]
    assert asked.stderr.splitlines()[2].endswith("--technique full | lora | ia3")
    asked = run_here("finetune", found["run"], *wish, "--technique", "linear-probe", cwd=workspace)
    assert "documents are to be found" in asked.stderr.splitlines()[0]
    asked = run_here("compare", *FIXED, "--candidates", "tiny", "--techniques", "prompt-tuning", cwd=workspace)
    assert asked.returncode == 2
    assert asked.stderr.splitlines()[0] == "prompt-tuning is not for the kind retrieval"
