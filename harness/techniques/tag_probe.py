"""A linear probe on the frozen features of words: each word's tag by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.data import place_words, stratify
from harness.techniques.inner_split import SMALL, inner_folds, thin
from harness.techniques.inputs import Inputs
from harness.techniques.linear_probe import MOST_ROWS, Fold, LinearProbe, ProbeHead
from harness.techniques.technique import Recipe

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# Words of a sentence, about: where rows are few enough for several folds, so are sentences.
_WORDS = 10


@dataclass(frozen=True, slots=True)
class TagHead:
    """A fitted probe of words; a word that the model did not read, whose features are all 0, stands outside of all entities."""

    probe: ProbeHead

    @property
    def recipe(self) -> Recipe:
        """Return what was chosen inside the training rows."""
        return self.probe.recipe

    def predict(self, inputs: Inputs, rows: Ints) -> Floats:
        """Return probabilities `(words, tags)` of the words of the given sentences, one sentence after the other."""
        words = inputs.places(rows)
        shares = self.probe.predict(inputs, words)
        shares[~are_read(inputs, words)] = np.eye(1, shares.shape[1], dtype=np.float32)
        return shares


class TagProbe:
    """The probe of classes, fitted to words and their tags; words that the model did not read are left out.

    The regularisation is chosen by words of sentences that were not learned from: those of one sentence are alike. Of more words
    than the solver takes it learns from as many whole sentences, drawn by their rarest entity.
    """

    def fit(self, inputs: Inputs, rows: Ints, labels: NDArray[Any], classes: int) -> TagHead:
        """Tune and fit on the words of the given sentences; `classes` is the number of tags."""
        total = sum(map(len, labels))
        kept = thin(stratify(labels), max(1, MOST_ROWS * len(rows) // max(1, total)))
        rows, labels = rows[kept], labels[kept]
        words, tags = inputs.places(rows), np.concatenate(labels)
        read = are_read(inputs, words)
        number = np.cumsum(read) - 1
        sizes = [len(one) for one in labels]

        def among_read(sentences: Ints) -> Ints:
            places = place_words(sizes, sentences)
            return number[places[read[places]]]

        folds = [(among_read(learn), among_read(check)) for learn, check in inner_folds(stratify(labels))]
        folds = folds if total <= SMALL * _WORDS else folds[:1]
        return TagHead(LinearProbe().fit(inputs, words[read], tags[read], classes, folds=_sound(folds, tags[read])))


def _sound(folds: Sequence[Fold], tags: Ints) -> list[Fold]:
    """Return the folds that can tell something: every tag that is checked is learned, and there are two."""
    found = []
    for learn, check in folds:
        known = np.unique(tags[learn])
        asked = check[np.isin(tags[check], known)]
        if len(known) > 1 and len(asked):
            found.append((learn, asked))
    return found


def are_read(inputs: Inputs, words: Ints) -> NDArray[np.bool_]:
    """Tell of each word whether the model read it, `(n,)`."""
    return np.asarray(inputs.output[words].any(1), np.bool_)
