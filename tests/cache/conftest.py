"""Tiny real models of every adapter, in the layout in which the Hub gives them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cache.cases import Case, case_of
from tests.unit.conftest import WORDS, save_tokenizer


def make_bert(folder: Path) -> None:
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(WORDS), max_position_embeddings=40, **sizes)).save_pretrained(folder)
    save_tokenizer(folder)


def make_vit(folder: Path) -> None:
    import torch
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    ViTModel(ViTConfig(image_size=32, patch_size=8, **sizes)).save_pretrained(folder)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)


def make_timm(folder: Path) -> None:
    import timm
    import torch

    torch.manual_seed(0)
    model = timm.create_model("test_vit", pretrained=False, num_classes=3)
    timm.models.save_for_hf(model, folder, safe_serialization=True)


def make_open_clip(folder: Path) -> None:
    import open_clip
    import torch
    from safetensors.torch import save_file

    config = {
        "embed_dim": 12,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 100, "width": 16, "heads": 2, "layers": 1},
    }
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {"mean": [0.5, 0.5, 0.5]}}))
    torch.manual_seed(0)
    save_file(open_clip.CLIP(**config, output_dict=False).state_dict(), folder / "open_clip_model.safetensors")


MAKERS = {"bert": make_bert, "vit": make_vit, "timm": make_timm, "open_clip": make_open_clip}


@pytest.fixture(scope="session")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder a model; nobody changes them."""
    place = tmp_path_factory.mktemp("originals")
    for name, make in MAKERS.items():
        make(place / name)
    return place


@pytest.fixture
def copy_of(originals: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Return a copy of a model that a test may change."""
    return lambda name: Path(shutil.copytree(originals / name, tmp_path / name))


@pytest.fixture
def case(copy_of: Callable[[str], Path], request: pytest.FixtureRequest) -> Case:
    name = getattr(request, "param", "bert")
    return case_of(name, copy_of(name))
