"""Tiny seeded models of many architectures in their libraries' own layouts, and small tasks that can be learned with them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from harness.core.card import Card
from harness.core.data import Dataset, Rows, Split
from harness.core.trust import CAUTIOUS
from harness.models.adapters import load_trainable
from harness.models.trainable import Aim, Trainable
from tests.unit.conftest import WORDS, save_tokenizer

SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 48, "initializer_range": 0.2}
TEXT = {
    "Bert": {},
    "Roberta": {},
    "DebertaV2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 8, "type_vocab_size": 0},
    "DistilBert": {},
    "ModernBert": {"global_attn_every_n_layers": 2, "local_attention": 8, "pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3},
    "MPNet": {},
    "XLMRoberta": {},
    "Electra": {"embedding_size": 16},
}
# Language models, with what changes how they may be read: windows, biases in place of positions, states in place of keys.
LANGUAGE = {
    "GPT2LMHead": {},
    "LlamaForCausalLM": {"num_key_value_heads": 1},
    "Qwen3ForCausalLM": {"num_key_value_heads": 1},
    "GemmaForCausalLM": {"num_key_value_heads": 1, "head_dim": 16},
    "Gemma3ForCausalLM": {"num_key_value_heads": 1, "head_dim": 16, "sliding_window": 6},
    "BloomForCausalLM": {"n_head": 2},
    "MambaForCausalLM": {"state_size": 4},
    "T5ForConditionalGeneration": {"d_model": 32, "d_kv": 16, "d_ff": 48, "num_layers": 2, "num_heads": 2},
    "BartForConditionalGeneration": {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2}
    | dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2)
    | dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 48),
}
NAMES = {
    "DistilBert": {
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
    }
}
STAGES = {"embed_dim": 16, "depths": [1, 2], "num_heads": [2, 2], "window_size": 2, "image_size": 32, "patch_size": 4}
IMAGE = {
    "ViT": {**SIZES, "image_size": 32, "patch_size": 8},
    "Dinov2": {**SIZES, "image_size": 32, "patch_size": 8},
    "Swin": {**STAGES, "initializer_range": 0.2},
    "ConvNext": {"num_stages": 2, "hidden_sizes": [16, 32], "depths": [1, 2], "patch_size": 4, "initializer_range": 0.2},
    "ResNet": {"embedding_size": 16, "hidden_sizes": [16, 32], "depths": [1, 2], "layer_type": "basic"},
}


def save_text(kind: str, folder: Path) -> Path:
    """Write a text encoder without a head."""
    import transformers

    torch.manual_seed(0)
    names = NAMES.get(kind, {})
    settings = {names.get(key, key): value for key, value in SIZES.items()} | TEXT[kind]
    config = getattr(transformers, f"{kind}Config")(
        **{"vocab_size": len(WORDS), "max_position_embeddings": 64, "pad_token_id": 0, **settings}
    )
    getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def save_inference(kind: str, folder: Path, labels: Sequence[str]) -> Path:
    """Write a classifier that was trained, as its labels say, for inference between sentences."""
    import transformers

    torch.manual_seed(0)
    ids = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    sizes = LANGUAGE["BartForConditionalGeneration"] if kind == "Bart" else {**SIZES, **TEXT[kind]}
    names = {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}
    config = getattr(transformers, f"{kind}Config")(vocab_size=len(WORDS), max_position_embeddings=64, **ids, **sizes, **names)
    made = getattr(transformers, f"{kind}ForSequenceClassification")(config)
    with torch.no_grad():
        for name, one in made.named_parameters():
            one.add_((1.0 if "classif" in name else 0.1) * torch.randn_like(one))
    made.save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def save_language(kind: str, folder: Path) -> Path:
    """Write a language model with weights large enough that likelihoods differ."""
    import transformers

    torch.manual_seed(0)
    model = getattr(transformers, {"GPT2LMHead": "GPT2LMHeadModel"}.get(kind, kind))
    ids = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "decoder_start_token_id": 0}
    config = model.config_class(**{"vocab_size": len(WORDS), "max_position_embeddings": 64, **SIZES, **ids, **LANGUAGE[kind]})
    made = model(config)
    with torch.no_grad():
        for one in made.parameters():
            one.add_(0.1 * torch.randn_like(one))
    made.save_pretrained(folder)
    save_tokenizer(folder, limit=48)
    return folder


def save_image(kind: str, folder: Path) -> Path:
    """Write an image encoder without a head."""
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**IMAGE[kind])
    getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def save_timm(name: str, folder: Path) -> Path:
    """Write a timm model with a classifier of other classes."""
    import timm

    torch.manual_seed(0)
    timm.models.save_for_hf(timm.create_model(name, num_classes=7), folder, safe_serialization=True)
    return folder


def save_open_clip(folder: Path) -> Path:
    """Write a small two-tower model."""
    import open_clip
    from safetensors.torch import save_file

    torch.manual_seed(0)
    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1},
    }
    settings = {"mean": [0.5] * 3, "std": [0.5] * 3}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": settings}))
    model = open_clip.model.CLIP(**{key: config[key] for key in ("embed_dim", "vision_cfg", "text_cfg")})
    save_file({name: one.contiguous() for name, one in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    return folder


def card(adapter: str, modality: str, folder: Path) -> Card:
    return Card(name="tiny", adapter=adapter, source=str(folder), modality=(modality,))


def load(known: Card, classes: tuple[str, ...]) -> Trainable:
    torch.manual_seed(0)
    return load_trainable(known, Path(known.source), "cpu", CAUTIOUS, aim=Aim(classes))


def texts(rows: int, seed: int = 0) -> tuple[tuple[str, ...], np.ndarray]:
    """Two classes, told by a word each, among others; lengths from 2 to 10 words."""
    draw = np.random.default_rng(seed)
    labels = np.arange(rows) % 2
    filler = ["the", "a", "was", "my", "where", "is", "hello", "please"]
    found = []
    for label in labels:
        words = list(draw.choice(filler, draw.integers(1, 9)))
        words.insert(int(draw.integers(0, len(words) + 1)), ["stolen", "refund"][label])
        found.append(" ".join(words))
    return tuple(found), labels


def pictures(rows: int, seed: int = 0) -> tuple[tuple[bytes, ...], np.ndarray]:
    """Two classes: reddish and bluish noise."""
    draw = np.random.default_rng(seed)
    labels = np.arange(rows) % 2
    found = []
    for label in labels:
        pixels = draw.integers(0, 160, (32, 32, 3), dtype=np.uint8)
        pixels[:, :, 2 * label] += 90
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG")
        found.append(out.getvalue())
    return tuple(found), labels


def dataset(inputs: tuple[str | bytes, ...], labels: np.ndarray, split: Split, classes: int = 2) -> Dataset:
    names = tuple(f"class {i}" for i in range(classes))
    rows = Rows(tuple(str(i) for i in range(len(inputs))), inputs, tuple(int(i) for i in labels), names)
    return Dataset(rows, split, digest="rows", source="made")
