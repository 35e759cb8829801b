"""Texts through the command line: language models, baselines and plugins that write in one ranking."""

from __future__ import annotations

import csv
import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.core.trial import Record
from harness.load.data import load_dataset
from harness.load.tasks import load_task
from harness.load.workspace import load_workspaces
from harness.measure.writing import judge_texts
from tests.e2e.command import run_here
from tests.e2e.test_finetune import make_model
from tests.unit.conftest import WORDS
from tests.unit.openai_server import answer, serve
from tests.unit.tiny_models import save_language

FIXED = ("--task", "last-word", "--measure", "quality", "--device", "cpu")
CARD = "- {{name: {0}, adapter: transformers, source: ./models/{0}, license: MIT}}\n"
SERVED = """
- name: far
  adapter: openai
  source: {0}
  license: proprietary
  remote: {{model: talker, offers: [chat], price: {{input: 1, output: 2}}}}
"""
PLUGIN = """
from harness import Candidate, Card

class Last:
    def generate(self, prompts, limit, stop):
        return [prompt.removesuffix(" is").split()[-1] + "." for prompt in prompts]

class Deaf:
    def embed_text(self, texts): ...

def card(name): return Card(name=name, license="MIT")

candidates = (Candidate(card("last"), lambda device, dtype: Last()), Candidate(card("deaf"), lambda device, dtype: Deaf()))
"""


