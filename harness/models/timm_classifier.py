"""Classifiers of timm.

A folder that `save` wrote loads with `timm.create_model("local-dir:FOLDER", pretrained=True)`; its `config.json` names the labels.
After an adapter technique it loads with `PeftModel.from_pretrained(timm.create_model("local-dir:BASE", pretrained=True,
num_classes=N), FOLDER)`, and the same `config.json` stands beside the adapter.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models._hub import save_config_for_hf  # the half of its public save_for_hf that writes no weights

from harness.core.card import Card
from harness.core.trust import Trust
from harness.models import timm_image
from harness.models.adapter_folder import is_adapter, save_adapter
from harness.models.picture_classifier import PictureClassifier, Pixels
from harness.models.trainable import Aim, Trainable, find_name, no_head


def load_image(card: Card, folder: Path | None, device: str, trust: Trust, *, aim: Aim) -> Trainable:
    """Load a timm model with a new classifier.

    Raises:
        CandidateError: timm does not know the architecture, or it takes no classifier.
    """
    tower = timm_image.load(card, folder, "cpu", trust)
    module: Any = tower.module
    module.reset_classifier(len(aim.names))
    head = find_name(module, module.get_classifier()) if isinstance(module.get_classifier(), torch.nn.Module) else ""
    if not head:
        raise no_head(f"card {card.name}, {type(module).__name__}")

    def to_pixels(pictures: Pixels) -> torch.Tensor:
        return torch.stack([tower.transform(one) for one in pictures])

    def save(trained: torch.nn.Module, where: Path, labels: Sequence[str]) -> None:
        settings = {"label_names": list(labels)}
        if is_adapter(trained):
            save_adapter(trained, where, card, folder)
            save_config_for_hf(module, where / "config.json", model_config=settings)
        else:
            timm.models.save_for_hf(trained, where, model_config=settings, safe_serialization=True)

    return PictureClassifier(module, (head,), device, (to_pixels, save))
