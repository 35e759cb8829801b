"""Models that were trained for inference between sentences: answers equal those of the library's own pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.core.trust import CAUTIOUS
from harness.errors import CandidateError
from harness.models.adapters import load_model
from harness.models.inference import Verdicts, explain_lack, find_verdicts
from harness.models.transformers_inference import InferenceModel
from harness.techniques.catalogue import create
from harness.techniques.inputs import Inputs
from tests.unit.tiny_models import card, save_inference

LONG = "my card was stolen where is my refund please help me " * 6
TEXTS = ("the parcel is where", "hello", "my card was stolen", "please refund the card thank you", LONG, "help me")
NAMES = ("card", "parcel", "refund")
HYPOTHESES = tuple((f"This example is {name}.",) for name in NAMES)
NONE = np.arange(0)


def load(folder: Path) -> InferenceModel:
    found = load_model(card("transformers", "text", folder), folder, "cpu", CAUTIOUS)
    assert isinstance(found, InferenceModel)
    return found


def shares(model: object, texts: tuple[str, ...] = TEXTS, *, several: bool = False) -> np.ndarray:
    inputs = Inputs(np.empty((0, 0, 0), np.float32), texts, model, hypotheses=HYPOTHESES)
    labels = np.empty((0, 3), np.float32) if several else NONE
    return create("entailment").fit(inputs, NONE, labels, 3).predict(inputs, np.arange(len(texts)))


def by_library(folder: Path, *, several: bool) -> np.ndarray:
    from transformers import pipeline

    library = pipeline("zero-shot-classification", model=str(folder), device="cpu")
    found = [library(text, list(NAMES), multi_label=several) for text in TEXTS]
    return np.array([[one["scores"][one["labels"].index(name)] for name in NAMES] for one in found])


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("Bert", ("CONTRADICTION", "NEUTRAL", "ENTAILMENT")),
        ("DebertaV2", ("entailment", "neutral", "contradiction")),
        ("Bart", ("contradiction", "entailment", "neutral")),
    ],
)
def test_answers_are_those_of_the_library(kind: str, labels: tuple[str, ...], tmp_path: Path) -> None:
    folder = save_inference(kind, tmp_path, labels)
    model = load(folder)
    for several in (False, True):
        found = shares(model, several=several)
        np.testing.assert_allclose(found, by_library(folder, several=several), atol=1e-5)
        # Both the row and the class count.
        assert np.ptp(found, axis=0).min() > 1e-3
        assert np.ptp(found, axis=1).max() > 1e-3
    alone = np.concatenate([shares(model, (text,)) for text in TEXTS])
    np.testing.assert_allclose(alone, shares(model), atol=1e-5)


def test_what_embeds_does_so_as_before_and_after_it_was_asked(tmp_path: Path) -> None:
    folder = save_inference("Bart", tmp_path, ("contradiction", "neutral", "entailment"))
    model = load(folder)
    before, small = model.embed_text(TEXTS), model.weights().parameters
    config = json.loads((folder / "config.json").read_text())
    model.entails(TEXTS, ["my card"] * len(TEXTS))
    np.testing.assert_array_equal(model.embed_text(TEXTS), before)
    assert model.weights().parameters > small
    assert model.entails([], []).shape == (0, 2)
    with pytest.raises(CandidateError, match="has 29 tokens, and the model reads 32") as caught:
        model.entails(["hello"], ["card " * 29])
    assert "fewer words" in caught.value.hint
    assert model.entails(["hello"], ["card " * 28]).shape == (1, 2)
    (folder / "config.json").write_text(json.dumps(config | {"label2id": {"good": 0, "poor": 1, "so-so": 2}}))
    plain = load_model(card("transformers", "text", folder), folder, "cpu", CAUTIOUS)
    assert not isinstance(plain, InferenceModel)
    np.testing.assert_array_equal(plain.embed_text(TEXTS), before)  # type: ignore[attr-defined]


def test_a_folder_without_the_head_is_a_fault(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = save_inference("Bert", tmp_path, ("entailment", "not_entailment"))
    weights = load_file(folder / "model.safetensors")
    save_file({k: v for k, v in weights.items() if not k.startswith("classifier")}, folder / "model.safetensors", {"format": "pt"})
    model = load(folder)
    assert torch.isfinite(torch.from_numpy(model.embed_text(["hello"]))).all()
    with pytest.raises(CandidateError, match=r"lacks weights of a classifier: classifier\.bias, classifier\.weight"):
        model.entails(["hello"], ["card"])


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"label2id": {"contradiction": 0, "neutral": 1, "entailment": 2}}, Verdicts(2, 0)),
        ({"id2label": {"0": "Entailment", "1": "Neutral", "2": "Contradiction"}}, Verdicts(0, 2)),
        # Here the library takes neutral for the contrary.
        ({"label2id": {"neutral": 0, "entailment": 1, "contradiction": 2}}, Verdicts(1, 2)),
        ({"label2id": {"not_entailment": 1, "entailment": 0}}, Verdicts(0, 1)),
        ({"label2id": {"entailed": 0, "x": 1, "y": 2}}, Verdicts(0, 2)),
        ({"label2id": {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2}}, None),
        ({"label2id": {"entailment": 0}}, None),
        ({"label2id": {"entailment": 0, "neutral": 5}}, None),
        ({"label2id": {"entailment": "0", "neutral": True}}, None),
        ({"label2id": [1], "id2label": {"a": "entailment", "1": "b"}}, None),
        ({"label2id": {"entailment": 0, "neutral": 1}, "architectures": ["BertModel"]}, None),
        ({"label2id": {"entailment": 0, "neutral": 1}, "architectures": "BertForSequenceClassification"}, None),
    ],
)
def test_files_say_which_outputs_count(config: dict[str, object], expected: Verdicts | None, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["BertForSequenceClassification"]} | config))
    known = card("transformers", "text", tmp_path)
    assert find_verdicts(known, tmp_path) == expected
    assert find_verdicts(known, None) is None
    assert find_verdicts(known.model_copy(update={"control": True}), tmp_path) is None


def test_it_is_said_why_a_model_cannot_be_asked(tmp_path: Path) -> None:
    known = card("transformers", "text", tmp_path)
    assert explain_lack(known, tmp_path) == "it is no classifier that was trained for inference, and entailment asks one"
    labels = {name: place for place, name in enumerate("abcdefgh")}
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["XForSequenceClassification"], "label2id": labels}))
    assert explain_lack(known, tmp_path) == "none of its labels (a, b, c, d, e, f, …) means entailment"
