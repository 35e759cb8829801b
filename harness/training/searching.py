"""One contender that is trained to search: a model a fold, each of which is asked the queries that it did not see."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray

from harness.core.corpus import DEPTH
from harness.core.data import Dataset, Input
from harness.core.measurement import Measurement
from harness.core.relevance import DOCUMENTS
from harness.core.tally import score
from harness.core.trial import Epoch
from harness.errors import CandidateError
from harness.measure.relevance import judge_lists
from harness.models.adapter_folder import merge
from harness.techniques.pairs import lesson_of
from harness.techniques.search import Index
from harness.techniques.tuning import Lesson
from harness.training.asked import Training
from harness.training.contender import costs, notes, used
from harness.training.contrast import contrast, find_others
from harness.training.fold import Fitted, Fold, mean_curve

if TYPE_CHECKING:
    from harness.models.capabilities import Role
    from harness.models.transformers_searcher import TextSearcher

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# What a point of the curve looks at: to embed a whole corpus after each epoch would take longer than the epoch.
_QUERIES_OF_CURVE, _DOCUMENTS_OF_CURVE = 100, 300
_QUERIES_FOR_TRAIN_SCORE = 200


@dataclass(frozen=True, slots=True)
class TrainedSearcher:
    """What came of it, and what it cost: the places of documents that `find` gives for queries, by the queries' positions.

    Those of a fold are asked of its model, test queries of that of the last fold, and so are texts by `answer`.
    """

    find: Callable[[Sequence[int]], Ints]
    answer: Callable[[Sequence[str], int], Ints]
    measurements: tuple[Measurement, ...]
    recipe: dict[str, str | int | float]
    curve: tuple[Epoch, ...]
    notes: tuple[str, ...]
    merge: Callable[[], bool]


def train_searcher(ask: Training) -> TrainedSearcher:
    """Train one model a fold, each from where an earlier call left it; each embeds the whole corpus once at its end.

    Raises:
        CandidateError: training diverged, a single text does not fit in memory, or the model is none that can be trained to search.
    """
    fitted, found = list[Fitted](), dict[int, Ints]()
    fold: SearchedFold | None = None
    for number, rows in enumerate(ask.data.split.folds):
        fold = None
        gc.collect()
        fold = SearchedFold(ask, number)
        fitted.append(fold.run())
        found.update(zip(rows, fold.find(rows), strict=True))
    if fold is None:
        raise CandidateError("there are no queries to choose by", hint="give more queries")
    test = ask.data.split.test if ask.needs_test else ()
    found.update(zip(test, fold.find(test), strict=True))
    return TrainedSearcher(
        find=lambda rows: np.stack([found[row] for row in rows]) if rows else np.empty((0, 0), np.int64),
        answer=fold.answer,
        measurements=tuple(costs(ask, fitted)),
        recipe=used(ask, fitted),
        curve=mean_curve([one.curve for one in fitted]),
        notes=notes(fitted),
        merge=partial(merge, fold.session.trainable),
    )


class SearchedFold(Fold):
    """One model that learns to search, its queries, and its way to the end."""

    def run(self) -> Fitted:
        """Train, keep what was learned, embed the corpus, and search for some of the queries that were learned from."""
        self._learn()
        self._ask.tell("embedding the documents anew")
        self._index = Index(self._embed(self._ask.data.searched.documents, "document"), self._ask.device)
        seen = _some(self._training, _QUERIES_FOR_TRAIN_SCORE)
        figures = judge_lists(self.find(seen.tolist()), self._ask.data.searched.of(seen.tolist()))
        return self._result(np.empty((0, 1), np.float32), score(DOCUMENTS[self._ask.metric], figures), len(seen))

    def find(self, rows: Sequence[int]) -> Ints:
        """Return the places of the nearest documents of queries, `(queries, 100)`."""
        return self.answer([str(self._ask.data.rows.inputs[row]) for row in rows], DEPTH)

    def answer(self, texts: Sequence[str], count: int) -> Ints:
        """Return the places of the nearest `count` documents of texts."""
        if not texts:
            return np.empty((0, count), np.int64)
        return self._index.search(self._embed(texts, "query"), count)

    def _embed(self, texts: Sequence[str], role: Role) -> Floats:
        found = cast("TextSearcher", self.session.trainable).embed(texts, role)
        if not np.isfinite(found).all():
            raise CandidateError("training diverged: vectors are not finite", hint="use a lower learning rate, or more warm-up")
        return found

    def _lesson(self) -> Lesson:
        return lesson_of(self._ask.data, self._training.tolist())

    def _inputs(self, rows: Ints) -> list[Input]:
        return [self._ask.data.rows.inputs[i] for i in rows]

    def _validation(self) -> Floats:
        """Return nothing: queries have no numbers of their own."""
        return np.empty((0, 1), np.float32)

    def _point(self) -> dict[str, float]:
        """Return a point of the curve: the loss in batches as large as those of training, and the score among some documents."""
        corpus = self._ask.data.searched
        asked = _some(self._asked, _QUERIES_OF_CURVE).tolist()
        shown = _documents_of_curve(self._ask.data, asked)
        place_of = {place: i for i, place in enumerate(shown)}
        queries = self._embed([str(self._ask.data.rows.inputs[row]) for row in asked], "query")
        documents = self._embed([corpus.documents[place] for place in shown], "document")
        grades = [{place_of[place]: grade for place, grade in corpus.grades[row].items()} for row in asked]
        first = [max(mine, key=lambda place, mine=mine: mine[place]) for mine in grades]  # type: ignore[misc]
        losses = []
        for start in range(0, len(asked), self.session.batch):
            part = slice(start, start + self.session.batch)
            others = find_others(first[part], [mine.keys() for mine in grades[part]])
            vectors = torch.from_numpy(queries[part]), torch.from_numpy(documents[first[part]])
            losses.append(contrast(*vectors, others))
        found = judge_lists(Index(documents, self._ask.device).search(queries, DEPTH), grades)
        return {
            "epoch": self.session.epoch,
            "train_loss": self.session.progress.loss / max(1, self.session.progress.loss_steps),
            "validation_loss": float(torch.cat(losses).mean()),
            "validation_score": score(DOCUMENTS[self._ask.metric], found),
        }


def _some(rows: Ints, most: int) -> Ints:
    """Return at most so many rows, evenly taken."""
    return rows[:: max(1, -(-len(rows) // most))]


def _documents_of_curve(data: Dataset, rows: Sequence[int]) -> list[int]:
    """Return the places of what is right for some queries, and of others, evenly taken, up to some hundreds."""
    corpus = data.searched
    right = {place for row in rows for place in corpus.grades[row]}
    room = max(0, _DOCUMENTS_OF_CURVE - len(right))
    others = [place for place in range(len(corpus.documents)) if place not in right]
    step = max(1, -(-len(others) // room)) if room else len(others) + 1
    return sorted({*right, *(others[::step] if room else ())})
