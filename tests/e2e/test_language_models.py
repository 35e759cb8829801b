"""A language model that is asked, beside models whose features are learned from, by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.e2e.command import run_here
from tests.e2e.test_finetune import make_model, make_rows
from tests.unit.tiny_models import save_language


@pytest.fixture
def workspace(server: None, tmp_path: Path) -> Path:
    del server
    make_model(tmp_path / "models" / "encoder")
    save_language("GPT2LMHead", tmp_path / "models" / "decoder")
    (tmp_path / "candidates").mkdir()
    card = "- {{name: {0}, adapter: transformers, source: ./models/{0}, license: MIT}}\n"
    (tmp_path / "candidates" / "tiny.yaml").write_text(card.format("encoder") + card.format("decoder"))
    (tmp_path / "tasks" / "mail").mkdir(parents=True)
    (tmp_path / "tasks" / "mail" / "rows.csv").write_text(make_rows(60))
    task = "name: mail\nkind: text-classification\nmetric: accuracy\ndata: {train: rows.csv}\n"
    task += "ask: {template: '{text} is my {label}'}\n"
    (tmp_path / "tasks" / "mail" / "task.yaml").write_text(task)
    return tmp_path


def test_a_decoder_and_an_encoder_stand_in_one_ranking(workspace: Path) -> None:
    chosen = ("--candidates", "encoder,decoder", "--techniques", "linear-probe,prompted,few-shot")
    done = run_here(
        "compare", "--task", "mail", *chosen, "--effort", "quick", "--measure", "quality", "--device", "cpu",
        "--offline", "--json", cwd=workspace,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["failed"] == []
    rows = {(row["candidate"], row["technique"]): row for row in found["ranking"]}
    assert set(rows) == {
        ("encoder", "linear-probe"),
        ("decoder", "linear-probe"),
        ("decoder", "prompted"),
        ("decoder", "few-shot"),
        ("baseline-majority", "fit"),
        ("baseline-tfidf", "fit"),
    }
    folder = workspace / "reports" / "mail" / "latest"
    records = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    asked = next(r for r in records if (r["trial"]["technique"], r["trial"]["measures"]) == ("few-shot", "quality"))
    assert asked["outcome"]["recipe"]["k"] > 1
    assert {"weights_mb", "flops", "truncated_share", "load_s"} <= {one["name"] for one in asked["outcome"]["measurements"]}
    kept = pd.read_parquet(next((folder / "predictions").glob("*.parquet")))
    assert set(kept["split"]) == {"validation", "test"}
    assert "decoder · few-shot" in (folder / "report.md").read_text()


def test_questions_with_options_are_asked_and_compared(workspace: Path) -> None:
    rows = [
        {"question": f"which is {word}", "choices": [word, "other", *(["none"] if i % 3 else [])][:: 1 if i % 2 else -1]}
        for i, word in enumerate(["card", "parcel", "refund"] * 14)
    ]
    lines = [json.dumps(row | {"answer": row["question"].split()[-1]}) for row in rows]
    (workspace / "tasks" / "quiz").mkdir()
    (workspace / "tasks" / "quiz" / "rows.jsonl").write_text("\n".join(lines))
    (workspace / "tasks" / "quiz" / "task.yaml").write_text("name: quiz\nkind: multiple-choice\ndata: {train: rows.jsonl}\n")
    done = run_here(
        "compare", "--task", "quiz", "--candidates", "encoder,decoder", "--effort", "standard", "--device", "cpu",
        "--offline", "--json", cwd=workspace,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["failed"] == []
    ranked = {(row["candidate"], row["technique"]): row for row in found["ranking"]}
    assert set(ranked) == {
        ("encoder", "cosine"), ("decoder", "cosine"), ("decoder", "prompted"), ("decoder", "few-shot"),
        ("baseline-majority", "fit"), ("baseline-overlap", "fit"),
    }  # fmt: skip
    assert ranked["baseline-overlap", "fit"]["score"] == 1
    assert all(row["latency_ms"]["p95"] > 0 and row["memory_mb"] >= 0 for row in ranked.values())
    report = (workspace / "reports" / "quiz" / "latest" / "report.md").read_text()
    assert "- Options: up to 3 (at each place the right one of " in report
    for technique in ((), ("--technique", "full"), ("--technique", "linear-probe")):
        told = run_here("finetune", "quiz", "--candidate", "encoder", *technique, "--out", "x", "--offline", cwd=workspace)
        assert told.returncode == 2
        assert "options are chosen by models as they are" in told.stderr
    assert not (workspace / "x").exists()
    refused = run_here("compare", "--task", "quiz", "--techniques", "linear-probe", "--offline", cwd=workspace)
    assert (refused.returncode, "linear-probe is not for the kind multiple-choice" in refused.stderr) == (2, True)


def test_models_that_cannot_be_asked_are_skipped_with_the_reason(workspace: Path) -> None:
    done = run_here(
        "compare", "--task", "mail", "--candidates", "encoder", "--techniques", "few-shot", "--measure", "quality",
        "--device", "cpu", "--offline", "--json", cwd=workspace,
    )  # fmt: skip
    assert json.loads(done.stdout)["skipped"] == [
        {"candidate": "encoder", "reason": "it is no language model, and few-shot asks one"}
    ]


def test_labels_that_are_codes_are_not_asked_for_without_examples(workspace: Path) -> None:
    rows = workspace / "tasks" / "mail" / "rows.csv"
    rows.write_text(rows.read_text().replace(",card\n", ",1\n"))
    done = run_here("compare", "--task", "mail", "--candidates", "decoder", "--techniques", "prompted", cwd=workspace)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "prompted asks for words for the classes, and these have none",
        "where: --techniques",
        "do:    describe each label under `classes` in task.yaml, or try few-shot, where examples show what labels mean",
    ]
