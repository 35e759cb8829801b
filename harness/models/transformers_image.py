"""Image encoders of the transformers library: any folder that `AutoModel` and `AutoImageProcessor` read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import transformers.modeling_utils  # noqa: F401 - imported with the first model, it would count as its loading and its memory
from numpy.typing import NDArray
from PIL.Image import Image
from transformers import AutoImageProcessor, AutoModel

from harness.core.card import Card
from harness.core.trust import CAUTIOUS, Trust
from harness.errors import CandidateError
from harness.models.batches import PICTURES_PER_BATCH, Batches
from harness.models.capabilities import Weights
from harness.models.formats import readable_form
from harness.models.torch_module import count_weights
from harness.models.transformers_towers import TwoTowers, has_two_towers, settings_of

# Raise it when features change; those of earlier versions are then not used again.
VERSION = 1
# peft, where it is installed, loads an adapter that lies in the folder.
LIBRARIES = ("transformers", "torch", "torchvision", "pillow", "numpy", "peft")


class ImageEncoder:
    """Pools the last feature map or token sequence."""

    def __init__(self, folder: Path, card: Card, device: str, trust: Trust = CAUTIOUS) -> None:
        """Load processor and weights from a local folder onto a device, as float32; of a pickle only the tensors are read."""
        is_safe, runs_code = readable_form(folder, card, trust) == "safetensors", card.remote_code and trust.remote_code
        self.processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=runs_code)
        model = AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=runs_code,
            use_safetensors=is_safe,
            weights_only=True,
            dtype=torch.float32,
        )
        self.model = model.to(device).eval()
        self.device = device
        self.pooling = card.options.pooling
        self.batches = Batches(PICTURES_PER_BATCH[torch.device(device).type])

    def embed_image(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Return `(1, n, d) float32`.

        Raises:
            CandidateError: a single picture does not fit in memory.
        """
        return self.batches.run_pictures(images, self._forward, self.device)

    def weights(self) -> Weights:
        """Count what was loaded."""
        return count_weights(self.model)

    def identity(self) -> dict[str, str | int | float]:
        """Say what the features depend on beyond files and rows."""
        return settings_of(self.model, self.processor, self.pooling or "by the model")

    @torch.inference_mode()
    def _forward(self, images: Sequence[Image]) -> NDArray[np.float32]:
        pixels = self.processor(list(images), return_tensors="pt")["pixel_values"].to(self.device)
        return self._pool(self.model(pixel_values=pixels).last_hidden_state).float().cpu().numpy()

    def _pool(self, hidden: torch.Tensor) -> torch.Tensor:
        """Average a feature map `(n, d, h, w)`; of tokens `(n, t, d)` take the class token where the model has one, else average.

        A model's own pooler is left aside: many checkpoints lack its weights, which would then be random.
        """
        if hidden.ndim == 4 and self.pooling == "cls":
            what = "the model gives a map of features, which has no class token"
            raise CandidateError(what, where="card, key options.pooling", hint="leave options.pooling out, or write mean")
        if hidden.ndim == 4:
            return hidden.mean((2, 3))
        has_class_token = any(name.endswith("cls_token") for name, _ in self.model.named_parameters())
        pooling = self.pooling or ("cls" if has_class_token else "mean")
        return hidden[:, 0] if pooling == "cls" else hidden.mean(1)


def load(card: Card, folder: Path | None, device: str, trust: Trust = CAUTIOUS) -> ImageEncoder | TwoTowers:
    """Load an image encoder, or the image tower of a model that has one for texts beside it.

    Raises:
        CandidateError: the card names no folder to load from.
    """
    if folder is None:
        what = "an image encoder needs weights to load"
        raise CandidateError(what, where=f"card {card.name}, key source", hint="name a Hub id or a local folder")
    kind = TwoTowers if has_two_towers(folder) else ImageEncoder
    return kind(folder, card, device, trust)
