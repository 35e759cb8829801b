"""Tags that a model tells of sentences, in the form in which the sentences came."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.core.entities import entities
from harness.measure.decisions import decide

Spans = Sequence[tuple[int, int]]


def tell_sentences(
    shares: NDArray[np.float32], words: Sequence[int], spans: Sequence[Spans], names: Sequence[str]
) -> list[list[object]]:
    """Return an answer for each sentence from the probabilities of its words `(words, tags)`.

    That is a tag for each word; of a sentence that was cut from a text, whose words lie at `spans`, it is a list of entities, each
    with its `start`, `end` and `label`.
    """
    told = decide(shares, "tags", words=words)
    answers: list[list[object]] = []
    for tags, places in zip(told, spans, strict=True):
        if places:
            found = (
                (names[1 + 2 * kind][2:], places[start][0], places[end - 1][1]) for kind, start, end in entities(tags.tolist())
            )
            answers.append([{"start": start, "end": end, "label": label} for label, start, end in found])
        else:
            answers.append([names[tag] for tag in tags])
    return answers
