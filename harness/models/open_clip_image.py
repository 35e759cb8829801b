"""Image towers of CLIP-like models, through open_clip."""

from __future__ import annotations

from pathlib import Path

import open_clip

from harness.core.card import Card
from harness.core.trust import CAUTIOUS, Trust
from harness.errors import CandidateError
from harness.models.image_tower import ImageTower


def load(card: Card, folder: Path | None, device: str, trust: Trust = CAUTIOUS) -> ImageTower:
    """Load the image tower alone; the text tower is dropped before anything is measured.

    Raises:
        CandidateError: the folder is not one of open_clip, or its weights are not safetensors.
    """
    if folder is None or not any(folder.glob("open_clip_*.safetensors")):
        what = "no open_clip weights in safetensors form (open_clip_model.safetensors)"
        raise CandidateError(
            what, where=f"card {card.name}, source {card.source}", hint="name a Hub id or folder of open_clip's layout"
        )
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    return ImageTower(model.visual, preprocess, device)
