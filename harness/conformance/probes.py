"""Rows to try a candidate with: only such as bench can hand to it, read from a file that an author might have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image

from harness.core.card import Modality
from harness.core.data import Choice, Input, Pair, Sentence

LONG_TEXT = 100_000
LARGE_PICTURE = (4000, 3000)
_COLORS = ((200, 40, 40), (40, 180, 60), (50, 60, 210))
_TOPICS = ("my parcel is late", "give my money back", "I cannot log in")
_ENDINGS = (
    "today",
    "please help",
    "again",
    "since Monday",
    "why",
    "and I am angry",
    "thank you",
    "it is urgent",
    "as before",
    "now",
)
_MIXED = (
    "Where is my parcel?",
    "I want my money back",
    "Hello",
    "The card was stolen yesterday, and nobody at the counter could tell me what to do about it or whom to ask.",
    "ok",
    "Straße, café, naïve, 東京, Москва",
    "3.14159 and 1,000,000 and 50 %",
    " ".join(f"Sentence number {number} of a long message." for number in range(5)),
    "LOUD!!! words??? 🙂",
    "a\tb\nc",
)
# A file can hold each of these. What it cannot hold whole, half a surrogate pair, is mended when rows are read.
_STRANGE = (
    "🙂👩‍👩‍👧‍👦🇨🇭",
    "שלום עולם، مرحبا بالعالم",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞",
    "a\x00b",
    "\ufeffmark first",
    "\u202eright to left\u202c",
    "ﬁ ½ Ａ ⅷ",
    "𝕬 𠀀 \U0010ffff",
    "line\u2028separator\x85next",
)
# The loader leaves out rows that are blank. These are not blank to it, and yet hold nothing to read.
_HOLLOW = ("\u200b", "…", "\x00", "\u00ad\u2060")


@dataclass(frozen=True, slots=True)
class Lesson:
    """Rows to learn from."""

    rows: tuple[Input, ...]
    labels: tuple[int, ...]
    classes: int


@dataclass(frozen=True, slots=True)
class Probes:
    """Rows of one kind of input; pictures are encoded, as in a file. Those that the kind does not have are empty."""

    modality: Modality
    mixed: tuple[Input, ...]
    hollow: tuple[Input, ...]
    huge: tuple[Input, ...]
    strange: tuple[Input, ...]
    lesson: Lesson
    other: Lesson
    is_pair: bool = False
    is_sentence: bool = False

    @property
    def is_image(self) -> bool:
        """Tell whether the rows are pictures."""
        return self.modality == "image"


@cache
def make_probes(modality: Modality) -> Probes:
    """Return the rows for texts or for pictures, the same ones every time."""
    return _pictures() if modality == "image" else _texts()


def _texts() -> Probes:
    rows = tuple(f"{topic} {ending}" for ending in _ENDINGS for topic in _TOPICS)
    labels = tuple(range(3)) * len(_ENDINGS)
    # Another lesson teaches the opposite: two classes, of the same rows.
    other = Lesson(rows, tuple(1 - min(label, 1) for label in labels), 2)
    huge = (("word " * LONG_TEXT)[:LONG_TEXT], "x" * (LONG_TEXT // 10))
    return Probes("text", _MIXED, _HOLLOW, huge, _STRANGE, Lesson(rows, labels, 3), other)


@cache
def make_pairs() -> Probes:
    """Return rows of two texts each, made of those that stand alone; nobody learns from them."""
    alone = _texts()

    def pair(rows: Sequence[Input]) -> tuple[Input, ...]:
        return tuple(Pair(str(one), str(other)) for one, other in zip(rows, reversed(rows), strict=True))

    mixed, hollow, huge, strange = (pair(rows) for rows in (alone.mixed, alone.hollow, alone.huge, alone.strange))
    return replace(alone, mixed=mixed, hollow=hollow, huge=huge, strange=strange, is_pair=True)


@cache
def make_sentences() -> Probes:
    """Return the texts as sentences of words; in a lesson the label is that of the first word."""
    alone = _texts()

    def cut(rows: Sequence[Input]) -> tuple[Input, ...]:
        return tuple(Sentence(str(one).split() or ("",)) for one in rows)

    mixed, hollow, huge, strange = (cut(rows) for rows in (alone.mixed, alone.hollow, alone.huge, alone.strange))
    lesson, other = (replace(one, rows=cut(one.rows)) for one in (alone.lesson, alone.other))
    return Probes("text", mixed, hollow, huge, strange, lesson, other, is_sentence=True)


@cache
def make_choices() -> Probes:
    """Return questions with options, made of texts that stand alone; questions without content, and such as are huge, too."""
    alone = _texts()

    def choose(rows: Sequence[Input]) -> tuple[Input, ...]:
        return tuple(Choice(str(row), (str(row)[::-1], _TOPICS[0], str(row))) for row in rows)

    mixed, hollow, huge, strange = (choose(rows) for rows in (alone.mixed, alone.hollow, alone.huge, alone.strange))
    questions = tuple(Choice(str(row), _TOPICS) for row in alone.lesson.rows)
    # Another lesson teaches another place.
    other = Lesson(questions, tuple((label + 1) % 3 for label in alone.lesson.labels), 3)
    lesson = replace(alone.lesson, rows=questions)
    return replace(alone, mixed=mixed, hollow=hollow, huge=huge, strange=strange, lesson=lesson, other=other)


def _pictures() -> Probes:
    drawn = np.random.default_rng(0)
    mixed = (
        _encode(_noise(drawn, 64, 48)),
        _encode(_noise(drawn, 48, 96), "JPEG"),
        _encode(_noise(drawn, 224, 224)),
        _encode(_noise(drawn, 33, 77).convert("L")),
        _encode(_noise(drawn, 40, 40).convert("P")),
        _encode(_noise(drawn, 50, 30).convert("RGBA")),
        _encode(_noise(drawn, 8, 8).convert("1")),
    )
    rows = tuple(_encode(_tint(drawn, color)) for _ in range(8) for color in _COLORS)
    labels = tuple(range(3)) * 8
    huge = (_encode(Image.linear_gradient("L").resize(LARGE_PICTURE).convert("RGB"), "JPEG"), _encode(_noise(drawn, 1, 1)))
    other = Lesson(rows, tuple(1 - min(label, 1) for label in labels), 2)
    return Probes("image", mixed, (), huge, (), Lesson(rows, labels, 3), other)


def _noise(drawn: np.random.Generator, width: int, height: int) -> Image.Image:
    """Draw a picture with shapes of several sizes in it: a few random points, smoothly joined."""
    points = drawn.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(points).resize((width, height), Image.Resampling.BICUBIC)


def _tint(drawn: np.random.Generator, color: tuple[int, int, int]) -> Image.Image:
    pixels = np.asarray(color) + drawn.integers(-40, 41, (32, 32, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _encode(picture: Image.Image, form: str = "PNG") -> bytes:
    out = BytesIO()
    picture.save(out, format=form)
    return out.getvalue()
