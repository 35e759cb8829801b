"""Encoded pictures to RGB images."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from harness.core.bounds import MAX_PIXELS, PICTURE_FORMATS
from harness.core.data import Input
from harness.errors import TaskError


def decode(picture: Input) -> Image.Image:
    """Read one picture from a path (str) or encoded bytes, as RGB of its own size and 8 bits; of several frames the first.

    Raises:
        TaskError: it is too large to be decoded.
    """
    with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else str(picture), formats=PICTURE_FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:  # a file that has changed since it was checked
            msg = f"a picture of {image.width} × {image.height} pixels; the limit is {MAX_PIXELS:,} in all"
            raise TaskError(msg, where="bytes of a row" if isinstance(picture, bytes) else str(picture), hint="store it smaller")
        if image.mode.startswith("I;16"):
            # Pillow would cut off at 255, which leaves such a picture white; the upper 8 bits are what it does with color.
            return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
        return image.convert("RGB")


class Pictures(Sequence[Any]):
    """A sequence of encoded pictures that decodes each when it is asked for, so that memory stays bounded."""

    def __init__(self, encoded: Sequence[Input]) -> None:
        """Keep the encoded pictures."""
        self._encoded = encoded

    def __len__(self) -> int:
        """Return their number."""
        return len(self._encoded)

    def __getitem__(self, position: Any) -> Any:  # noqa: ANN401 - slices are not asked for, so their type is not told apart
        """Decode one."""
        return decode(self._encoded[position])

    def __iter__(self) -> Iterator[Image.Image]:
        """Decode one after the other."""
        return map(decode, self._encoded)
