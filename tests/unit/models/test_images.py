from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.core.card import Card, Options
from harness.errors import CandidateError
from harness.models import timm_image, transformers_image
from harness.models.pictures import Pictures, decode
from tests.unit.tiny_models import save_image


def picture(seed: int, mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


PICTURES = [picture(i, size=(30 + 7 * i, 30)) for i in range(4)]


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "I;16"])
def test_every_mode_becomes_rgb(mode: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(picture(0, mode)))
    assert decode(str(tmp_path / "a.png")).mode == "RGB"
    assert [p.mode for p in Pictures([encoded(picture(0, mode))])] == ["RGB"]


def test_timm_features_equal_the_library_used_directly(tmp_path: Path) -> None:
    import timm

    torch.manual_seed(3)
    direct = timm.create_model("resnet10t", pretrained=False, num_classes=7).eval()
    timm.models.save_for_hf(direct, tmp_path, safe_serialization=True)
    found = timm_image.load(Card(name="a", adapter="timm", source=str(tmp_path)), tmp_path, "cpu").embed_image(PICTURES)
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(direct), is_training=False)
    with torch.inference_mode():
        pixels = torch.stack([transform(image) for image in PICTURES])
        expected = direct.forward_head(direct.forward_features(pixels), pre_logits=True)
    np.testing.assert_allclose(found[0], expected.numpy(), atol=1e-4)


def test_random_control_is_the_same_every_time() -> None:
    card = Card(name="a", adapter="timm", source="random:mobilenetv3_small_050", control=True)
    first, second = (timm_image.load(card, None, "cpu").embed_image(PICTURES[:2]) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (1, 2, 1024)


def test_unknown_architecture_names_the_nearest() -> None:
    with pytest.raises(CandidateError) as caught:
        timm_image.load(Card(name="a", adapter="timm", source="random:resnet10tt"), None, "cpu")
    assert 'use "resnet10t"' in caught.value.hint


def test_vit_of_transformers_gives_its_class_token(tmp_path: Path) -> None:
    from transformers import AutoModel, ViTConfig, ViTImageProcessor, ViTModel

    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8
    )
    ViTModel(config).save_pretrained(tmp_path)
    processor = ViTImageProcessor(size={"height": 32, "width": 32})
    processor.save_pretrained(tmp_path)
    found = transformers_image.load(Card(name="a", adapter="transformers", modality=("image",)), tmp_path, "cpu").embed_image(
        PICTURES
    )
    with torch.inference_mode():
        pixels = processor(PICTURES, return_tensors="pt")["pixel_values"]
        expected = AutoModel.from_pretrained(tmp_path).eval()(pixel_values=pixels).last_hidden_state[:, 0]
    np.testing.assert_allclose(found[0], expected.numpy(), atol=1e-5)
    assert found.shape == (1, 4, 16)


def test_resnet_of_transformers_averages_its_feature_map(tmp_path: Path) -> None:
    from transformers import ConvNextImageProcessor, ResNetConfig, ResNetModel

    torch.manual_seed(0)
    ResNetModel(ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])).save_pretrained(tmp_path)
    ConvNextImageProcessor(size={"shortest_edge": 32}).save_pretrained(tmp_path)
    found = transformers_image.load(Card(name="a", adapter="transformers", modality=("image",)), tmp_path, "cpu").embed_image(
        PICTURES
    )
    assert found.shape == (1, 4, 16)
    card = Card(name="a", adapter="transformers", modality=("image",), options=Options(pooling="cls"))
    with pytest.raises(CandidateError, match="no class token"):
        transformers_image.load(card, tmp_path, "cpu").embed_image(PICTURES)


def test_open_clip_gives_the_image_tower(tmp_path: Path) -> None:
    import json

    import open_clip
    from safetensors.torch import save_file

    from harness.models import open_clip_image

    config = {
        "embed_dim": 12,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    }
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    torch.manual_seed(0)
    whole = open_clip.CLIP(**config, output_dict=False).eval()
    save_file(whole.state_dict(), tmp_path / "open_clip_model.safetensors")
    model = open_clip_image.load(Card(name="a", adapter="open_clip"), tmp_path, "cpu")
    found = model.embed_image(PICTURES)
    with torch.inference_mode():
        expected = whole.encode_image(torch.stack([model.transform(image) for image in PICTURES]))
    np.testing.assert_allclose(found[0], expected.numpy(), atol=1e-5)
    assert model.weights().parameters == sum(p.numel() for p in whole.visual.parameters())


def test_open_clip_refuses_a_pickle(tmp_path: Path) -> None:
    from harness.models import open_clip_image

    (tmp_path / "open_clip_pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(CandidateError, match="safetensors"):
        open_clip_image.load(Card(name="a", adapter="open_clip"), tmp_path, "cpu")


@pytest.mark.parametrize("kind", ["ViT", "Dinov2", "Swin", "ConvNext", "ResNet"])
def test_families_of_transformers_equal_the_library(kind: str, tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, AutoModel

    folder = save_image(kind, tmp_path)
    found = transformers_image.load(Card(name="a", adapter="transformers"), folder, "cpu").embed_image(PICTURES)
    processor, library = AutoImageProcessor.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        hidden = library(**processor(PICTURES, return_tensors="pt")).last_hidden_state
    has_class_token = kind in {"ViT", "Dinov2"}
    expected = hidden[:, 0] if has_class_token else hidden.mean(1) if hidden.ndim == 3 else hidden.mean((2, 3))
    np.testing.assert_allclose(found, expected.numpy()[None], atol=1e-5)
