"""A folder of a fine-tuned model, read back: all weights from the folder itself, or an adapter over its base model."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import AutoModelForImageClassification, AutoModelForSequenceClassification, AutoTokenizer

from harness.core.card import Card
from harness.core.finetuned import Contents
from harness.core.trust import Trust
from harness.errors import CandidateError
from harness.models import sentence_classifier
from harness.models.adapters import load_trainable
from harness.models.formats import weights_only
from harness.models.picture_classifier import PictureClassifier, Pixels
from harness.models.trainable import Aim, Trainable
from harness.models.transformers_classifier import TextClassifier
from harness.models.transformers_searcher import load_searcher
from harness.models.transformers_tagger import read_tagger
from harness.models.transformers_writer import load_writer

_ADAPTER = ("adapter_config.json", "adapter_model.safetensors")


def read_folder(contents: Contents, folder: Path, base: Path | None, device: str, *, trust: Trust) -> Trainable:
    """Load a fine-tuned model; `base` is where the base model lies, which only an adapter needs. Nothing is unpickled.

    Raises:
        CandidateError: a file is missing, or the base model cannot be loaded.
    """
    if contents.form == "adapter":
        return _read_adapter(contents, folder, base, device, trust=trust)
    with weights_only(contents.card):
        if contents.target in {"text", "documents"}:
            load = load_writer if contents.target == "text" else load_searcher
            return load(contents.card, folder, device, trust)
        if contents.card.adapter == "transformers":
            runs_code = contents.card.remote_code and trust.remote_code
            if sentence_classifier.is_saved(folder):
                return sentence_classifier.read(contents.card, folder, device, runs_code=runs_code, outputs=len(contents.names))
            read = _read_pictures if contents.is_image else read_tagger if contents.target == "tags" else _read_texts
            return read(contents.card, folder, device, runs_code=runs_code)
        if contents.card.adapter == "timm":
            return _read_timm(folder, device)
        return _read_open_clip(folder, device, contents.names)


def _read_adapter(contents: Contents, folder: Path, base: Path | None, device: str, *, trust: Trust) -> Trainable:
    from peft import PeftModel  # noqa: PLC0415 - seconds of imports, as with each library here: a folder needs one of them

    _require(folder, _ADAPTER)
    card, names = contents.card.reading(is_image=contents.is_image), contents.names
    on_vectors = sentence_classifier.is_saved(folder)
    trainable = load_trainable(card, base, device, trust, aim=Aim(names, contents.target, by_library=not on_vectors))
    if on_vectors:
        adapted: Any = sentence_classifier.read_adapter(trainable, folder)
        trainable.reserve(_tokens(adapted))
        return trainable
    with warnings.catch_warnings():
        # It asks transformers in a way that will change; nothing that a user could mend.
        warnings.filterwarnings("ignore", category=FutureWarning)
        module: Any = PeftModel.from_pretrained(trainable.module, str(folder)).to(device)
    trainable.module = module
    trainable.reserve(_tokens(module))
    return trainable


def _tokens(module: Any) -> int:  # noqa: ANN401 - a model of peft
    """Return how many tokens an adapter puts before each text."""
    return max(getattr(one, "num_virtual_tokens", 0) for one in module.peft_config.values())


def _read_texts(card: Card, folder: Path, device: str, *, runs_code: bool) -> Trainable:
    given = {"local_files_only": True, "trust_remote_code": runs_code}
    module = AutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True, dtype=torch.float32, **given)
    tokenizer = AutoTokenizer.from_pretrained(folder, **given)
    return TextClassifier((module, tokenizer, ()), folder, card, device)


def _read_pictures(card: Card, folder: Path, device: str, *, runs_code: bool) -> Trainable:
    from transformers import AutoImageProcessor  # noqa: PLC0415 - as above

    del card
    given = {"local_files_only": True, "trust_remote_code": runs_code}
    module = AutoModelForImageClassification.from_pretrained(folder, use_safetensors=True, dtype=torch.float32, **given)
    processor = AutoImageProcessor.from_pretrained(folder, **given)

    def to_pixels(pictures: Pixels) -> torch.Tensor:
        found: torch.Tensor = processor(list(pictures), return_tensors="pt")["pixel_values"]
        return found

    return PictureClassifier(module, (), device, (to_pixels, _save_nothing))


def _read_timm(folder: Path, device: str) -> Trainable:
    import timm  # noqa: PLC0415 - as above

    _require(folder, ("config.json", "model.safetensors"))
    module = timm.create_model(f"local-dir:{folder}", pretrained=True)
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(module), is_training=False)
    return PictureClassifier(module, (), device, (_stack(transform), _save_nothing))


def _read_open_clip(folder: Path, device: str, labels: Sequence[str]) -> Trainable:
    import open_clip  # noqa: PLC0415 - as above

    _require(folder, ("open_clip_model.safetensors", "head.safetensors"))
    model, transform = open_clip.create_model_from_pretrained(f"local-dir:{folder}", weights_only=True)
    weights = load_file(folder / "head.safetensors")
    head = torch.nn.Linear(weights["weight"].shape[1], len(labels))
    head.load_state_dict(weights)
    module = torch.nn.Sequential(model.visual, head)
    return PictureClassifier(module, (), device, (_stack(transform), _save_nothing))


def _stack(transform: Any) -> Any:  # noqa: ANN401 - of torchvision, which has no type for it
    def to_pixels(pictures: Pixels) -> torch.Tensor:
        return torch.stack([transform(one) for one in pictures])

    return to_pixels


def _save_nothing(module: torch.nn.Module, folder: Path, labels: Sequence[str]) -> None:
    del module, folder, labels


def _require(folder: Path, names: Sequence[str]) -> None:
    """Accept a folder that holds these files: a library would look for a pickle instead.

    Raises:
        CandidateError: one is missing.
    """
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise CandidateError(f"{missing[0]} is missing", where=str(folder), hint="run `bench finetune` again")
