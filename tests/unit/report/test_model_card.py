from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from harness.core.card import Card, Options, Pretraining
from harness.core.finetuned import Contents, Finetuned, License
from harness.core.measurement import Measurement
from harness.core.ranking import Estimate
from harness.core.run import DataFacts
from harness.core.writing import TURN
from harness.report.model_card import to_model_card
from harness.report.model_use import snippet
from harness.techniques.catalogue import create_tuning
from harness.techniques.tuning import Lesson
from harness.training.session import Plan, Session, save_model
from tests.unit.tiny_models import load, save_language, save_text, texts

GOLDEN = Path(__file__).parents[2] / "golden" / "model-card.md"
HOSTILE = ("<script>alert(1)</script>", "a|b`c", "](javascript:alert(1))", "line\nbreak", "\u202egnp.exe")
REVISION = "a" * 40


def head(card: Card | None = None, **changes: object) -> Finetuned:
    card = card or Card(
        name="mini",
        adapter="transformers",
        source="org/mini",
        revision=REVISION,
        license="Apache-2.0",
        languages=("en",),
        pretraining=Pretraining(contains=("letters",)),
    )
    labels = ("card", "parcel", "refund")
    recipe: dict[str, str | int | float] = {"learning_rate": 0.001, "epochs": 5.0, "rank": 8}
    contents = Contents(card=card, kind="text-classification", technique="lora", recipe=recipe, labels=labels, column="text")
    data = DataFacts(
        source="tasks/mail/rows.csv", digest="d" * 64, classes=labels, train=192, validation=40, folds=1, test=48,
        smallest_class=12, largest_class=80, notes=("test rows: 20% drawn by class with seed 0",),
    )  # fmt: skip
    known: dict[str, object] = {
        "name": "mail-model", "contents": contents, "run": "20260101-000000-abcd", "task": "mail", "description": "Sorts letters.",
        "trial": "0123456789abcdef", "seed": 0, "device": "cpu", "data": data, "data_license": "CC0-1.0",
        "license": License(name=card.license, permits="Commercial use: yes (it permits commercial use).", obliges=("keep it",)),
        "metric": "macro_f1", "validation": Estimate(score=0.91, low=0.85, high=0.95),
        "test": Estimate(score=0.9, low=0.8, high=0.96),
        "measurements": (
            Measurement(name="training_s", value=12.3, unit="s", conditions="steps only, cpu"),
            Measurement(name="trainable_parameters", value=5683),
            Measurement(name="trainable_share", value=0.0123),
            Measurement(name="unheard_of", value=1.0),
        ),
        "source": "s" * 64, "files": {"adapter_model.safetensors": "f" * 64}, "versions": {"python": "3.12"}, "environment": {},
        "command": "bench finetune 20260101-000000-abcd --candidate mini --technique lora --out mail-model --device auto",
        "predict": "bench predict mail-model ROWS.csv --out ANSWERS.parquet", "made": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    return Finetuned.model_validate(known | changes)


def front(text: str) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load(text.split("---\n")[1])
    return found


def test_the_card_is_as_it_was() -> None:
    """Set BENCH_WRITE_GOLDEN=1 to accept a change after reading it."""
    found = to_model_card(head())
    if os.environ.get("BENCH_WRITE_GOLDEN"):
        GOLDEN.write_text(found, encoding="utf-8")
    assert found == GOLDEN.read_text(encoding="utf-8")


def test_the_hub_reads_the_front_matter() -> None:
    data = ModelCard(to_model_card(head())).data
    assert (data.license, data.base_model, data.library_name) == ("apache-2.0", "org/mini", "peft")
    [result] = data.eval_results
    assert (result.metric_type, result.metric_value, result.dataset_name) == ("f1", 0.9, "mail")


@pytest.mark.parametrize(
    ("license_", "expected"),
    [("MIT", ("mit", None)), ("unknown", ("unknown", None)), ("LicenseRef-Own", ("other", "LicenseRef-Own"))],
)
def test_a_license_that_the_hub_does_not_know_is_named(license_: str, expected: tuple[str, str | None]) -> None:
    card = Card(name="a", adapter="timm", source="/models/a", license=license_)
    found = front(to_model_card(head(card, license=License(name=license_, permits=""))))
    assert (found["license"], found.get("license_name")) == expected
    assert "base_model" not in found


def test_nothing_of_the_data_becomes_a_mark() -> None:
    hostile = head()
    contents = hostile.contents.model_copy(update={"labels": HOSTILE, "recipe": {HOSTILE[0]: HOSTILE[1]}})
    data = hostile.data.model_copy(update={"source": HOSTILE[3], "notes": HOSTILE})
    text = to_model_card(
        hostile.model_copy(
            update={"contents": contents, "data": data, "name": HOSTILE[2], "description": HOSTILE[0], "notes": HOSTILE}
        )
    )
    body = text.split("---\n", 2)[2]
    assert not re.search(r"<script|(?<!\\)\]\(javascript|\u202e", body)
    assert front(text)["model-index"][0]["name"] == HOSTILE[2]  # type: ignore[index]
    tables = [line for line in body.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables} <= {3, 4}


def test_a_prompt_and_what_the_run_did_not_try_are_said() -> None:
    card = Card(name="a", adapter="transformers", source="org/a", options=Options(prompt="query: "))
    text = to_model_card(head(card, validation=None, notes=("a default recipe",)))
    assert "Put `query: ` before each text" in text
    assert "| validation |" not in text
    assert "> a default recipe" in text


@pytest.mark.parametrize(("technique", "depth"), [("full", None), ("lora", 1), ("prompt-tuning", None)])
@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_the_lines_for_an_encoder_of_sentences_do_what_they_say(technique: str, depth: int | None, tmp_path: Path) -> None:
    if technique == "full":
        pytest.importorskip("sentence_transformers")
    base, out = save_text("Bert", tmp_path / "base"), tmp_path / "out"
    (base / "modules.json").write_text("[]")
    card = Card(name="mini", adapter="transformers", source=str(base), options=Options(layers=depth))
    model = load(card, ("card", "parcel"))
    session = Session(model, create_tuning(technique), Lesson(*texts(8), 2), Plan({"virtual_tokens": 4}, 1, 0, "cpu"))
    out.mkdir()
    save_model(session, out, ("card", "parcel"))
    (out / "bench.json").write_text(json.dumps({"contents": {"labels": ["card", "parcel"]}}))
    made = Contents(
        card=card, kind="text-classification", technique=technique, recipe={"pooling": "mean"}, labels=("card", "parcel")
    )
    lines = snippet(head(contents=made)).replace("FOLDER", str(out)).replace("TEXT", "hello card")
    known: dict[str, Any] = {}
    exec(lines, known)  # noqa: S102 - what is shown to a user
    expected = session.predict(["hello card"])[0]
    assert known["outputs"][0].softmax(0).tolist() == pytest.approx(expected.tolist(), abs=1e-5)
    assert eval(lines.splitlines()[-1], known) == ("card", "parcel")[expected.argmax()]  # noqa: S307 - as above


def test_who_was_taught_in_turns_of_a_chat_is_asked_in_one(tmp_path: Path) -> None:
    changes = {"kind": "generation", "target": "text", "technique": "full", "labels": ()}
    plain, chat = (
        snippet(head(contents=head().contents.model_copy(update={**changes, "recipe": {"limit": 7, **more}})))
        for more in ({}, {"prompt": TURN})
    )
    assert ('tokenizer("PROMPT"' in plain, 'tokenizer("PROMPT"' in chat) == (True, False)
    folder = save_language("LlamaForCausalLM", tmp_path)
    (folder / "chat_template.jinja").write_text("{% for one in messages %}my {{ one.content }} please{% endfor %}")
    known: dict[str, Any] = {}
    exec(chat.replace("FOLDER", str(folder)).replace("PROMPT", "card"), known)  # noqa: S102 - what is shown to a user
    given = known["given"]["input_ids"][0]
    assert known["tokenizer"].decode(given).split()[-3:] == ["my", "card", "please"]
    assert len(given) < known["written"].shape[1] <= len(given) + 7
