"""A language model that is asked, beside models whose features are learned from, by the installed command."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.e2e.command import run_bench
from tests.e2e.test_finetune import make_model, make_rows
from tests.unit.tiny_models import save_language


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
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
    done = run_bench(
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
