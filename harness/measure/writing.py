"""How good texts are beside references: several figures a row, whose means are the scores. Of references the best counts."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from functools import cache

import numpy as np
from numpy.typing import NDArray

from harness.core.scripts import SIGNS, word
from harness.core.writing import find_answer
from harness.core.written import COLUMNS

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_NUMBER = re.compile(r"[-+]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?")
_AROUND = " \t\n$€£¥%"


def judge_texts(written: Sequence[str], references: Sequence[Sequence[str]], pattern: str = "") -> NDArray[np.float64]:
    """Return the figures of each row, `(rows, columns)`, each between 0 and 1.

    With a `pattern`, exact match and token F1 are of the answers that it finds; where it finds none in what is written, both are 0.
    """
    figures = np.zeros((len(written), len(COLUMNS)))
    if not written:
        return figures
    chrf = make_chrf()
    for row, (text, right) in enumerate(zip(written, references, strict=True)):
        answer, answers = (find_answer(pattern, text), _answers(pattern, right)) if pattern else (text, right)
        if answer is not None:
            figures[row, 0] = max(exact_match(answer, one) for one in answers)
            figures[row, 1] = max(token_f1(answer, one) for one in answers)
        figures[row, 2] = max(rouge_l(text, one) for one in right)
        figures[row, 3] = chrf(text, right)
    return figures


def exact_match(text: str, reference: str) -> float:
    """Return 1 where both are the same number, or read the same once normalized, else 0.

    >>> exact_match("The Eiffel tower.", "eiffel tower"), exact_match("1,000", "$1000.0"), exact_match("1.5", "15")
    (1.0, 1.0, 0.0)
    """
    same = _same_numbers(text, reference)
    if same is not None:
        return float(same)
    told, right = _alike(text, reference)
    return float(told == right)


def token_f1(text: str, reference: str) -> float:
    """Return the F1 of the words that both have in common, each as often as it occurs; of two empty texts 1.

    Two numbers are the same word or none.

    Source: Rajpurkar et al. 2016 (SQuAD), section 6.1, as their published script computes it.

    >>> token_f1("in the garden", "a garden")
    0.6666666666666666
    """
    same = _same_numbers(text, reference)
    if same is not None:
        return float(same)
    told, right = (one.split() for one in _alike(text, reference))
    if not told or not right:
        return float(told == right)
    return 2 * (Counter(told) & Counter(right)).total() / (len(told) + len(right))


def rouge_l(text: str, reference: str) -> float:
    """Return the F1 of the longest common subsequence of words in lower case, without stemming.

    Source: Lin 2004, section 3, with β = 1; of English texts as the package rouge-score computes it.

    >>> rouge_l("police kill the gunman", "police killed the gunman")
    0.75
    """
    from rapidfuzz.distance import LCSseq  # noqa: PLC0415 - only where texts are judged

    told, right = words_of(text), words_of(reference)
    return 2 * LCSseq.similarity(told, right) / (len(told) + len(right)) if told and right else 0.0


def make_chrf() -> Callable[[str, Sequence[str]], float]:
    """Return what gives the chrF of a text beside the nearest of its references: F2 of character 1- to 6-grams, without spaces.

    Source: Popović 2015, as sacrebleu computes it for one sentence.
    """
    from sacrebleu.metrics.chrf import CHRF  # noqa: PLC0415 - it takes half a second to import

    metric = CHRF()
    return lambda text, right: float(metric.sentence_score(text, list(right)).score) / 100


def normalize(text: str) -> str:
    """Return a text in lower case, without punctuation, articles and superfluous spaces.

    Source: the normalization of SQuAD's published script.

    >>> normalize(" The  U.S. economy ")
    'us economy'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _alike(text: str, reference: str) -> tuple[str, str]:
    """Return both normalized, as far as that leaves something of the reference: a lone "A" keeps its article, a "?" its sign."""
    ways = (
        normalize,
        lambda one: " ".join(one.lower().translate(_PUNCTUATION).split()),
        lambda one: " ".join(one.casefold().split()),
    )
    way = next((way for way in ways if way(reference)), ways[-1])
    return way(text), way(reference)


def words_of(text: str) -> list[str]:
    """Return runs of letters and digits in lower case; of scripts that do not part words, single signs.

    >>> words_of("It's 3.5 — naïve")
    ['it', 's', '3', '5', 'naïve']
    """
    return _word().findall(text.lower())


@cache
def _word() -> re.Pattern[str]:
    return re.compile(word(rf"^\W_{SIGNS}"))


def _answers(pattern: str, references: Sequence[str]) -> list[str]:
    """Return the answers in the references; one without any counts as it is."""
    return [one if (found := find_answer(pattern, one)) is None else found for one in references]


def _same_numbers(text: str, reference: str) -> bool | None:
    """Tell whether both are the same number, None where one of them is none."""
    told, right = _number(text), _number(reference)
    return None if told is None or right is None else told == right


def _number(text: str) -> Decimal | None:
    """Return the number that a text is, whatever currency or percent sign stands beside it, None where it is none."""
    bare = text.strip(_AROUND).rstrip(".,")
    if not bare or not _NUMBER.fullmatch(bare):
        return None
    try:
        return Decimal(bare.replace(",", ""))
    except InvalidOperation:
        return None
