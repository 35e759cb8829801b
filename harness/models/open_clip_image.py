"""Image towers of CLIP-like models, through open_clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray

from harness.core.card import Card
from harness.core.trust import CAUTIOUS, Trust
from harness.errors import CandidateError
from harness.models.batches import release
from harness.models.formats import Form, readable_form, weights_only
from harness.models.image_tower import ImageTower

# Raise it when features change; those of earlier versions are then not used again. The tower's are this module's.
VERSION = 1
LIBRARIES = ("open_clip_torch", "timm", "torch", "torchvision", "pillow", "numpy")

# What open_clip takes from a folder before anything else, by form.
_NAMES: dict[Form, tuple[str, ...]] = {
    "safetensors": ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors"),
    "pickle": ("open_clip_pytorch_model.bin", "open_clip_pytorch_model.pth"),
}


_TEXTS_AT_ONCE = 64


class OpenClipTower(ImageTower):
    """The image tower; the text tower is there only while prompts are embedded, as a deployed classifier needs them once."""

    def __init__(self, folder: Path, card: Card, device: str) -> None:
        """Load the image tower of a folder in open_clip's layout."""
        model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}", weights_only=True)
        super().__init__(model.visual, preprocess, device)
        self._folder, self._card = folder, card

    @torch.inference_mode()
    def embed_prompts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(n, d) float32` of the text tower, which is loaded for it and given back."""
        with weights_only(self._card):
            model = open_clip.create_model(f"local-dir:{self._folder}", weights_only=True)
        model.visual = None
        model = model.float().to(self.device).eval()
        tokenize = open_clip.get_tokenizer(f"local-dir:{self._folder}")
        parts = (texts[start : start + _TEXTS_AT_ONCE] for start in range(0, len(texts), _TEXTS_AT_ONCE))
        found = np.concatenate([model.encode_text(tokenize(list(part)).to(self.device)).float().cpu().numpy() for part in parts])
        del model
        release()
        return found


def load(card: Card, folder: Path | None, device: str, trust: Trust = CAUTIOUS) -> OpenClipTower:
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
    return OpenClipTower(folder, card, device)
