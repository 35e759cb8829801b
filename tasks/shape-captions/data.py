"""Pictures of two shapes, drawn by a seed, with two captions each that say what there is and where."""

from __future__ import annotations

import random
from typing import Any

from PIL import Image, ImageDraw

_COLORS = {"red": "#d62728", "green": "#2ca02c", "blue": "#1f55b4", "yellow": "#f2c511", "purple": "#7d3fb0", "black": "#101010"}
_SHAPES = ("circle", "square", "triangle")
_SIZES = {"small": 22, "large": 44}
_NUMBER, _SIDE = 200, 96


def load() -> dict[str, list[Any]]:
    """Return 200 pictures of 96 × 96 pixels; no two have the same two shapes in the same places."""
    draw = random.Random(0)
    things = [(size, color, shape) for size in _SIZES for color in _COLORS for shape in _SHAPES]
    pairs = draw.sample([(one, other) for one in things for other in things if one[1:] != other[1:]], _NUMBER)
    return {"image": [_draw(*pair) for pair in pairs], "captions": [_captions(*pair) for pair in pairs]}


def _draw(left: tuple[str, str, str], right: tuple[str, str, str]) -> Image.Image:
    picture = Image.new("RGB", (_SIDE, _SIDE), "#eeeeee")
    pen = ImageDraw.Draw(picture)
    for (size, color, shape), middle in ((left, _SIDE // 4), (right, 3 * _SIDE // 4)):
        half = _SIZES[size] // 2
        low, high, top, bottom = middle - half, middle + half, _SIDE // 2 - half, _SIDE // 2 + half
        fill = _COLORS[color]
        if shape == "circle":
            pen.ellipse((low, top, high, bottom), fill=fill)
        elif shape == "square":
            pen.rectangle((low, top, high, bottom), fill=fill)
        else:
            pen.polygon(((low, bottom), (middle, top), (high, bottom)), fill=fill)
    return picture


def _captions(left: tuple[str, str, str], right: tuple[str, str, str]) -> list[str]:
    one, other = " ".join(left), " ".join(right)
    return [f"a {one} to the left of a {other}", f"a {other} on the right, and a {one} on the left"]
