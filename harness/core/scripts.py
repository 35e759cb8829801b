"""What the scripts of the world make of a word: which signs stand alone, and which marks go on with the sign before them."""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import groupby

# Scripts that do not part words: of these each sign is a word.
SIGNS = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
# Joiners within words of Persian and of Indic scripts, and the planes that have marks.
_JOINERS = (0x200C, 0x200D)
_PLANES = (range(0x300, 0x20000), range(0xE0100, 0xE01F0))


@cache
def marks() -> str:
    r"""Return vowel signs, accents and joiners as the inside of a class of a regular expression; `\w` holds none of them.

    >>> import re
    >>> [re.match(f"[{marks()}]", sign) is not None for sign in ("\u093f", "\u0301", "\u0e34", "a", "-")]
    [True, True, True, False, False]
    """
    found = [place for plane in _PLANES for place in plane if place in _JOINERS or unicodedata.category(chr(place))[0] == "M"]
    runs = [[place for _, place in run] for _, run in groupby(enumerate(found), lambda one: one[1] - one[0])]
    return "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)


@cache
def word(letters: str) -> str:
    r"""Return an expression for a word of `letters`, the inside of a class without marks; or one sign, where each is a word.

    >>> import re
    >>> re.findall(word(rf"^\W{SIGNS}"), "in हिन्दी, 東京")
    ['in', 'हिन्दी', '東', '京']
    """
    return rf"[{SIGNS}][{marks()}]*|[{letters}]+(?:[{marks()}]+[{letters}]*)*"
