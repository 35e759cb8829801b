"""Entities through the command line: a comparison, a folder that transformers reads alone, and answers to texts and to words."""

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
WORDS = ["the", "a", "my", "hello", "you"]
# Finds entities without bench: argv are the folder and the texts.
FRESH = """
import json, sys
from transformers import pipeline
find = pipeline("token-classification", model=sys.argv[1], device="cpu", aggregation_strategy="first")
texts = json.loads(open(sys.argv[2]).read())
assert not any(name.startswith("harness") for name in sys.modules)
print(json.dumps([[[one["start"], one["end"], one["entity_group"]] for one in some] for some in find(texts)]))
"""


def make_sentences(number: int) -> list[tuple[list[str], list[str]]]:
    """Words among which "stolen card" is a crime, and "refund" alone is money."""
    draw = random.Random(0)
    found = []
    for _ in range(number):
        words, tags = [], []
        for part in draw.choices(range(3), k=3):
            words += [[draw.choice(WORDS)], ["stolen", "card"], ["refund"]][part]
            tags += [["O"], ["B-crime", "I-crime"], ["B-money"]][part]
        found.append((words, tags))
    return found


@pytest.fixture(scope="module")
def workspace(server: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    del server
    folder = tmp_path_factory.mktemp("entities")
    make_model(folder / "models" / "tiny")
    (folder / "candidates").mkdir()
    card = "- {name: tiny, adapter: transformers, source: ./models/tiny, license: Apache-2.0, parameters: 8000}\n"
    (folder / "candidates" / "tiny.yaml").write_text(card)
    (folder / "tasks" / "found").mkdir(parents=True)
    rows = [json.dumps({"text": " ".join(words), "tags": " ".join(tags)}) for words, tags in make_sentences(240)]
    (folder / "tasks" / "found" / "rows.jsonl").write_text("\n".join(rows))
    (folder / "tasks" / "found" / "task.yaml").write_text("{name: found, kind: token-classification, data: {train: rows.jsonl}}\n")
    return folder


@pytest.fixture(scope="module")
def compared(workspace: Path) -> dict[str, Any]:
    wanted = ("--candidates", "tiny,baseline-tfidf", "--effort", "quick", "--measure", "quality", "--json")
    done = run_here("compare", "--task", "found", *wanted, *FIXED, cwd=workspace)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_probe_a_tagger_and_the_commonest_tag_stand_in_one_ranking(workspace: Path, compared: dict[str, Any]) -> None:
    rows = {(row["candidate"], row["technique"]): row for row in compared["ranking"]}
    assert set(rows) == {("tiny", "linear-probe"), ("baseline-tagger", "fit"), ("baseline-majority", "fit")}
    assert {row["metric"] for row in rows.values()} == {"micro_f1"}
    assert rows["baseline-tagger", "fit"]["score"] > 0.95
    assert rows["tiny", "linear-probe"]["test"]["score"] > 0.8
    report = (workspace / compared["files"]["markdown"]).read_text()
    for words in ("Types of entities: 2", "validation sentences", "## Each type of entity", "entities in 240 sentences"):
        assert words in report
    kept = pd.read_parquet(next((workspace / "reports" / "found" / "latest" / "predictions").glob("*.parquet")))
    assert set(kept["reference"].explode()) == {"O", "B-crime", "I-crime", "B-money"}


def test_a_fine_tuned_folder_finds_with_transformers_alone_what_bench_finds(workspace: Path, compared: dict[str, Any]) -> None:
    del compared
    named = ("--candidate", "tiny", "--technique", "full", "--out", "full")
    done = run_here("finetune", "found", *named, *FIXED, cwd=workspace)
    assert done.returncode == 0, done.stderr
    # Words are what blanks part, as where it was trained.
    assert json.loads((workspace / "full" / "bench.json").read_text())["contents"]["parted"] is True
    texts = [" ".join(words) for words, _ in make_sentences(30)]
    (workspace / "texts.json").write_text(json.dumps(texts))
    (workspace / "new.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in (*texts, "")))
    done = run_here("predict", "full", "new.jsonl", "--out", "answers.parquet", "--device", "cpu", cwd=workspace)
    assert done.returncode == 0, done.stderr
    told = pd.read_parquet(workspace / "answers.parquet")["prediction"]
    spans = [[[one["start"], one["end"], one["label"]] for one in some] for some in told[:30]]
    right = [
        sum(text[start:end] in {"stolen card", "refund"} for start, end, _ in some) for text, some in zip(texts, spans, strict=True)
    ]
    assert sum(right) > 0.8 * sum(tag[0] == "B" for _, tags in make_sentences(30) for tag in tags)
    assert told[30] is None
    fresh = [sys.executable, "-I", "-W", "ignore", "-c", FRESH, "full", "texts.json"]
    alone = json.loads(subprocess.run(fresh, cwd=workspace, capture_output=True, text=True, check=True).stdout)
    assert alone == spans
    rows = "".join("".join(f"{word}\n" for word in words) + "\n" for words, _ in make_sentences(5))
    (workspace / "new.conll").write_text(rows)
    assert run_here("predict", "full", "new.conll", "--out", "tags.parquet", "--device", "cpu", cwd=workspace).returncode == 0
    tags = pd.read_parquet(workspace / "tags.parquet")["prediction"]
    assert [len(some) for some in tags] == [len(words) for words, _ in make_sentences(5)]
    card = (workspace / "full" / "README.md").read_text()
    for words in ('pipeline("token-classification"', "entities of 2 types", "Types of entities"):
        assert words in card
