"""Models with a tower for pictures and one for texts: features and zero-shot answers equal those of their libraries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.core.card import Card
from harness.execute.subject import embed_prompts, needs_met
from harness.models import open_clip_image, transformers_image
from harness.techniques.catalogue import create
from harness.techniques.inputs import Inputs
from tests.unit.conftest import WORDS, save_tokenizer
from tests.unit.tiny_models import save_open_clip

PHRASES = (("a card", "the card"), ("my parcel",), ("a refund", "where is my refund"))
TEXTS = [one for some in PHRASES for one in some]
PICTURES = [Image.fromarray(np.random.default_rng(i).integers(0, 255, (40, 30 + 7 * i, 3), dtype=np.uint8)) for i in range(6)]
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}


def save_towers(kind: str, folder: Path) -> Path:
    """Write a CLIP or a SigLIP with seeded weights, its processor and its tokenizer."""
    import transformers

    torch.manual_seed(0)
    text = {"vocab_size": len(WORDS), "max_position_embeddings": 64, "pad_token_id": 0, "eos_token_id": 3, "bos_token_id": 2}
    config = getattr(transformers, f"{kind}Config")(
        text_config={**SIZES, **text}, vision_config={**SIZES, "image_size": 32, "patch_size": 8}, projection_dim=16
    )
    getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
    save_tokenizer(folder, limit=64)
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=["CLIP", "Siglip"])
def towers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_towers(request.param, tmp_path_factory.mktemp(request.param))


def zero_shot(model: object) -> np.ndarray:
    layers = model.embed_image(PICTURES)  # type: ignore[attr-defined]
    inputs = replace(Inputs.of_layers(layers), prompts=embed_prompts(model, PHRASES, layers.shape[2], is_image=True))
    rows = np.arange(len(PICTURES))
    return create("zero-shot").fit(inputs, rows, rows, len(PHRASES)).predict(inputs, rows)


def shares(images: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Return what the mean over each class's phrases makes of similarities, written out."""
    images = images / np.linalg.norm(images, axis=1, keepdims=True)
    texts = texts / np.linalg.norm(texts, axis=1, keepdims=True)
    ends = np.cumsum([len(some) for some in PHRASES])[:-1]
    means = np.stack([part.mean(0) / np.linalg.norm(part.mean(0)) for part in np.split(texts, ends)])
    scaled = np.exp(20 * images @ means.T)
    return scaled / scaled.sum(1, keepdims=True)


def test_transformers_towers_equal_the_library(towers: Path) -> None:
    from transformers import pipeline

    model = transformers_image.load(Card(name="a", adapter="transformers"), towers, "cpu")
    assert needs_met(model, is_image=True) == {"embed", "match"}
    single = [some[0] for some in PHRASES]
    images, texts = model.embed_image(PICTURES)[0], model.embed_prompts(single)
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    library = pipeline("zero-shot-image-classification", model=str(towers), device="cpu")
    assert library.model.config.model_type in {"clip", "siglip"}
    scale = float(library.model.logit_scale.detach().exp())
    bias = float(getattr(library.model, "logit_bias", torch.zeros(1)).detach())
    logits = scale * images @ texts.T + bias
    if library.model.config.model_type == "clip":
        expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    else:
        expected = 1 / (1 + np.exp(-logits))
    for picture, row in zip(PICTURES, expected, strict=True):
        found = {one["label"]: one["score"] for one in library(picture, candidate_labels=single, hypothesis_template="{}")}
        np.testing.assert_allclose([found[label] for label in single], row, atol=1e-4)


def test_zero_shot_takes_the_mean_direction_of_each_class(towers: Path) -> None:
    model = transformers_image.load(Card(name="a", adapter="transformers"), towers, "cpu")
    expected = shares(model.embed_image(PICTURES)[0], model.embed_prompts(TEXTS))
    np.testing.assert_allclose(zero_shot(model), expected, atol=1e-5)


def test_the_text_tower_is_not_kept(towers: Path) -> None:
    from transformers import AutoModel

    model = transformers_image.load(Card(name="a", adapter="transformers"), towers, "cpu")
    whole = AutoModel.from_pretrained(towers)
    text = sum(one.numel() for name, one in whole.named_parameters() if name.startswith("text_"))
    assert model.weights().parameters == sum(one.numel() for one in whole.parameters()) - text
    model.embed_prompts(TEXTS)
    assert model.weights().parameters == sum(one.numel() for one in whole.parameters()) - text


def test_a_long_prompt_is_cut_off_where_the_model_has_no_more_positions(towers: Path, tmp_path: Path) -> None:
    import json
    import shutil

    shutil.copytree(towers, tmp_path / "towers")
    file = tmp_path / "towers" / "tokenizer_config.json"
    file.write_text(json.dumps({key: value for key, value in json.loads(file.read_text()).items() if key != "model_max_length"}))
    model = transformers_image.load(Card(name="a", adapter="transformers"), tmp_path / "towers", "cpu")
    found = model.embed_prompts(["my card " * 60, "my card"])
    assert found.shape[0] == 2
    assert np.isfinite(found).all()


def test_half_precision_is_read_as_float32(towers: Path, tmp_path: Path) -> None:
    import shutil

    from transformers import AutoModel

    shutil.copytree(towers, tmp_path / "half")
    AutoModel.from_pretrained(towers).half().save_pretrained(tmp_path / "half")
    whole, half = (
        transformers_image.load(Card(name="a", adapter="transformers"), folder, "cpu") for folder in (towers, tmp_path / "half")
    )
    found = half.embed_image(PICTURES)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, whole.embed_image(PICTURES), atol=0.02)
    assert half.weights().nbytes == whole.weights().nbytes


def test_open_clip_equals_the_library(tmp_path: Path) -> None:
    import json

    import open_clip

    folder = save_open_clip(tmp_path)
    settings = json.loads((folder / "open_clip_config.json").read_text())
    settings["model_cfg"]["text_cfg"]["vocab_size"] = 49408
    settings["model_cfg"]["text_cfg"]["context_length"] = 16
    (folder / "open_clip_config.json").write_text(json.dumps(settings))
    torch.manual_seed(0)
    sizes = {key: settings["model_cfg"][key] for key in ("embed_dim", "vision_cfg", "text_cfg")}
    whole = open_clip.CLIP(**sizes).eval()
    from safetensors.torch import save_file

    save_file({name: one.contiguous() for name, one in whole.state_dict().items()}, folder / "open_clip_model.safetensors")
    model = open_clip_image.load(Card(name="a", adapter="open_clip"), folder, "cpu")
    assert needs_met(model, is_image=True) == {"embed", "match"}
    with torch.inference_mode():
        images = whole.encode_image(torch.stack([model.transform(one) for one in PICTURES])).numpy()
        texts = whole.encode_text(open_clip.get_tokenizer(f"local-dir:{folder}")(TEXTS)).numpy()
    np.testing.assert_allclose(model.embed_prompts(TEXTS), texts, atol=1e-4)
    np.testing.assert_allclose(zero_shot(model), shares(images, texts), atol=1e-4)
    assert model.weights().parameters == sum(one.numel() for one in whole.visual.parameters())
