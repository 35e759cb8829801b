"""An image model with a new head, of whatever library: pictures are decoded and transformed when a batch needs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from PIL.Image import Image

from harness.core.data import Input
from harness.models.batches import PICTURES_PER_BATCH
from harness.models.pictures import decode

Pixels = Sequence[Image]
ToPixels = Callable[[Pixels], torch.Tensor]
Save = Callable[[torch.nn.Module, Path, Sequence[str]], None]


class PictureClassifier:
    """Transforms pictures as the model's own configuration says; what is trained sees the pictures that are predicted."""

    def __init__(self, module: torch.nn.Module, head: tuple[str, ...], device: str, ways: tuple[ToPixels, Save]) -> None:
        """Take a module from pixels `(n, 3, h, w)` to logits, the names of its new modules, and the ways in and out."""
        self.module = module.float().to(device)
        self.head = head
        self.device = device
        self.cells = PICTURES_PER_BATCH[torch.device(device).type]
        self._to_pixels, self._save = ways

    def reserve(self, tokens: int) -> None:
        """Do nothing: pictures have no tokens."""

    def encode(self, inputs: Sequence[Input]) -> Sequence[Input]:
        """Return the pictures as they are: a path or encoded bytes each."""
        return inputs

    def length(self, one: Input) -> int:
        """Return 1."""
        del one
        return 1

    def logits(self, batch: Sequence[Input]) -> torch.Tensor:
        """Return `(n, classes)`."""
        pixels = self._to_pixels([decode(one) for one in batch])
        found = self.module(pixels.to(self.device, non_blocking=True))
        answer: torch.Tensor = found if isinstance(found, torch.Tensor) else found.logits
        return answer

    def save(self, folder: Path, labels: Sequence[str]) -> None:
        """Write what the model's own library loads."""
        folder.mkdir(parents=True, exist_ok=True)
        self._save(self.module, folder, labels)
