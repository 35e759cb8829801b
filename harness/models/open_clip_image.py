"""Image towers of CLIP-like models, through open_clip."""

from __future__ import annotations

from pathlib import Path

import open_clip

from harness.core.card import Card
from harness.core.trust import CAUTIOUS, Trust
from harness.errors import CandidateError
from harness.models.formats import Form, readable_form
from harness.models.image_tower import ImageTower

# Raise it when features change; those of earlier versions are then not used again. The tower's are this module's.
VERSION = 1
LIBRARIES = ("open_clip_torch", "timm", "torch", "torchvision", "pillow", "numpy")

# What open_clip takes from a folder before anything else, by form.
_NAMES: dict[Form, tuple[str, ...]] = {
    "safetensors": ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors"),
    "pickle": ("open_clip_pytorch_model.bin", "open_clip_pytorch_model.pth"),
}


def load(card: Card, folder: Path | None, device: str, trust: Trust = CAUTIOUS) -> ImageTower:
    """Load the image tower alone; the text tower is dropped before anything is measured.

    Raises:
        CandidateError: the folder is not one of open_clip, or its weights are not safetensors.
    """
    names = () if folder is None else _NAMES[readable_form(folder, card, trust)]
    if folder is None or not any((folder / name).is_file() for name in names):
        what = f"no open_clip weights ({_NAMES['safetensors'][0]})"
        raise CandidateError(
            what, where=f"card {card.name}, source {card.source}", hint="name a Hub id or folder of open_clip's layout"
        )
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}", weights_only=True)
    return ImageTower(model.visual, preprocess, device)