@pytest.fixture(scope="module")
def workspace(server: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    del server
    folder = tmp_path_factory.mktemp("workspace")
    make_model(folder / "models" / "encoder")
    save_language("LlamaForCausalLM", folder / "models" / "decoder")
    (folder / "candidates").mkdir()
    (folder / "candidates" / "cards.yaml").write_text(CARD.format("encoder") + CARD.format("decoder"))
    (folder / "candidates" / "last.py").write_text(PLUGIN)
    task = folder / "tasks" / "last-word"
    task.mkdir(parents=True)
    (task / "task.yaml").write_text(
        "name: last-word\nkind: generation\ndata: {train: rows.csv}\nmetric: exact_match\n"
        "write: {template: '{question} is {answer}', limit: 6}\n"
    )
    words = WORDS[5:]
    # The first two are articles, which do not count in an answer.
    rows = [(f"hello {words[i % 15]} {words[i // 15]} {words[2 + i % 7]}", f"The {words[2 + i % 7]}") for i in range(60)]
    with (task / "rows.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("question", "answer"), *rows])
    return folder


@pytest.fixture(scope="module")
def found(workspace: Path) -> dict[str, Any]:
    with serve(partial(answer, reply=lambda prompt: prompt.split()[-2])) as log:
        (workspace / "candidates" / "far.yaml").write_text(SERVED.format(log.url))
        chosen = ("--candidates", "encoder,decoder,last,deaf,far", "--techniques", "prompted,few-shot,full", "--effort", "quick")
        done = run_here("compare", *FIXED, *chosen, "--allow-remote", "--json", cwd=workspace)
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def test_who_writes_well_is_ranked_by_the_mean_over_rows(found: dict[str, Any]) -> None:
    ranked = {(row["candidate"], row["technique"]): row for row in found["ranking"]}
    assert set(ranked) == {
        ("decoder", "prompted"),
        ("decoder", "few-shot"),
        ("decoder", "full"),
        ("last", "prompted"),
        ("last", "few-shot"),
        ("far", "prompted"),
        ("far", "few-shot"),
        ("baseline-commonest", "fit"),
        ("baseline-lead", "fit"),
        ("baseline-nearest", "fit"),
    }
    assert found["recommendation"]["candidate"] in {"last", "far"}
    # A word is a token: each prompt has 5, its answer 1 at twice the price.
    assert ranked["far", "prompted"]["score"] == 1
    assert ranked["far", "prompted"]["cost_per_1000_rows"] == pytest.approx(1000 * (5 + 2) / 1e6)
    assert ranked["far", "few-shot"]["cost_per_1000_rows"] > ranked["far", "prompted"]["cost_per_1000_rows"]
    best = ranked["last", "prompted"]
    assert (best["metric"], best["score"], best["test"]["score"], best["train_score"]) == ("exact_match", 1.0, 1.0, None)
    assert 0.9 < best["low"] <= best["high"] <= 1
    assert 0 < ranked["baseline-nearest", "fit"]["score"] < 1
    # A few rows teach a tiny model little.
    assert 0 < ranked["decoder", "full"]["score"] < 0.5
    assert ranked["decoder", "full"]["train_score"] is not None
    assert found["failed"] == []


def test_who_cannot_write_is_skipped_with_the_reason(found: dict[str, Any]) -> None:
    reasons = {row["candidate"]: row["reason"] for row in found["skipped"]}
    assert reasons["encoder"] == "it is no language model, and texts are to be written"
    assert "neither writes texts nor can be fitted" in reasons["deaf"]


def test_what_was_written_is_kept_beside_the_references(workspace: Path, found: dict[str, Any]) -> None:
    folder = workspace / "reports" / "last-word" / found["run"]
    records = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    asked = {(r["trial"]["candidate"], r["trial"]["technique"]): r for r in records if r["outcome"]["state"] == "finished"}
    kept = pd.read_parquet(folder / "predictions" / Record.model_validate(asked["last", "prompted"]).predictions)
    assert len(kept) == 60
    assert all(row.reference[0] == f"The {row.prediction.removesuffix('.')}" for row in kept.itertuples())
    measured = {one["name"] for one in asked["decoder", "few-shot"]["outcome"]["measurements"]}
    assert {"weights_mb", "flops", "truncated_share", "load_s", "tokens_per_s", "chrf", "rouge_l"} <= measured
    assert asked["decoder", "few-shot"]["outcome"]["recipe"]["k"] > 1


def test_the_report_speaks_of_references_and_says_where_the_texts_are(workspace: Path, found: dict[str, Any]) -> None:
    told = (workspace / found["files"]["markdown"]).read_text()
    assert "- References: 1 a row" in told
    assert "Texts are written greedily" in told
    assert re.search(r"last with a prompt( with examples)? in predictions/\w{16}\.parquet", told.replace("\\", ""))
    assert re.search(r"decoder with full fine-tuning in predictions/\w{16}\.parquet", told.replace("\\", ""))
    assert "exact match" in told
    assert "Classes" not in told
    assert "bench finetune" not in told


def test_a_decoder_that_learned_to_write_is_handed_over(workspace: Path, found: dict[str, Any]) -> None:
    wish = ("--candidate", "decoder", "--technique", "full", "--out", "out", "--device", "cpu")
    asked = run_here("finetune", found["run"], *wish, cwd=workspace)
    assert asked.returncode == 0, asked.stderr
    assert "predict: bench predict out ROWS.csv --out ANSWERS.parquet" in asked.stdout
    told = (workspace / "out" / "README.md").read_text()
    assert "AutoModelForCausalLM" in told
    assert "$ bench predict out ROWS.csv --out ANSWERS.parquet" in told
    test = json.loads((workspace / "out" / "bench.json").read_text())["test"]
    assert 0 <= test["low"] < test["score"] < test["high"] <= 1
    # What it writes for the test rows is what it was judged by.
    known = load_task("last-word", load_workspaces(workspace))
    data = load_dataset(known.task, known.folder, override=None, seed=0, offline=True)
    assert data.writing is not None
    asked_of = [str(data.rows.inputs[row]) for row in data.split.test]
    pd.DataFrame({"n": range(len(asked_of) + 1), "question": [*asked_of, ""]}).to_csv(workspace / "new.csv", index=False)
    asked = run_here("predict", "out", "new.csv", "--out", "told.parquet", "--device", "cpu", cwd=workspace)
    assert asked.returncode == 0, asked.stderr
    frame = pd.read_parquet(workspace / "told.parquet")
    assert list(frame.columns) == ["n", "question", "prediction"]
    assert frame["prediction"].isna().tolist() == [False] * len(asked_of) + [True]
    figures = judge_texts(frame["prediction"][:-1].tolist(), data.writing.of(data.split.test))
    assert figures[:, 0].mean() == pytest.approx(test["score"], abs=1e-9)


def test_what_cannot_be_done_with_texts_is_said(workspace: Path, found: dict[str, Any]) -> None:
    wish = ("--candidate", "decoder", "--out", workspace / "none")
    asked = run_here("finetune", found["run"], *wish, "--technique", "prompted", cwd=workspace)
    assert asked.returncode == 2
    assert "nothing is trained, the model is used as it is" in asked.stderr.splitlines()[0]
    asked = run_here("finetune", found["run"], *wish, "--technique", "linear-probe", cwd=workspace)
    assert "texts are to be written" in asked.stderr.splitlines()[0]
    asked = run_here("compare", *FIXED, "--candidates", "decoder", "--techniques", "knn", cwd=workspace)
    assert asked.returncode == 2
    assert asked.stderr.splitlines()[0] == "knn is not for the kind generation"
