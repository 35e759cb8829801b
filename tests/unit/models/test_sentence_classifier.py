"""An encoder of sentences is fine-tuned by its own vector, and what is saved gives the same answers elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.core.card import Card, Options
from harness.core.finetuned import Contents
from harness.core.trust import CAUTIOUS
from harness.errors import CandidateError
from harness.models.adapters import load_trainable
from harness.models.finetuned_folder import read_folder
from harness.models.sentence_classifier import SentenceClassifier
from harness.models.sentence_layout import Layout, read_pooling, write_layout
from harness.models.torch_module import pool
from harness.models.trainable import Aim, Trainable
from harness.models.transformers_text import load as load_encoder
from harness.techniques.catalogue import create_tuning
from harness.techniques.inputs import Inputs
from harness.techniques.linear_probe import LinearProbe
from harness.techniques.tuning import Lesson
from harness.training.session import Plan, Session, save_model
from tests.unit import tiny_models

CLASSES = ("lost", "returned")
TEXTS, LABELS = tiny_models.texts(24)
RECIPE = {"learning_rate": 3e-3, "batch_size": 8, "rank": 4, "virtual_tokens": 4}
PROMPT = "the card "


def make_card(base: Path, *, pooling: str = "mean", prompt: str = "", layers: int | None = None) -> Card:
    (base / "modules.json").write_text("[]")
    options = Options(pooling=pooling, prompt=prompt or None, layers=layers)
    return tiny_models.card("transformers", "text", base).model_copy(update={"options": options})


def begin(card: Card, technique: str, names: tuple[str, ...] = CLASSES) -> Session:
    lesson = Lesson(TEXTS, LABELS, len(names))
    return Session(load(card, names), create_tuning(technique), lesson, Plan(RECIPE, 1, 0, "cpu"))


def load(card: Card, names: tuple[str, ...] = CLASSES, *, by_library: bool = False) -> Trainable:
    torch.manual_seed(0)
    return load_trainable(card, Path(card.source), "cpu", CAUTIOUS, aim=Aim(names, by_library=by_library))


def train(card: Card, technique: str, out: Path) -> np.ndarray:
    """Train for an epoch, write the folder, and return the answers."""
    session = begin(card, technique)
    before = session.predict(TEXTS)
    session.advance(1, lambda: False)
    answers = session.predict(TEXTS)
    assert np.abs(answers - before).max() > 1e-3
    out.mkdir()
    session.trainable.save(out, CLASSES)
    return answers


def by_hand(folder: Path, body: Any, pooling: str, prompt: str) -> np.ndarray:
    """The probabilities of each text alone, by transformers and the layer in the folder."""
    from safetensors.torch import load_file
    from transformers import AutoTokenizer

    tokenizer, head = AutoTokenizer.from_pretrained(folder), load_file(folder / "2_Dense" / "model.safetensors")
    found = []
    for text in TEXTS:
        given = tokenizer(prompt + text, return_tensors="pt", return_token_type_ids=False)
        with torch.inference_mode():
            states = body.eval()(**given).last_hidden_state
            vector = pool(states, torch.ones(states.shape[:2]), pooling)
            found.append((vector @ head["linear.weight"].T + head["linear.bias"]).softmax(1)[0].numpy())
    return np.stack(found)


@pytest.mark.parametrize(
    ("kind", "technique", "reading"),
    [("Bert", "full", ("mean", "")), ("Roberta", "probe-then-finetune", ("cls", PROMPT)), ("Electra", "full", ("mean", PROMPT))],
)
def test_all_weights_load_without_bench(kind: str, technique: str, reading: tuple[str, str], tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoModel

    pooling, prompt = reading

    card, out = make_card(tiny_models.save_text(kind, tmp_path / "base"), pooling=pooling, prompt=prompt), tmp_path / "out"
    expected = train(card, technique, out)
    assert AutoConfig.from_pretrained(out).id2label == dict(enumerate(CLASSES))
    np.testing.assert_allclose(by_hand(out, AutoModel.from_pretrained(out), pooling, prompt), expected, atol=1e-5)
    contents = Contents(card=card, kind="text-classification", technique=technique, labels=CLASSES)
    again = read_folder(contents, out, None, "cpu", trust=CAUTIOUS)
    np.testing.assert_allclose(answers(again), expected, atol=1e-5)
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformer

    found = SentenceTransformer(str(out), device="cpu").encode(list(TEXTS), convert_to_tensor=True)
    np.testing.assert_allclose(found.softmax(1).numpy(), expected, atol=1e-5)


def test_a_folder_that_was_written_is_a_candidate_again(tmp_path: Path) -> None:
    base, out = tiny_models.save_text("Bert", tmp_path / "base"), tmp_path / "out"
    train(make_card(base), "full", out)
    card = tiny_models.card("transformers", "text", out)
    with pytest.raises(CandidateError, match="a step that bench does not have: Dense"):
        load_encoder(card, out, "cpu")
    (out / "bench.json").write_text("{}")
    assert load_encoder(card, out, "cpu").pooling == "mean"
    assert isinstance(load(card), SentenceClassifier)


def test_vectors_of_a_cross_encoder_are_not_written_as_one(tmp_path: Path) -> None:
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps({"model_type": "CrossEncoder"}))
    (out := tmp_path / "out").mkdir()
    write_layout(Layout("cls", 4, 16, {}), out, tmp_path)
    assert json.loads((out / "config_sentence_transformers.json").read_text())["model_type"] == "SentenceTransformer"
    assert read_pooling(out) == "cls"


def test_a_body_is_called_without_switches_that_nobody_set(tmp_path: Path) -> None:
    model: Any = load(make_card(tiny_models.save_text("Bert", tmp_path / "base")))
    body, forward = model.module.body, model.module.body.forward
    body.forward = lambda input_ids, attention_mask: forward(input_ids=input_ids, attention_mask=attention_mask)
    given = model._tokens.batch(model.encode(TEXTS[:2]), "cpu")
    assert model.module(**given, labels=None, return_dict=None).logits.shape == (2, 2)


# peft asks models of the second family how the weights of their parts were once called.
@pytest.mark.parametrize("kind", ["Bert", "NomicBert", "MPNet"])
@pytest.mark.parametrize("technique", ["lora", "ia3", "prompt-tuning"])
@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_an_adapter_loads_over_the_base_model(kind: str, technique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from peft import PeftModel
    from transformers import AutoModel

    monkeypatch.setitem(tiny_models.TEXT, "NomicBert", {})
    base, layers = tiny_models.save_text(kind, tmp_path / "base"), 1 if kind == "MPNet" else None
    card, out = make_card(base, layers=layers), tmp_path / "out"
    expected = train(card, technique, out)
    names = {path.name for path in out.iterdir()}
    assert not {"model.safetensors", "config.json", "modules.json"} & names
    depth = {} if layers is None else {"num_hidden_layers": layers}
    adapted = PeftModel.from_pretrained(AutoModel.from_pretrained(base, **depth), str(out))
    np.testing.assert_allclose(by_hand(out, adapted, "mean", ""), expected, atol=1e-5)
    contents = Contents(card=card, kind="text-classification", technique=technique, labels=CLASSES)
    again = read_folder(contents, out, base, "cpu", trust=CAUTIOUS)
    np.testing.assert_allclose(answers(again), expected, atol=1e-5)


@pytest.mark.parametrize("technique", ["full", "lora"])
def test_values_are_written_in_their_own_unit(technique: str, tmp_path: Path) -> None:
    base, out = tiny_models.save_text("Bert", tmp_path / "base"), tmp_path / "out"
    card, prices = make_card(base), 5000.0 + 900.0 * LABELS
    torch.manual_seed(0)
    model = load_trainable(card, base, "cpu", CAUTIOUS, aim=Aim(("value",), "number"))
    session = Session(model, create_tuning(technique), Lesson(TEXTS, prices, 1), Plan(RECIPE, 4, 0, "cpu"))
    session.advance(4, lambda: False)
    expected = session.predict(TEXTS)
    assert 4000 < expected.mean() < 7000
    out.mkdir()
    save_model(session, out, ("value",))
    contents = Contents(card=card, kind="text-classification", technique=technique, target="number", labels=())
    again = read_folder(contents, out, base, "cpu", trust=CAUTIOUS)
    again.module.eval()
    with torch.inference_mode():
        found = again.logits(again.encode(TEXTS)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def answers(trainable: Trainable) -> np.ndarray:
    trainable.module.eval()
    with torch.inference_mode():
        return trainable.logits(trainable.encode(TEXTS)).softmax(1).numpy()


def test_it_begins_as_the_probe_on_frozen_features(tmp_path: Path) -> None:
    card = make_card(tiny_models.save_text("Bert", tmp_path / "base"))
    features = load_encoder(card, Path(card.source), "cpu").embed_text(TEXTS)[-1:]
    probe = LinearProbe().fit(Inputs.of_layers(features), np.arange(len(TEXTS)), LABELS, 2)
    begun = begin(card, "probe-then-finetune").predict(TEXTS)
    np.testing.assert_allclose(begun, probe.predict(Inputs.of_layers(features), np.arange(len(TEXTS))), atol=1e-4)


def test_a_pooler_that_is_not_read_does_not_learn_and_comes_back(tmp_path: Path) -> None:
    from transformers import AutoModel

    base, out = tiny_models.save_text("Bert", tmp_path / "base"), tmp_path / "out"
    session = begin(make_card(base), "full")
    assert not [name for name, _ in session.trainable.module.named_parameters() if "pooler" in name]
    session.advance(1, lambda: False)
    out.mkdir()
    save_model(session, out, CLASSES)
    first, last = (AutoModel.from_pretrained(folder).state_dict() for folder in (base, out))
    assert first.keys() == last.keys()
    assert torch.equal(first["pooler.dense.weight"], last["pooler.dense.weight"])
    assert not torch.equal(first["embeddings.word_embeddings.weight"], last["embeddings.word_embeddings.weight"])


def test_whose_vector_nobody_states_gets_the_head_of_its_library(tmp_path: Path) -> None:
    base = tiny_models.save_text("Bert", tmp_path / "base")
    stated = make_card(base)
    (base / "modules.json").unlink()
    assert not isinstance(load(stated), SentenceClassifier)
    assert not isinstance(load(make_card(base, pooling="last")), SentenceClassifier)
    assert not isinstance(load(make_card(base), by_library=True), SentenceClassifier)
    assert isinstance(load(tiny_models.card("transformers", "text", base)), SentenceClassifier)


def test_a_folder_without_its_pooling_is_refused(tmp_path: Path) -> None:
    card, out = make_card(tiny_models.save_text("Bert", tmp_path / "base")), tmp_path / "out"
    train(card, "full", out)
    (out / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_max_tokens": True}))
    contents = Contents(card=card, kind="text-classification", technique="full", labels=CLASSES)
    with pytest.raises(CandidateError, match="states no pooling"):
        read_folder(contents, out, None, "cpu", trust=CAUTIOUS)
