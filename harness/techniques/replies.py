"""A model that only writes is asked for the class of a row: it is told which there are, and its reply is matched with them."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.core.data import Choice, Input, place_name
from harness.core.scripts import marks
from harness.core.wording import BETWEEN, Wording
from harness.errors import CandidateError
from harness.models.capabilities import Generates
from harness.techniques.asking import recall
from harness.techniques.inputs import Inputs
from harness.techniques.technique import Recipe

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

BY = "replies"
_AMONG = "Answer with one of these and nothing else:"
_BY_LETTER = "Answer with the letter alone."
# An option's letter where it is no word of a sentence: behind it is the end, or a sign, but none that joins it to more.
_LETTER = r"(?P<letter>[A-Z]\d*)(?=\s*$|[^\w\s.&#+/'\u2019-]|_|\.(?![A-Z]\.)|['\u2019](?!\w)|\s+[-\u2013\u2014:=])"
_BEGINS = re.compile(rf"[\W_]*(?i:option\s+)?{_LETTER}")
_SAYS = re.compile(rf"(?i:\banswer\s*(?:is|:))[\W_]*(?i:option\s+)?{_LETTER}", re.MULTILINE)
_ANOTHER = re.compile(rf"[)\]*_\"]*\s*(?:[,/;&]|(?i:or|and)\b)\s*(?i:(?:or|and)\s+)?[\W_]*(?i:option\s+)?{_LETTER}")
# A token has two letters or more in nearly every language; some words more leave room for "The category is".
_SPARE_TOKENS, _LETTERS_A_TOKEN = 16, 2
# By how much a class that is drawn stands before the others, where a reply names none.
_HAIR = 1e-3


@dataclass(slots=True)
class Heard:
    """How many replies there were, and how many named no class, or several."""

    replies: int = 0
    unmatched: int = 0


@dataclass(frozen=True, slots=True)
class Choosing:
    """Prompts that list the classes, or a question's options.

    Before each the `opening` stands, and before a row that is an example one of its `own`.

    What rows of `home` were answered is remembered, as with likelihoods.
    """

    wording: Wording
    model: Generates
    classes: int
    recipe: Recipe
    opening: str
    heard: Heard
    own: Mapping[Input, str] = field(default_factory=dict)
    home: Inputs | None = None
    known: dict[int, Floats] = field(default_factory=dict)

    def predict(self, inputs: Inputs, rows: Ints) -> Floats:
        """Return probabilities `(len(rows), classes)`: 1 for the class that a reply names.

        Where it names none, all are alike but for a hair, by which one is ahead that the row's own text draws: a guess.

        Raises:
            CandidateError: the model answers with something else than a text for each prompt.
        """
        return (
            recall(self.known, rows, lambda new: self._shares(inputs, new)) if inputs is self.home else self._shares(inputs, rows)
        )

    def _shares(self, inputs: Inputs, rows: Ints) -> Floats:
        given: list[Input] = [inputs.raw[row] for row in rows.tolist()]
        prompts = [self.own.get(row, self.opening) + list_options(self.wording, row) + self.wording.prompt(row) for row in given]
        limit = reply_tokens({self.wording.phrases(row) for row in given})
        replies = check_replies(self.model.generate(prompts, limit, ()), len(prompts))
        shares = np.zeros((len(given), self.classes), np.float32)
        for place, (row, reply) in enumerate(zip(given, replies, strict=True)):
            phrases = self.wording.phrases(row)
            found = self._find(reply, row)
            self.heard.replies += 1
            if found is None:
                self.heard.unmatched += 1
                shares[place, : len(phrases)] = _guess(row, len(phrases))
            else:
                shares[place, found] = 1.0
        return shares

    def _find(self, reply: str, row: Input) -> int | None:
        if isinstance(row, Choice) and self.wording.ends_with == "letter":
            return match_letter(reply, row.options)
        return match(reply, self.wording.phrases(row))


def list_classes(wording: Wording) -> str:
    """Return what stands before all examples and rows: the task's instruction, and the words for each class.

    Where a letter is asked for, that stands there.
    """
    if wording.ends_with == "letter":
        return wording.opening + _BY_LETTER + BETWEEN
    return wording.opening + (_list(wording.words) if wording.words else "")


def list_options(wording: Wording, row: Input) -> str:
    """Return what stands before a question alone: its options, unless the template lists them itself."""
    phrases = () if wording.words or wording.ends_with == "letter" else wording.phrases(row)
    return _list(phrases) if phrases else ""


def _list(phrases: Sequence[Sequence[str]]) -> str:
    words = "".join(f"\n- {some[0]}" for some in phrases)
    return f"{_AMONG}{words}{BETWEEN}"


def reply_tokens(phrases: Collection[Sequence[Sequence[str]]]) -> int:
    """Return how many tokens a reply may have: enough for the longest words for a class or option, and some around them."""
    longest = max((len(words) for mine in phrases for some in mine for words in some), default=0)
    return _SPARE_TOKENS + -(-longest // _LETTERS_A_TOKEN)


def match(reply: str, words: Sequence[Sequence[str]]) -> int | None:
    """Return the class whose words a reply is, else the only one whose words it holds, first in its first line; None without one.

    Case, accents' form, punctuation and spaces do not count. Words within longer ones that are held, too, do not count either.

    >>> match("Category: CREDIT card.", [["card"], ["credit card"]]), match("card or parcel?", [["card"], ["parcel"]])
    (1, None)
    """
    bare = [place for place, some in enumerate(words) if reply.strip() in some]
    if len(bare) == 1:
        return bare[0]
    plain = [[_plain(one) for one in some] for some in words]
    whole, first = _plain(reply), _plain(next((line for line in reply.splitlines() if line.strip()), ""))
    for text in (whole, first):
        same = [place for place, some in enumerate(plain) if text and text in some]
        if len(same) == 1:
            return same[0]
    return next((held[0] for text in (first, whole) if len(held := _held(text, plain)) == 1), None)


def match_letter(reply: str, options: Sequence[str]) -> int | None:
    """Return the option whose letter a reply gives, else the one whose text it gives; None without one.

    The letter is a large one: at the beginning of the first line that has text, with the end or a sign behind it, or behind
    "answer is" or "answer:". So the article of "A dog barks." is none.

    >>> [match_letter(reply, ("dogs", "a cat")) for reply in ("B. It is a cat", "The answer is (A).", "A cat", "I don't know")]
    [1, 0, 1, None]
    """
    text = unicodedata.normalize("NFKC", reply)
    names = {place_name(place): place for place in range(len(options))}
    first = next((line for line in text.splitlines() if line.strip()), "")
    begins = _BEGINS.match(first)
    for places in ([begins] if begins else [], list(_SAYS.finditer(text))):
        said = {letter for found in places for letter in _letters(found)} & names.keys()
        if said:
            return names[said.pop()] if len(said) == 1 else None
    return match(reply, [(option,) for option in options])


def check_replies(found: object, prompts: int) -> list[str]:
    """Return replies if they are what was asked for.

    Raises:
        CandidateError: they are not a text for each prompt.
    """
    if not isinstance(found, list | tuple) or len(found) != prompts or not all(isinstance(one, str) for one in found):
        what = f"{len(found) if isinstance(found, list | tuple) else type(found).__name__} replies to {prompts} prompts"
        raise CandidateError(what, hint="return a list of texts, one for each prompt")
    return list(found)


def _letters(found: re.Match[str]) -> set[str]:
    """Return the letter that was found, and one that is named beside it ("A or B")."""
    other = _ANOTHER.match(found.string, found.end())
    return {found["letter"], *([other["letter"]] if other else [])}


def _held(text: str, plain: Sequence[Sequence[str]]) -> list[int]:
    """Return the classes whose words stand in a text as whole words, without those that stand only within others' longer ones."""
    left, found = f" {text} ", []
    every = [(one, place) for place, some in enumerate(plain) for one in some if one]
    for one, place in sorted(every, key=lambda pair: -len(pair[0])):
        if f" {one} " in left:
            left = left.replace(f" {one} ", " | ")
            found.append(place)
    return sorted(set(found))


def _plain(text: str) -> str:
    """Return words alone: letters and digits, in one case and one form."""
    return " ".join(re.findall(rf"[\w{marks()}]+", unicodedata.normalize("NFKC", text).casefold()))


def _guess(row: Input, classes: int) -> Floats:
    shares = np.ones(classes, np.float32)
    shares[zlib.crc32(str(row).encode("utf-8", "surrogatepass")) % classes] += _HAIR
    shares /= shares.sum()
    return shares
