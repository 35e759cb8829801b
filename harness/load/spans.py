"""Entities that are given as spans of a text's characters: the text is cut into words, and each word gets its tag."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from harness.core.entities import OUTSIDE
from harness.core.scripts import SIGNS, marks, word

_STARTS, _ENDS, _KINDS = ("start", "start_offset"), ("end", "end_offset"), ("label", "type", "tag", "entity")
FORM = 'write {"start": 0, "end": 5, "label": "person"} or [0, 5, "person"], counted in characters from 0, the end behind the last'


class SpanError(ValueError):
    """A span that cannot be brought to words."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The words of a text, their tags in IOB2, and how many spans began or ended within a word."""

    words: list[str]
    tags: list[str]
    widened: int


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    kind: str


def find_words(text: str) -> list[tuple[int, int]]:
    """Return where the words of a text lie: runs of letters and digits, and every other sign by itself, each with its marks.

    >>> find_words("Order A-1.")
    [(0, 5), (6, 7), (7, 8), (8, 9), (9, 10)]
    """
    return [found.span() for found in _word().finditer(text)]


@cache
def _word() -> re.Pattern[str]:
    return re.compile(word(rf"^\W{SIGNS}") + rf"|[^\w\s][{marks()}]*")


def cut(text: str, spans: object) -> Cut:
    """Cut a text into words and tag them; a span that begins or ends within a word is widened to all of it.

    Raises:
        SpanError: a span is of another form, lies outside of the text, holds no word, or overlaps with another.
    """
    words = find_words(text)
    starts, ends = [start for start, _ in words], [end for _, end in words]
    tags, widened, last = [OUTSIDE] * len(words), 0, -1
    for span in sorted(_read(spans, text), key=lambda one: (one.start, one.end)):
        inside = range(bisect_right(ends, span.start), bisect_left(starts, span.end))
        shown = f'"{text[span.start : span.end][:40]}" ({span.start} to {span.end}, {span.kind})'
        if not inside:
            msg = f"the span {shown} holds no word"
            raise SpanError(msg)
        if inside[0] <= last:
            msg = f"the span {shown} overlaps with the one before it, or shares a word with it"
            raise SpanError(msg)
        widened += words[inside[0]][0] < span.start or words[inside[-1]][1] > span.end
        for place in inside:
            tags[place] = f"{'B' if place == inside[0] else 'I'}-{span.kind}"
        last = inside[-1]
    return Cut([text[start:end] for start, end in words], tags, widened)


def _read(spans: object, text: str) -> Iterator[_Span]:
    if not isinstance(spans, Sequence) or isinstance(spans, str):
        msg = "the spans are no list"
        raise SpanError(msg)
    for one in spans:
        start, end, kind = _parts(one)
        if not isinstance(start, int) or not isinstance(end, int) or not isinstance(kind, str) or not kind.strip():
            msg = f"a span is {str(one)[:60]}, which names no start, end and label"
            raise SpanError(msg)
        if not 0 <= start < end <= len(text):
            msg = f"a span goes from {start} to {end}, and the text has {len(text)} characters"
            raise SpanError(msg)
        yield _Span(start, end, kind.strip())


def _parts(span: object) -> tuple[object, object, object]:
    if isinstance(span, Mapping):
        start, end, kind = (next((span[name] for name in names if name in span), None) for names in (_STARTS, _ENDS, _KINDS))
        return start, end, kind
    if isinstance(span, Sequence) and not isinstance(span, str) and len(span) == 3:
        return span[0], span[1], span[2]
    return None, None, None
