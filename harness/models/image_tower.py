"""A torch module from pixels to features, with the transform that its pictures go through."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image

from harness.models.batches import PICTURES_PER_BATCH, Batches
from harness.models.capabilities import Weights
from harness.models.description import describe, digest_module
from harness.models.torch_module import count_weights


class ImageTower:
    """Transforms pictures one by one and embeds them in batches."""

    def __init__(self, module: torch.nn.Module, transform: Callable[[Image], torch.Tensor], device: str) -> None:
        """Take a module that maps `(n, 3, h, w)` to `(n, d)`; it is moved to the device as float32."""
        self.module = module.float().to(device).eval()
        self.transform = transform
        self.device = device
        self.batches = Batches(PICTURES_PER_BATCH[torch.device(device).type])

    def embed_image(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Return `(1, n, d) float32`.

        Raises:
            CandidateError: a single picture does not fit in memory.
        """
        return self.batches.run_pictures(images, self._forward, self.device)

    def weights(self) -> Weights:
        """Count what was loaded."""
        return count_weights(self.module)

    def identity(self) -> dict[str, str | int | float]:
        """Say what the features depend on beyond files and rows: the architecture with all its layers, and the whole transform."""
        return {
            "model": type(self.module).__qualname__,
            "architecture": digest_module(self.module),
            "weights": str(next(self.module.parameters()).dtype),
            "preprocessing": describe(self.transform),
            "pooling": "by the model",
            "normalization": "none",
        }

    @torch.inference_mode()
    def _forward(self, images: Sequence[Image]) -> NDArray[np.float32]:
        pixels = torch.stack([self.transform(image) for image in images]).to(self.device)
        features: NDArray[np.float32] = self.module(pixels).float().cpu().numpy()
        return features
