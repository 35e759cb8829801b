"""A torch module from pixels to features, with the transform that its pictures go through."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image

from harness.models.capabilities import Weights
from harness.models.torch_module import count_weights

BATCH = 32


class ImageTower:
    """Transforms pictures one by one and embeds them in batches."""

    def __init__(self, module: torch.nn.Module, transform: Callable[[Image], torch.Tensor], device: str) -> None:
        """Take a module that maps `(n, 3, h, w)` to `(n, d)`; it is moved to the device as float32."""
        self.module = module.float().to(device).eval()
        self.transform = transform
        self.device = device

    @torch.inference_mode()
    def embed_image(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Return `(1, n, d) float32`."""
        parts = []
        for start in range(0, len(images), BATCH):
            pixels = torch.stack([self.transform(image) for image in images[start : start + BATCH]]).to(self.device)
            parts.append(self.module(pixels).float().cpu().numpy())
        return np.concatenate(parts)[None] if parts else np.empty((1, 0, 0), np.float32)

    def weights(self) -> Weights:
        """Count what was loaded."""
        return count_weights(self.module)
