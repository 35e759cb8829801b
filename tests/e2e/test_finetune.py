"""From a run to a folder that its own library loads, and from the folder to answers."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.e2e.command import BENCH, run_bench, run_here
from tests.unit.conftest import WORDS, save_tokenizer

Run = Callable[..., subprocess.CompletedProcess[str]]
KEYS = {"card": ("card", "stolen"), "parcel": ("parcel", "where"), "refund": ("refund", "please")}
# Loads a folder and scores the run's test rows without bench: argv are the folder, the rows and the run's predictions.
FRESH = """
import hashlib, json, sys
import pandas as pd, torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
folder, rows, kept = sys.argv[1:]
head = AutoModelForSequenceClassification
try:
    base = json.load(open(folder + "/adapter_config.json"))["base_model_name_or_path"]
except FileNotFoundError:
    model = head.from_pretrained(folder)
else:
    from peft import PeftModel
    model = PeftModel.from_pretrained(head.from_pretrained(base, config=AutoConfig.from_pretrained(folder)), folder)
assert not any(name.startswith("harness") for name in sys.modules)
model.eval()
tokenizer, names = AutoTokenizer.from_pretrained(folder), AutoConfig.from_pretrained(folder).id2label
label = {hashlib.sha256(t.encode()).hexdigest()[:16]: (t, l) for t, l in pd.read_csv(rows).itertuples(index=False)}
frame = pd.read_parquet(kept)
asked = [label[i.partition("-")[0]] for i in frame[frame["split"] == "test"]["id"]]
hits = 0
for text, right in asked:
    with torch.inference_mode():
        found = tokenizer(text, return_tensors="pt", truncation=True)
        found.pop("token_type_ids", None)
        hits += names[int(model(**found).logits.argmax())] == right
print(json.dumps({"score": hits / len(asked), "rows": len(asked)}))
"""


@pytest.fixture(scope="module")
def workspace(server: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a tiny BERT and letters to sort, and a run of frozen features."""
    del server
    folder = tmp_path_factory.mktemp("workspace")
    make_model(folder / "models" / "tiny")
    (folder / "candidates").mkdir()
    card = "- {name: NAME, adapter: transformers, source: ./models/tiny, license: Apache-2.0, parameters: 8000}\n"
    pooled = card.replace("NAME", "pooled").replace("models/tiny", "models/pooled")
    shutil.copytree(folder / "models" / "tiny", folder / "models" / "pooled")
    (folder / "models" / "pooled" / "modules.json").write_text("[]")
    (folder / "candidates" / "tiny.yaml").write_text(card.replace("NAME", "tiny") + pooled)
    task = folder / "tasks" / "mail"
    task.mkdir(parents=True)
    (task / "rows.csv").write_text(make_rows(150))
    (task / "task.yaml").write_text("{name: mail, kind: text-classification, metric: accuracy, data: {train: rows.csv}}\n")
    done = compare(folder, "--effort", "quick")
    assert done.returncode == 0, done.stderr
    return folder


def compare(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    fixed = ("--task", "mail", "--candidates", "tiny,pooled", "--measure", "quality", "--offline", "--device", "cpu")
    return run_here("compare", *fixed, *more, cwd=folder)


def make_model(folder: Path) -> None:
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(WORDS), max_position_embeddings=40, **sizes)).save_pretrained(folder)
    save_tokenizer(folder)


def make_rows(number: int) -> str:
    draw = random.Random(0)
    lines = ["text,label"]
    for i in range(number):
        label = list(KEYS)[i % 3]
        words = [draw.choice(["the", "a", "my", "is", "hello", "you", "help", "me"]) for _ in range(draw.randint(3, 8))]
        words.insert(draw.randrange(len(words)), draw.choice(KEYS[label]))
        lines.append(f"{' '.join(words)},{label}")
    return "\n".join(lines) + "\n"


def finetune(workspace: Path, out: str, technique: str, run: Run = run_here, *, candidate: str = "tiny") -> dict[str, Any]:
    named = ("--candidate", candidate, "--technique", technique, "--device", "cpu", "--offline")
    done = run("finetune", "mail", "--out", out, *named, "--json", cwd=workspace)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def score_afresh(workspace: Path, out: str, script: str = FRESH) -> dict[str, Any]:
    kept = next((workspace / "reports" / "mail" / "latest" / "predictions").glob("*.parquet"))
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", script, out, "tasks/mail/rows.csv", str(kept)],
        cwd=workspace, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# The same for an encoder of sentences: its body by transformers, and the linear layer beside it.
