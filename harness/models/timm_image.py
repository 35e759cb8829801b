"""Image encoders of timm, with the preprocessing that each model's own configuration asks for."""

from __future__ import annotations

from pathlib import Path

import timm
import torch

from harness.core.card import Card
from harness.core.trust import CAUTIOUS, Trust
from harness.errors import CandidateError, suggest
from harness.models.formats import readable_form, weights_file
from harness.models.image_tower import ImageTower

# Raise it when features change; those of earlier versions are then not used again. The tower's are this module's.
VERSION = 1
LIBRARIES = ("timm", "torch", "torchvision", "pillow", "numpy")


def load(card: Card, folder: Path | None, device: str, trust: Trust = CAUTIOUS) -> ImageTower:
    """Load a timm model without its classifier: from a folder, or for `random:ARCHITECTURE` with weights drawn from seed 0.

    Raises:
        CandidateError: timm does not know the architecture.
    """
    if folder is not None:
        form = readable_form(folder, card, trust)
        file = weights_file(folder, form, ("model.safetensors", "pytorch_model.bin"))
        # timm itself would take a pickle with a usual name before safetensors with another one, or what its configuration names.
        chosen = {"source": "", "file": str(file), "state_dict": None, "custom_load": False}
        module = timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=0, pretrained_cfg_overlay=chosen)
    else:
        architecture = card.source.removeprefix("random:")
        if not timm.is_model(architecture):
            hint = suggest(architecture, timm.list_models())
            raise CandidateError(f'timm has no architecture "{architecture}"', where=f"card {card.name}, key source", hint=hint)
        torch.manual_seed(0)
        module = timm.create_model(architecture, pretrained=False, num_classes=0)
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(module), is_training=False)
    return ImageTower(module, transform, device)
