"""Colors of figures, for light and for dark surroundings."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from harness.core.report import Row


@dataclass(frozen=True, slots=True)
class Palette:
    """Colors by what they are for, no two the same.

    Text on the page's background has a contrast of at least 4.5, marks of at least 3.
    """

    page: str
    text: str
    muted: str
    faint: str
    grid: str
    accent: str
    even: str
    odd: str
    out: str

    def mark(self, row: Row) -> str:
        """Return the color of a contender: the accent for the recommended, gray for the excluded, else by tie group in turn."""
        if row.recommended:
            return self.accent
        if not row.qualified:
            return self.out
        return self.odd if row.tie % 2 else self.even


LIGHT = Palette(
    page="#ffffff",
    text="#1c2024",
    muted="#5b6470",
    faint="#b4bcc6",
    grid="#e7eaee",
    accent="#c2410c",
    even="#7c6aa6",
    odd="#33658a",
    out="#8a929c",
)
DARK = Palette(
    page="#14171b",
    text="#e8eaed",
    muted="#a2abb6",
    faint="#4a525c",
    grid="#2a3038",
    accent="#fb923c",
    even="#b3a3dd",
    odd="#7fb2d9",
    out="#7a828c",
)
_DARK_OF = dict(zip(asdict(LIGHT).values(), asdict(DARK).values(), strict=True))
_PAINT = re.compile(r'\b(fill|stroke)="(#[0-9a-f]{6})"')


def recolor(svg: str) -> str:
    """Return an SVG drawn in light colors in the dark ones.

    >>> recolor('<path fill="#1c2024" stroke="#123456"/>')
    '<path fill="#e8eaed" stroke="#123456"/>'
    """
    return _PAINT.sub(lambda found: f'{found[1]}="{_DARK_OF.get(found[2], found[2])}"', svg)


def clear(svg: str) -> str:
    """Return an SVG without its background, so that the page shows through.

    >>> clear('<rect fill="#ffffff"/>')
    '<rect fill="none"/>'
    """
    return svg.replace(f'fill="{LIGHT.page}"', 'fill="none"', 1)