BY_VECTOR = """
import hashlib, json, sys
import pandas as pd, torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel, AutoTokenizer
folder, rows, kept = sys.argv[1:]
try:
    base = json.load(open(folder + "/adapter_config.json"))["base_model_name_or_path"]
except FileNotFoundError:
    model = AutoModel.from_pretrained(folder).eval()
else:
    from peft import PeftModel
    model = PeftModel.from_pretrained(AutoModel.from_pretrained(base), folder).eval()
head = load_file(folder + "/2_Dense/model.safetensors")
assert not any(name.startswith("harness") for name in sys.modules)
tokenizer, names = AutoTokenizer.from_pretrained(folder), json.load(open(folder + "/bench.json"))["contents"]["labels"]
label = {hashlib.sha256(t.encode()).hexdigest()[:16]: (t, l) for t, l in pd.read_csv(rows).itertuples(index=False)}
frame = pd.read_parquet(kept)
asked = [label[i.partition("-")[0]] for i in frame[frame["split"] == "test"]["id"]]
hits = 0
for text, right in asked:
    with torch.inference_mode():
        vector = model(**tokenizer(text, return_tensors="pt", return_token_type_ids=False)).last_hidden_state.mean(1)
        hits += names[int((vector @ head["linear.weight"].T + head["linear.bias"]).argmax())] == right
print(json.dumps({"score": hits / len(asked), "rows": len(asked)}))
"""


@pytest.mark.parametrize("technique", ["full", "lora"])
def test_an_encoder_of_sentences_goes_its_own_way(workspace: Path, technique: str) -> None:
    found = finetune(workspace, f"vectors-{technique}", technique, candidate="pooled")
    assert found["contents"]["recipe"]["pooling"] == "mean"
    again = score_afresh(workspace, f"vectors-{technique}", BY_VECTOR)
    assert again["score"] == pytest.approx(found["test"]["score"], abs=1e-6)
    assert ("modules.json" in found["files"]) == (technique == "full")
    (workspace / "one.csv").write_text("text\nmy card was stolen\n")
    done = run_here("predict", f"vectors-{technique}", "one.csv", "--out", f"{technique}.parquet", "--device", "cpu", cwd=workspace)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def full(workspace: Path) -> dict[str, Any]:
    return finetune(workspace, "full", "full", run_bench)


def test_transformers_alone_finds_the_test_score_that_the_folder_states(workspace: Path, full: dict[str, Any]) -> None:
    found = score_afresh(workspace, "full")
    assert found["rows"] == full["data"]["test"]
    assert found["score"] == pytest.approx(full["test"]["score"], abs=1e-6)
    names = {path.name for path in (workspace / "full").iterdir()}
    assert names == {"README.md", "bench.json", *full["files"]}
    assert json.loads((workspace / "full" / "bench.json").read_text())["contents"]["labels"] == ["card", "parcel", "refund"]
    text = (workspace / "full" / "README.md").read_text()
    assert text.startswith("---\nlicense: apache-2.0\n")
    assert full["command"] in text


def test_new_rows_are_answered(workspace: Path, full: dict[str, Any]) -> None:
    (workspace / "new.jsonl").write_text(
        '{"n": 1, "text": "my card was stolen"}\n{"n": 2, "text": null}\n{"n": 3, "text": "=card"}\n'
    )
    for name, run in (("answers.parquet", run_here), ("answers.csv", run_bench)):
        done = run("predict", "full", "new.jsonl", "--out", name, "--device", "cpu", cwd=workspace)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"2 of 3 rows answered: {name}\n"
    frame, text = pd.read_parquet(workspace / "answers.parquet"), pd.read_csv(workspace / "answers.csv")
    assert list(frame.columns) == ["n", "text", "prediction", "probability", "probabilities"]
    assert frame["probability"][0] == pytest.approx(max(frame["probabilities"][0].values()))
    assert sum(frame["probabilities"][0].values()) == pytest.approx(1, abs=1e-5)
    assert text["prediction"].fillna("").tolist() == frame["prediction"].fillna("").tolist()
    assert (text["text"][2], frame["text"][2]) == ("'=card", "=card")
    assert frame["prediction"].isna().tolist() == [False, True, False]
    assert "1 cells begin like a formula" in done.stderr
    assert full["contents"]["labels"] == list(frame["probabilities"][0])


