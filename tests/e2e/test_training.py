"""Training through the command: a tiny encoder in Hub layout, rows that it can only learn by changing its weights."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import BENCH, run_here
from tests.unit.tiny_models import save_text, texts

CARD = """- name: tiny
  adapter: transformers
  source: ../encoder
  license: MIT
  parameters: 30000
  modality: [text]
"""
TASK = """name: refunds
kind: text-classification
data: {train: rows.csv}
metric: accuracy
"""
COMPARE = ("compare", "--task", "refunds", "--candidates", "tiny", "--measure", "quality", "--offline", "--device", "cpu")


@pytest.fixture(scope="module")
def place(server: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the encoder beside it; 1,300 rows leave 200 or more to validation, so that there are no folds."""
    del server
    folder = tmp_path_factory.mktemp("training")
    (folder / "encoder").mkdir()
    save_text("Bert", folder / "encoder")
    work = folder / "work"
    for name in ("candidates", "tasks/refunds"):
        (work / name).mkdir(parents=True)
    (work / "candidates/tiny.yaml").write_text(CARD)
    (work / "tasks/refunds/task.yaml").write_text(TASK)
    inputs, labels = texts(1300)
    with (work / "tasks/refunds/rows.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["text", "label"])
        # Texts repeat, for they are short; a number makes each a row of its own.
        table.writerows(
            (f"{text} {i}", ["theft", "refund"][label]) for i, (text, label) in enumerate(zip(inputs, labels, strict=True))
        )
    return work


def compare(place: Path, *more: str) -> dict[str, Any]:
    done = run_here(*COMPARE, "--json", *more, cwd=place)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"stderr": done.stderr}


def head(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / "reports/refunds/latest/run.json").read_text())
    return found


@pytest.fixture(scope="module")
def trained(place: Path) -> dict[str, Any]:
    return compare(place, "--techniques", "linear-probe,full,lora")


def rows(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the rows of the encoder by technique; the baselines' are left out."""
    return {row["technique"]: row for row in document["ranking"] if row["candidate"] == "tiny"}


def test_what_training_adds_to_frozen_features_is_found(trained: dict[str, Any]) -> None:
    found = rows(trained)
    assert set(found) == {"linear-probe", "full", "lora"}
    assert max(found["full"]["score"], found["lora"]["score"]) > max(0.95, found["linear-probe"]["score"])
    assert {gain["technique"] for gain in trained["gains"]} == {"full", "lora"}
    assert "training: " in trained["stderr"]
    assert "contenders of tiny in 3 rounds" in trained["stderr"]


def test_the_race_and_its_costs_are_told(trained: dict[str, Any], place: Path) -> None:
    costs = rows(trained)["lora"]["training"]
    assert 0 < costs["trainable_share"] < 1
    assert costs["memory_mb"] >= 0
    assert costs["s_per_1000_rows"] > 0
    assert rows(trained)["linear-probe"]["training"] is None
    rounds = head(place)["race"]["rounds"]
    assert [entry["share"] for entry in rounds] == [0.08, 0.25, 1.0]
    assert len(rounds[0]["runners"]) == 4
    assert len(rounds[1]["runners"]) <= 2
    report = (place / "reports/refunds/latest/report.md").read_text()
    assert "## Training" in report
    assert not (place / "reports/refunds/latest/checkpoints").exists()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_ranking(trained: dict[str, Any], place: Path) -> None:
    again = compare(place, "--techniques", "linear-probe,full,lora")
    figures = ("candidate", "technique", "score", "low", "high", "test", "train_score", "recipe")
    known, found = ([{key: row[key] for key in figures} for row in one["ranking"]] for one in (trained, again))
    assert found == known


def test_quick_effort_trains_nothing(place: Path) -> None:
    found = compare(place, "--techniques", "linear-probe", "--effort", "quick")
    assert set(rows(found)) == {"linear-probe"}
    assert head(place)["race"] is None


def test_a_budget_too_small_trains_nothing_and_says_so(place: Path) -> None:
    found = compare(place, "--resume", "--techniques", "linear-probe,full", "--budget", "1s")
    assert set(rows(found)) == {"linear-probe"}
    assert "training: " in found["stderr"]
    assert head(place)["race"]["rounds"] == []


def test_a_budget_in_which_no_trial_ends_is_refused_before_anything_starts(place: Path) -> None:
    before = sorted((place / "reports/refunds").glob("2*"))
    done = run_here(*COMPARE, "--budget", "1s", cwd=place)
    assert done.returncode == 2
    what, where, hint = done.stderr.strip().splitlines()[-3:]
    assert (what, where) == ("a budget of 1 s is too small for a single trial", "where: --budget")
    assert re.fullmatch(r"do:    give \d+s or more: to begin took [\d.]+ s, and the quickest trial is estimated at 2 s", hint)
    assert sorted((place / "reports/refunds").glob("2*")) == before


@pytest.mark.slow
def test_ctrl_c_in_a_training_reports_what_is_known_and_another_run_goes_on(place: Path) -> None:
    command = [str(BENCH), *COMPARE, "--techniques", "linear-probe,full,lora"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    bench = subprocess.Popen(command, cwd=place, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    before = {path.name for path in (place / "reports/refunds").glob("2*")}
    until = time.monotonic() + 120
    journal: list[Path] = []
    while not journal or '"measures":"training"' not in journal[0].read_text():
        assert time.monotonic() < until
        assert bench.poll() is None
        time.sleep(0.05)
        fresh = [p for p in (place / "reports/refunds").glob("2*") if p.name not in before]
        journal = [p / "records.jsonl" for p in fresh if (p / "records.jsonl").is_file()]
    bench.send_signal(signal.SIGINT)
    _, err = bench.communicate(timeout=60)
    assert bench.returncode == 130, err
    assert (journal[0].parent / "report.html").is_file()
    kept = [line for line in journal[0].read_text().splitlines() if '"state":"finished"' in line]
    done = compare(place, "--resume")
    assert {"linear-probe", "full", "lora"} == set(rows(done))
    lines = [json.loads(line)["trial"] for line in journal[0].read_text().splitlines()]
    keys = [json.dumps(trial, sort_keys=True) for trial in lines]
    assert len(keys) == len(set(keys))
    assert len(keys) > len(kept)
