"""Schemes in which words are tagged, and the way from each of them to IOB2."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.entities import OUTSIDE

# What begins an entity, goes on with it, ends it, or is all of it, and its type.
_TAG = re.compile(r"([BIESLU])-(.+)", re.DOTALL)
_ALONE, _LAST = "SU", "EL"


@dataclass(frozen=True, slots=True)
class Normal:
    """Tags in IOB2, the scheme that they were in, and how many went on with an entity that was never begun."""

    tags: list[list[str]]
    scheme: str
    mended: int


def is_tag(tag: str) -> bool:
    """Tell whether a tag is of any scheme.

    >>> is_tag("O"), is_tag("B-place"), is_tag("place")
    (True, True, False)
    """
    return tag == OUTSIDE or _TAG.fullmatch(tag) is not None


def to_iob2(sentences: Sequence[Sequence[str]]) -> Normal:
    """Recognise the scheme of tags that `is_tag` accepts, and write them in IOB2; an entity that was never begun begins.

    Where `B-` stands only to part entities of one type that touch, it is IOB1, in which nothing else begins with `B-`.

    >>> to_iob2([["I-a", "I-a", "B-a", "O"]])
    Normal(tags=[['B-a', 'I-a', 'B-a', 'O']], scheme='IOB1', mended=0)
    >>> to_iob2([["S-a", "B-a", "E-a"]]).tags
    [['B-a', 'B-a', 'I-a']]
    """
    letters = {tag[0] for tags in sentences for tag in tags if tag != OUTSIDE}
    found, mended, begun = [], 0, 0
    for tags in sentences:
        written: list[str] = []
        before = ""
        for tag in tags:
            match = _TAG.fullmatch(tag)
            letter, kind = (match[1], match[2]) if match else ("", "")
            is_first = letter in {"B", *_ALONE} or kind != before
            mended += bool(kind) and is_first and letter not in {"B", *_ALONE}
            begun += letter == "B" and kind != before
            written.append(f"{'B' if is_first else 'I'}-{kind}" if kind else OUTSIDE)
            before = "" if letter in {*_ALONE, *_LAST} else kind
        found.append(written)
    if letters & {*_ALONE, *_LAST}:
        return Normal(found, "BILOU" if letters & {"L", "U"} else "BIOES", mended)
    return Normal(found, "IOB1", 0) if mended and not begun else Normal(found, "IOB2", mended)