def test_bad_input_is_told_in_three_lines_and_writes_nothing(workspace: Path, full: dict[str, Any]) -> None:
    before = sorted(path.name for path in workspace.iterdir())
    (workspace / "few.csv").write_text("number\n1\n")
    for words, problem in [
        (("finetune", "mail", "--out", "full"), "not empty"),
        (("finetune", "nail", "--out", "x"), 'no run "nail"'),
        (("finetune", "mail", "--out", "x", "--candidate", "tinny"), 'use "tiny"'),
        (("finetune", "mail", "--out", "x", "--candidate", "tiny", "--technique", "knn"), "--technique linear-probe"),
        (("predict", "models/tiny", "few.csv", "--out", "x.csv"), "no bench.json"),
        (("predict", "full", "few.csv", "--out", "x.csv"), "--column"),
        (("predict", "full", "none.csv", "--out", "x.csv"), "there is no none.csv"),
        (("predict", "full", "few.csv", "--out", "x.docx"), ".parquet, .csv"),
    ]:
        done = run_here(*words, cwd=workspace)
        assert done.returncode == 2, words
        assert problem in done.stderr
        assert len([line for line in done.stderr.splitlines() if line]) == 3, done.stderr
    (workspace / "few.csv").unlink()
    assert sorted(path.name for path in workspace.iterdir()) == before
    del full


def test_rows_that_changed_since_the_run_are_refused(workspace: Path) -> None:
    rows = workspace / "tasks" / "mail" / "rows.csv"
    kept = rows.read_text()
    rows.write_text(kept + "hello parcel,parcel\n")
    try:
        done = run_here("finetune", "mail", "--candidate", "tiny", "--out", "changed", cwd=workspace)
    finally:
        rows.write_text(kept)
    assert done.returncode == 2
    assert "no longer those of the run" in done.stderr
    assert not (workspace / "changed").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_one_that_is_ended_leaves_nothing_half_written(workspace: Path, number: int, code: int) -> None:
    out = f"ended-{number}"
    words = ["finetune", "mail", "--candidate", "tiny", "--technique", "full", "--out", out, "--device", "cpu"]
    env = {**os.environ, "HF_HUB_OFFLINE": "1"}
    running = subprocess.Popen(
        [str(BENCH), *words], cwd=workspace, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=env
    )
    assert running.stderr is not None
    assert any("training on" in line for line in running.stderr)
    running.send_signal(number)
    assert running.wait(60) == code
    running.stderr.close()
    assert not (workspace / out).exists()
    # The guard ends what was under way; what it left beside is removed by the next one.
    time.sleep(2)
    finetune(workspace, out, "linear-probe")
    assert [path.name for path in workspace.iterdir() if out in path.name] == [out]


@pytest.mark.slow
def test_peft_alone_finds_the_test_score_of_an_adapter(workspace: Path) -> None:
    told = finetune(workspace, "lora", "lora")
    assert score_afresh(workspace, "lora")["score"] == pytest.approx(told["test"]["score"], abs=1e-6)
    assert (workspace / "lora" / "adapter_model.safetensors").is_file()
    again = finetune(workspace, "again", "lora")
    assert again["files"]["adapter_model.safetensors"] == told["files"]["adapter_model.safetensors"]


@pytest.mark.slow
def test_a_trained_contender_takes_the_recipe_of_the_run(workspace: Path) -> None:
    done = compare(workspace, "--techniques", "full", "--json")
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    row = next(row for row in run["ranking"] if row["technique"] == "full")
    told = finetune(workspace, "tuned", "full")
    assert told["run"] == run["run"]
    assert told["trial"]
    assert told["validation"]["score"] == pytest.approx(row["score"])
    for key in ("learning_rate", "batch_size", "epochs"):
        assert told["contents"]["recipe"][key] == row["recipe"][key]
