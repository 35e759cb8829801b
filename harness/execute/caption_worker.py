"""What runs in a worker process where pictures and captions are to find each other: all are embedded once and compared."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.core.captions import CAPTIONS, COLUMNS, DEPTHS
from harness.core.corpus import Corpus
from harness.core.data import Dataset
from harness.core.measurement import Measurement
from harness.core.trial import Finished, Inapplicable, Trial
from harness.errors import CandidateError
from harness.execute import subject
from harness.execute.facts import measure_facts
from harness.execute.searching import check_found
from harness.execute.tallied import Tallies, keep_told, measure_told
from harness.execute.worker import Worker
from harness.measure.memory import PeakMemory
from harness.models.capabilities import EmbedsImage, EmbedsPrompts, EmbedsText, Entails, LogLikelihood
from harness.models.identity import Source
from harness.store import predictions
from harness.store.predictions import Predictions, Told
from harness.techniques.catalogue import TECHNIQUES
from harness.techniques.search import Index

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
_LARGEST = 8
_SHOWN = max(DEPTHS)


@dataclass(frozen=True, slots=True)
class _Space:
    """Vectors of all pictures and of all captions `(n, d)`, and an index of each."""

    pictures: Floats
    captions: Floats
    by_picture: Index
    by_caption: Index

    @classmethod
    def of(cls, pictures: Floats, captions: Floats, device: str) -> _Space:
        """Index copies, which are scaled where they lie."""
        return cls(pictures, captions, Index(pictures.copy(), device), Index(captions.copy(), device))


class CaptionWorker(Worker):
    """One candidate's trials on a task of pictures and captions."""

    def _memory(self) -> Measurement:
        """Measure what loading, an index of the captions, and the largest pictures one at a time add."""
        inputs, captions = self.job.data.rows.inputs, self.job.data.searched.documents
        peak = PeakMemory(self.job.device)
        model = subject.load(self.job)
        _check(model)
        self.enter("memory")
        largest = sorted(inputs, key=len, reverse=True)[:_LARGEST]
        width = subject.embed(model, largest[:1], is_image=True).shape[2]
        index = Index(np.random.default_rng(0).random((len(captions), width), np.float32), self.job.device)
        for picture in largest:
            index.search(subject.embed(model, [picture], is_image=True)[-1], _SHOWN)
        held = f"an index of {len(captions)} × {width} float32 in it; the text tower is not"
        conditions = f"peak above the process before loading, {held}, {len(largest)} pictures, {self._conditions()}"
        return Measurement(name="memory_mb", value=peak.added_mb(), unit="MB", better="lower", conditions=conditions)

    def _quality(self) -> None:
        job, inputs = self.job, self.job.data.rows.inputs
        source = Source.watch(job.candidate.card, job.folder, inputs, is_image=True)
        start = time.perf_counter()
        model = subject.load(job)
        load_s = time.perf_counter() - start
        _check(model)
        self.enter("embed")
        shared = measure_facts(model, job, {"embed"}, load_s=load_s, where=self._conditions())
        pictures = self._features(model, source)[-1]
        self.enter("embed captions")
        [captions] = subject.embed_prompts(model, [self.job.data.searched.documents], pictures.shape[1], is_image=True)
        space = _Space.of(pictures, captions, job.device)
        for trial in job.trials:
            if TECHNIQUES[trial.technique][0] == "search":
                self._try(trial, model, space, [*self.embedded, *shared])
            else:
                self.send(trial, Inapplicable(reason="captions are found by vectors, nothing is fitted"))

    def _try(self, trial: Trial, model: object, space: _Space, shared: Sequence[Measurement]) -> None:
        """Send the record of a technique."""
        self.enter(trial.technique)
        data = self.job.data
        kept, figures = judge_captions(data, space.by_picture, space.by_caption, (space.pictures, space.captions))
        measured = measure_told(CAPTIONS, figures, self.job.metric)
        predictions.write(self.job.predictions / f"{trial.key}.parquet", kept)

        def answer(encoded: Sequence[object]) -> object:
            return space.by_caption.search(subject.embed(model, encoded, is_image=True)[-1], _SHOWN)  # type: ignore[arg-type]

        speed, notes = self._measure_speed(answer) if trial.timed else ([], ())
        self.send(trial, Finished(measurements=(*measured, *speed, *shared), notes=(*self.notes, *notes)))


