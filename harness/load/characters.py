"""Cells that hold nothing, and characters that no file can hold."""

from __future__ import annotations

import re

_HALF = re.compile("[\ud800-\udfff]")


def is_missing(value: object) -> bool:
    """Tell whether a cell is empty; a float that differs from itself is how tables write a missing value."""
    return value is None or (isinstance(value, str) and not value.strip()) or (isinstance(value, float) and value != value)  # noqa: PLR0124


def mend(text: str) -> str:
    r"""Put U+FFFD in place of half a surrogate pair, which JSON can state and neither a file nor a tokenizer can hold.

    >>> mend("a\ud800b") == "a\ufffdb", mend("\ud83d\ude42")
    (True, '🙂')
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _HALF.search(text) else text
