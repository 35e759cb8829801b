"""The candidate under measurement as one that searches: what it can do, its vectors, and what it found, each checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.core.corpus import Corpus
from harness.core.data import Dataset
from harness.core.measurement import Measurement
from harness.core.relevance import DOCUMENTS
from harness.errors import CandidateError
from harness.execute import subject
from harness.execute.tallied import Tallies, keep_told, measure_told
from harness.measure.relevance import judge_lists
from harness.models.capabilities import (
    LEARNING,
    EmbedsImage,
    EmbedsPairs,
    EmbedsRoles,
    EmbedsText,
    Entails,
    Generates,
    LogLikelihood,
    Role,
    Searches,
)
from harness.store.predictions import Predictions, Told

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# How many documents a caller is shown, and so waits for; for quality more are looked at.
SHOWN = 10
_OTHERS = (EmbedsPairs, EmbedsImage, Generates, LogLikelihood, Entails, *(way.kind for way in LEARNING.values()))


def search_needs(model: object) -> set[str]:
    """Return what the model can do for queries: `search` by its vectors, or find documents by itself (`fit`).

    Raises:
        OtherRows: it can do something else alone.
        CandidateError: it can do nothing.
    """
    met = {"search"} if isinstance(model, EmbedsText) else set()
    met |= {"fit"} if isinstance(model, Searches) else set()
    if not met and isinstance(model, _OTHERS):
        raise subject.OtherRows(f"{type(model).__name__} neither embeds texts nor searches")
    if not met:
        what = f"{type(model).__name__} can neither embed texts nor search"
        raise CandidateError(what, hint="give it `embed_text(texts) -> (layers, n, d) float32`, or `index` and `search`")
    return met


def embed_role(model: object, texts: Sequence[str], role: Role) -> Floats:
    """Return checked vectors `(n, d)` of queries or of documents; a model that tells no roles apart embeds both alike.

    Raises:
        CandidateError: the model returns another shape, or values that are not finite.
    """
    if isinstance(model, EmbedsRoles):
        given = model.embed_queries(texts) if role == "query" else model.embed_documents(texts)
        found: Floats = subject.check_features(np.asarray(given)[None], len(texts))[0]
    else:
        found = subject.embed(model, texts, is_image=False)[-1]
    return found


def check_found(found: object, queries: int, documents: int) -> Ints:
    """Return positions of documents as integers if they are what was asked for.

    Raises:
        CandidateError: they are not integers of shape `(queries, …)`, name no document, or one twice for a query.
    """
    places = np.asarray(found)
    hint = "return positions (n, count) of documents, the best first, -1 where nothing was found"
    if places.ndim != 2 or len(places) != queries or not np.issubdtype(places.dtype, np.integer):
        raise CandidateError(f"what was found has shape {places.shape} and type {places.dtype} for {queries} queries", hint=hint)
    if places.size and (places.min() < -1 or places.max() >= documents):
        raise CandidateError(f"a position is outside of the {documents} documents: {places.min()} to {places.max()}", hint=hint)
    ordered = np.sort(places, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        raise CandidateError("a document is found twice for one query", hint=hint)
    return places.astype(np.int64, copy=False)


def judge_search(
    data: Dataset, find: Callable[[Sequence[int]], object], metric: str, *, confirms: bool = True
) -> tuple[Predictions, list[Measurement]]:
    """Score what is found for the choosing queries, and if it `confirms` for the test queries; `find` takes their positions."""
    corpus = data.searched
    parts = (data.split.choosing, data.split.test if confirms else ())
    found = [check_found(find(part), len(part), len(corpus.documents)) for part in parts]
    figures = [judge_lists(places, corpus.of(part)) for places, part in zip(found, parts, strict=True)]
    told = (_tell(corpus, parts[0], found[0], figures[0]), _tell(corpus, parts[1], found[1], figures[1]))
    return keep_told(data.rows, parts, told), measure_told(DOCUMENTS, (figures[0], figures[1]), metric)


def _tell(corpus: Corpus, rows: Sequence[int], found: Ints, figures: Tallies) -> Told:
    """Return the keys of the right documents and of the first that were found, as they are kept for a reader, and the figures."""
    keys = corpus.keys
    right = [[keys[place] for place in grades] for grades in corpus.of(rows)]
    return Told(right, [[keys[place] for place in places if place >= 0] for places in found[:, :SHOWN].tolist()], figures)
