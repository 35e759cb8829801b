"""What is saved loads with the library alone and gives the same answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.core.card import Card
from harness.core.trust import CAUTIOUS
from harness.errors import CandidateError
from harness.models.adapters import can_train, load_trainable
from harness.models.pictures import decode
from harness.models.trainable import Aim
from harness.techniques.catalogue import create_tuning
from harness.techniques.tuning import Lesson
from harness.training.session import Plan, Session
from tests.unit import tiny_models

CLASSES = ("lost", "returned")
RECIPE = {"learning_rate": 3e-3, "batch_size": 8, "rank": 4, "virtual_tokens": 4}
ADAPTERS = ("lora", "ia3", "prompt-tuning")


def trained(card: Card, technique: str, rows: tuple[tuple, np.ndarray], folder: Path) -> np.ndarray:
    """Train for an epoch, write the folder, and return the answers."""
    session = Session(
        tiny_models.load(card, CLASSES), create_tuning(technique), Lesson(rows[0], rows[1], 2), Plan(RECIPE, 1, 0, "cpu")
    )
    before = session.predict(rows[0])
    session.advance(1, lambda: False)
    answers = session.predict(rows[0])
    assert np.abs(answers - before).max() > 1e-3
    session.trainable.save(folder, CLASSES)
    assert not [path for path in folder.rglob("*") if path.suffix in {".bin", ".pt", ".pth", ".pkl"}]
    return answers


def answers_of(model: torch.nn.Module, tokenizer: object, texts: tuple[str, ...]) -> np.ndarray:
    given = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        found = model.eval()(input_ids=given["input_ids"], attention_mask=given["attention_mask"]).logits
    return found.softmax(1).numpy()


@pytest.mark.parametrize("technique", ["full", "probe-then-finetune"])
@pytest.mark.parametrize("kind", ["Bert", "Roberta", "ModernBert"])
def test_a_text_classifier_loads_with_transformers_alone(kind: str, technique: str, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    card = tiny_models.card("transformers", "text", tiny_models.save_text(kind, tmp_path / "base"))
    expected = trained(card, technique, rows := tiny_models.texts(24), tmp_path / "out")
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out")
    assert model.config.id2label == dict(enumerate(CLASSES))
    found = answers_of(model, AutoTokenizer.from_pretrained(tmp_path / "out"), rows[0])
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("technique", ADAPTERS)
@pytest.mark.parametrize("kind", ["Bert", "DebertaV2"])
@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_an_adapter_of_a_text_classifier_loads_with_peft_alone(kind: str, technique: str, tmp_path: Path) -> None:
    from peft import AutoPeftModelForSequenceClassification
    from transformers import AutoConfig, AutoTokenizer

    card = tiny_models.card("transformers", "text", tiny_models.save_text(kind, tmp_path / "base"))
    expected = trained(card, technique, rows := tiny_models.texts(24), tmp_path / "out")
    assert not (tmp_path / "out" / "model.safetensors").exists()
    config = AutoConfig.from_pretrained(tmp_path / "out")
    assert config.id2label == dict(enumerate(CLASSES))
    torch.manual_seed(5)
    model = AutoPeftModelForSequenceClassification.from_pretrained(tmp_path / "out", num_labels=2)
    found = answers_of(model, AutoTokenizer.from_pretrained(tmp_path / "out"), rows[0])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_image_classifier_loads_with_transformers_alone(tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    card = tiny_models.card("transformers", "image", tiny_models.save_image("ViT", tmp_path / "base"))
    expected = trained(card, "full", rows := tiny_models.pictures(16), tmp_path / "out")
    model = AutoModelForImageClassification.from_pretrained(tmp_path / "out").eval()
    given = AutoImageProcessor.from_pretrained(tmp_path / "out")([decode(one) for one in rows[0]], return_tensors="pt")
    with torch.inference_mode():
        found = model(**given).logits.softmax(1).numpy()
    assert model.config.id2label == dict(enumerate(CLASSES))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def timm_answers(model: torch.nn.Module, base: torch.nn.Module, pictures: tuple[bytes, ...]) -> np.ndarray:
    import timm

    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(base), is_training=False)
    with torch.inference_mode():
        return model.eval()(torch.stack([transform(decode(one)) for one in pictures])).softmax(1).numpy()


@pytest.mark.parametrize("name", ["test_vit", "test_convnext"])
def test_a_timm_classifier_loads_with_timm_alone(name: str, tmp_path: Path) -> None:
    import timm

    (tmp_path / "base").mkdir()
    card = tiny_models.card("timm", "image", tiny_models.save_timm(name, tmp_path / "base"))
    expected = trained(card, "full", rows := tiny_models.pictures(16), tmp_path / "out")
    model = timm.create_model(f"local-dir:{tmp_path / 'out'}", pretrained=True)
    np.testing.assert_allclose(timm_answers(model, model, rows[0]), expected, atol=1e-5)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["label_names"] == list(CLASSES)
    assert config["num_classes"] == 2


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_an_adapter_of_a_timm_classifier_loads_with_peft(tmp_path: Path) -> None:
    import timm
    from peft import PeftModel

    (tmp_path / "base").mkdir()
    card = tiny_models.card("timm", "image", tiny_models.save_timm("test_vit", tmp_path / "base"))
    expected = trained(card, "lora", rows := tiny_models.pictures(16), tmp_path / "out")
    base = timm.create_model(f"local-dir:{tmp_path / 'base'}", pretrained=True, num_classes=2)
    model = PeftModel.from_pretrained(base, tmp_path / "out")
    np.testing.assert_allclose(timm_answers(model, base, rows[0]), expected, atol=1e-5)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["label_names"] == list(CLASSES)


def test_a_tower_of_open_clip_loads_with_open_clip_and_its_head(tmp_path: Path) -> None:
    import open_clip
    from safetensors.torch import load_file

    (tmp_path / "base").mkdir()
    card = tiny_models.card("open_clip", "image", tiny_models.save_open_clip(tmp_path / "base"))
    expected = trained(card, "full", rows := tiny_models.pictures(16), tmp_path / "out")
    model, transform = open_clip.create_model_from_pretrained(f"local-dir:{tmp_path / 'out'}")
    head = torch.nn.Linear(16, 2)
    head.load_state_dict(load_file(tmp_path / "out" / "head.safetensors"))
    with torch.inference_mode():
        pixels = torch.stack([transform(decode(one)) for one in rows[0]])
        found = head(model.eval().visual(pixels)).softmax(1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert json.loads((tmp_path / "out" / "labels.json").read_text()) == list(CLASSES)


def test_a_head_of_other_classes_is_forgotten(tmp_path: Path) -> None:
    """A checkpoint that is a classifier of as many classes itself knows nothing of these."""
    base = tiny_models.save_text("Bert", tmp_path / "base")
    first = tiny_models.load(tiny_models.card("transformers", "text", base), ("x", "y"))
    with torch.no_grad():
        first.module.get_parameter("classifier.weight")[:] = 7
    first.save(tmp_path / "classifier", ("x", "y"))
    for classes in (CLASSES, ("a", "b", "c")):
        again = tiny_models.load(tiny_models.card("transformers", "text", tmp_path / "classifier"), classes)
        assert again.head == ("classifier",)
        assert again.module.get_parameter("classifier.weight").shape[0] == len(classes)
        assert again.module.get_parameter("classifier.weight").abs().max() < 5


def test_long_texts_are_cut_and_empty_ones_keep_their_place(tmp_path: Path) -> None:
    found = tiny_models.load(tiny_models.card("transformers", "text", tiny_models.save_text("Bert", tmp_path)), CLASSES)
    rows = found.encode(["", "card " * 500])
    assert [found.length(one) for one in rows] == [2, 32]
    assert found.logits(rows).shape == (2, 2)
    found.reserve(50)
    assert found.length(found.encode(["card " * 500])[0]) == 13


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        (Card(name="a", baseline=True), "a baseline"),
        (Card(name="a"), "a Python plugin"),
        (Card(name="a", adapter="timm", modality=("text",)), "no adapter"),
        (Card(name="a", adapter="transformers"), ""),
    ],
)
def test_a_card_tells_whether_it_can_be_trained(card: Card, reason: str) -> None:
    assert can_train(card).startswith(reason)
    assert bool(can_train(card)) == bool(reason)
    with pytest.raises(CandidateError, match="cannot be fine-tuned"):
        load_trainable(card, None, "cpu", CAUTIOUS, aim=Aim(CLASSES))


def test_what_has_no_head_in_its_library_says_so(tmp_path: Path) -> None:
    base = tiny_models.save_text("Bert", tmp_path / "base")
    shutil.copytree(base, tmp_path / "other")
    config = json.loads((base / "config.json").read_text())
    (tmp_path / "other" / "config.json").write_text(json.dumps({**config, "model_type": "vit"}))
    with pytest.raises(CandidateError, match="no classification head"):
        tiny_models.load(tiny_models.card("transformers", "text", tmp_path / "other"), CLASSES)
