"""Encoded pictures to RGB images."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

from PIL import Image

from harness.core.data import Input


def decode(picture: Input) -> Image.Image:
    """Read one picture from a path (str) or encoded bytes, as RGB of its own size."""
    with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture) as image:
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
