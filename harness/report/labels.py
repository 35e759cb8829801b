"""Where names stand beside the points of a figure, so that no two overlap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HEIGHT = 14.0
_CHARACTER = 5.6
_GAP = 8.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels; `y` grows downwards."""

    left: float
    top: float
    width: float
    height: float

    def overlaps(self, other: Box) -> bool:
        """Tell whether the two share more than an edge."""
        beside = self.left + self.width <= other.left or other.left + other.width <= self.left
        return not (beside or self.top + self.height <= other.top or other.top + other.height <= self.top)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A point that wants a label: its place, and texts from the one it would rather have to the one it would still take.

    `last` is short enough to stand across an obstacle where no other text finds room.
    """

    x: float
    y: float
    texts: tuple[str, ...]
    last: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """A text with the place of its left middle."""

    x: float
    y: float
    text: str
    box: Box


def place(anchors: Sequence[Anchor], obstacles: Iterable[Box], *, width: float, height: float) -> tuple[Label, ...]:
    """Give each anchor, in order, the first text and place that nothing stands in; an anchor may be left without one.

    A label lies inside the figure and overlaps no point, no other label, and no obstacle unless it is a last text.
    """
    frame = Box(0, 0, width, height)
    points = [Box(a.x - 5, a.y - 5, 10, 10) for a in anchors]
    soft = tuple(obstacles)
    placed: dict[int, Label] = {}
    for i, anchor in enumerate(anchors):
        found = _first_free(anchor, anchor.texts, frame, [*soft, *points, *(label.box for label in placed.values())])
        if found is not None:
            placed[i] = found
    for i, anchor in enumerate(anchors):
        if i not in placed and anchor.last:
            found = _first_free(anchor, (anchor.last,), frame, [*points, *(label.box for label in placed.values())])
            if found is not None:
                placed[i] = found
    return tuple(placed[i] for i in sorted(placed))


def _first_free(anchor: Anchor, texts: Sequence[str], frame: Box, taken: Sequence[Box]) -> Label | None:
    return next((label for text in texts for label in _around(anchor, text) if _is_free(label.box, frame, taken)), None)


def text_width(text: str) -> float:
    """Return about how wide a text is in pixels, rather too wide than too narrow."""
    return len(text) * _CHARACTER + 2


def shorten(text: str, most: int = 42) -> str:
    """Cut the middle out of a text that has more than so many characters, for its end tells contenders apart.

    >>> shorten("organization-model-multilingual · knn", 20)
    'organizati…ual · knn'
    """
    return text if len(text) <= most else f"{text[: most // 2]}…{text[len(text) - (most - most // 2 - 1) :]}"


def _around(anchor: Anchor, text: str) -> Iterable[Label]:
    """Yield the label at the point's sides, at its corners, above, below, and a line further up or down."""
    wide = text_width(text)
    right, left, middle = anchor.x + _GAP, anchor.x - _GAP - wide, anchor.x - wide / 2
    up, down = anchor.y - HEIGHT, anchor.y + HEIGHT
    beside = [(x, y) for y in (anchor.y, up, down) for x in (right, left)]
    further = [(x, y) for y in (up - HEIGHT, down + HEIGHT) for x in (right, left)]
    for x, y in (*beside, (middle, up), (middle, down), *further):
        yield Label(x, y, text, Box(x, y - HEIGHT / 2, wide, HEIGHT))


def _is_free(box: Box, frame: Box, taken: Iterable[Box]) -> bool:
    inside = box.left >= frame.left and box.top >= frame.top
    inside = inside and box.left + box.width <= frame.left + frame.width and box.top + box.height <= frame.top + frame.height
    return inside and not any(box.overlaps(other) for other in taken)
