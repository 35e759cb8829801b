"""Queries and documents through the command line: vectors of a model, BM25 and a plugin that searches in one ranking."""

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
    done = run_here("compare", *FIXED, "--candidates", "tiny,fixed,baseline-tfidf", "--json", cwd=workspace)
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def test_who_finds_documents_is_ranked_by_the_mean_over_queries(found: dict[str, Any]) -> None:
    ranked = {row["candidate"]: row for row in found["ranking"]}
    assert {name: row["technique"] for name, row in ranked.items()} == {
        "tiny": "dense-search",
        "fixed": "fit",
        "baseline-bm25": "fit",
    }
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


def test_nothing_is_trained_for_a_search_yet(workspace: Path, found: dict[str, Any]) -> None:
    asked = run_here("finetune", found["run"], "--candidate", "tiny", "--out", workspace / "out", cwd=workspace)
    assert asked.returncode == 2
    assert "documents are searched" in asked.stderr.splitlines()[0]
    asked = run_here("compare", *FIXED, "--candidates", "tiny", "--techniques", "lora", cwd=workspace)
    assert asked.returncode == 2
    assert asked.stderr.splitlines()[0] == "lora is not for the kind retrieval"
