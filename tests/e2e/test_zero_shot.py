"""Models that are tried without labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.e2e.command import run_here
from tests.e2e.test_finetune import make_model, make_rows
from tests.unit.models.test_towers import save_towers
from tests.unit.tiny_models import save_inference

FIXED = ("--effort", "quick", "--measure", "quality", "--device", "cpu", "--offline", "--json")


@pytest.fixture
def workspace(server: None, tmp_path: Path) -> Path:
    del server
    (tmp_path / "candidates").mkdir()
    make_model(tmp_path / "models" / "tiny")
    save_inference("Bert", tmp_path / "models" / "nli", ("contradiction", "neutral", "entailment"))
    save_towers("CLIP", tmp_path / "models" / "towers")
    cards = [
        "- {name: tiny, adapter: transformers, source: ./models/tiny, license: MIT}",
        "- {name: nli, adapter: transformers, source: ./models/nli, license: MIT}",
        "- {name: towers, adapter: transformers, source: ./models/towers, license: MIT, modality: [image]}",
    ]
    (tmp_path / "candidates" / "tiny.yaml").write_text("\n".join(cards) + "\n")
    mail, colors = (tmp_path / "tasks" / name for name in ("mail", "colors"))
    for folder in (mail, colors):
        folder.mkdir(parents=True)
    (mail / "rows.csv").write_text(make_rows(60))
    (mail / "task.yaml").write_text("{name: mail, kind: text-classification, metric: accuracy, data: {train: rows.csv}}\n")
    draw = np.random.default_rng(0)
    for i in range(40):
        pixels = draw.integers(0, 120, (32, 32, 3), dtype=np.uint8)
        pixels[:, :, i % 2] += 120
        place = colors / "data" / ["red", "green"][i % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{i}.png")
    task = "{name: colors, kind: image-classification, metric: accuracy, data: {train: data}, prompts: ['the {}', 'a {}']}\n"
    (colors / "task.yaml").write_text(task)
    return tmp_path


def compare(workspace: Path, task: str, *more: str) -> dict[str, Any]:
    done = run_here("compare", "--task", task, *FIXED, *more, cwd=workspace)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("task", "candidates"), [("mail", ("tiny", "nli")), ("colors", ("towers",))])
def test_zero_shot_stands_in_one_ranking_with_what_learns(task: str, candidates: tuple[str, ...], workspace: Path) -> None:
    found = compare(workspace, task, "--candidates", ",".join(candidates))
    for candidate in candidates:
        techniques = {row["technique"] for row in found["ranking"] if row["candidate"] == candidate}
        asked = {"entailment"} if candidate == "nli" else set()
        assert techniques == {"zero-shot", "knn", "linear-probe"} | asked
    assert found["failed"] == []


def test_zero_shot_by_name_needs_words_for_the_classes(workspace: Path) -> None:
    rows = (workspace / "tasks" / "mail" / "rows.csv").read_text()
    for number, label in enumerate(("card", "parcel", "refund")):
        rows = rows.replace(f",{label}\n", f",{number}\n")
    (workspace / "tasks" / "mail" / "rows.csv").write_text(rows)
    asked = run_here("compare", "--task", "mail", *FIXED, "--candidates", "tiny", "--techniques", "zero-shot", cwd=workspace)
    assert asked.returncode == 2
    assert asked.stderr.splitlines()[0] == "zero-shot compares rows with words for the classes, and these have none"


def test_pictures_and_captions_find_each_other(workspace: Path) -> None:
    folder = workspace / "tasks" / "gallery"
    folder.mkdir()
    draw = np.random.default_rng(0)
    lines = []
    for number in range(24):
        Image.fromarray(draw.integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(folder / f"{number}.png")
        lines.append(json.dumps({"image": f"{number}.png", "captions": [f"my card {number}", f"the parcel {number}"]}))
    (folder / "rows.jsonl").write_text("\n".join(lines))
    (folder / "task.yaml").write_text("{name: gallery, kind: image-text-retrieval, data: {train: rows.jsonl}}\n")
    done = run_here(
        "compare", "--task", "gallery", "--candidates", "towers,tiny", "--device", "cpu", "--offline", "--json", cwd=workspace
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["failed"] == []
    ranked = {(row["candidate"], row["technique"]): row for row in found["ranking"]}
    assert set(ranked) == {("towers", "dense-search"), ("baseline-chance", "dense-search")}
    assert all(row["latency_ms"]["p95"] > 0 and row["memory_mb"] >= 0 for row in ranked.values())
    report = (workspace / "reports" / "gallery" / "latest" / "report.md").read_text()
    assert "- Captions: 48 (the same for every picture)" in report
    assert "Every picture was compared with all 48 captions" in report
    refused = run_here("finetune", "gallery", "--out", "x", cwd=workspace)
    assert refused.returncode == 2
    assert "captions are searched with models as they are" in refused.stderr