def _check(model: object) -> None:
    """Accept a model that embeds pictures and texts in one space.

    Raises:
        OtherRows: it reads one of the two alone.
        CandidateError: it can do nothing of the kind.
    """
    if isinstance(model, EmbedsImage) and isinstance(model, EmbedsPrompts):
        return
    if isinstance(model, EmbedsImage | EmbedsText | LogLikelihood | Entails):
        lacks = "texts" if isinstance(model, EmbedsImage) else "pictures"
        raise subject.OtherRows(f"{type(model).__name__} does not embed {lacks}, and captions are compared with pictures")
    what = f"{type(model).__name__} can embed neither pictures nor texts"
    raise CandidateError(what, hint="give it `embed_image(images)` and `embed_prompts(texts)`, in one space")


def judge_captions(
    data: Dataset, by_picture: Index, by_caption: Index, vectors: tuple[Floats, Floats]
) -> tuple[Predictions, tuple[Tallies, Tallies]]:
    """Score what pictures and captions find; `vectors` are of all pictures and of all captions, and so are the indexes.

    Each picture of a part searches all captions, and each of its captions all pictures. Returned are what is kept, and the figures
    of the choosing and of the test pictures.
    """
    corpus = data.searched
    owners: dict[int, set[int]] = defaultdict(set)
    for row, mine in enumerate(corpus.grades):
        for place in mine:
            owners[place].add(row)
    parts = (data.split.choosing, data.split.test)
    found, figures = [], []
    for part in parts:
        where = np.asarray(part, np.int64)
        texts = np.asarray(sorted({place for row in part for place in corpus.grades[row]}), np.int64)
        captions = check_found(by_caption.search(vectors[0][where], _SHOWN), len(where), len(corpus.documents))
        pictures = check_found(by_picture.search(vectors[1][texts], _SHOWN), len(texts), len(data.rows))
        place_of = dict(zip(texts.tolist(), pictures.tolist(), strict=True))
        found.append(captions)
        figures.append(_figures(captions, corpus.of(part), place_of, owners))
    told = (_tell(corpus, parts[0], found[0], figures[0]), _tell(corpus, parts[1], found[1], figures[1]))
    return keep_told(data.rows, parts, told), (figures[0], figures[1])


def _figures(
    captions: Ints, grades: Sequence[Mapping[int, float]], pictures: Mapping[int, Sequence[int]], owners: Mapping[int, set[int]]
) -> NDArray[np.float64]:
    """Return the figures of each picture, `(pictures, columns)`.

    From a picture to its captions it counts whether any of them is among the first; from its captions to it, the share of them that
    have it among the first. Source: Karpathy and Fei-Fei 2015, section 4.1.
    """
    figures = np.zeros((len(grades), len(COLUMNS)))
    for row, (places, right) in enumerate(zip(captions.tolist(), grades, strict=True)):
        for column, depth in enumerate(DEPTHS):
            figures[row, column] = any(place in right for place in places[:depth])
            hits = [not owners[text].isdisjoint(pictures[text][:depth]) for text in right]
            figures[row, len(DEPTHS) + column] = sum(hits) / len(hits)
    return figures


def _tell(corpus: Corpus, rows: Sequence[int], found: Ints, figures: NDArray[np.float64]) -> Told:
    """Return the captions of each picture and the first that were found, as they are kept for a reader, and the figures."""
    right = [[corpus.documents[place] for place in mine] for mine in corpus.of(rows)]
    return Told(right, [[corpus.documents[place] for place in places] for places in found.tolist()], figures)
