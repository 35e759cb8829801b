"""The candidate under measurement as one that writes: what it can do, what it wrote, and how good that is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.core.data import Dataset
from harness.core.measurement import Measurement
from harness.core.writing import Writing
from harness.core.written import TEXTS
from harness.errors import CandidateError
from harness.execute import subject
from harness.execute.tallied import keep_told, measure_told
from harness.measure.writing import judge_texts
from harness.models.capabilities import (
    LEARNING,
    EmbedsImage,
    EmbedsPairs,
    EmbedsText,
    Entails,
    FitsTexts,
    Generates,
    LogLikelihood,
    Searches,
)
from harness.store.predictions import Predictions, Told
from harness.techniques.writing import Author, writing_of

Floats = NDArray[np.float64]
# Of the choosing rows and of the test rows: what was written, and their positions.
Texts = tuple[Sequence[str], Sequence[str]]
Parts = tuple[Sequence[int], Sequence[int]]

_OTHERS = (EmbedsText, EmbedsPairs, EmbedsImage, LogLikelihood, Entails, Searches, *(way.kind for way in LEARNING.values()))


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a contender, before its speed; `texts` are all that it wrote, in `seconds`."""

    predictions: Predictions
    measurements: tuple[Measurement, ...]
    author: Author
    texts: tuple[str, ...]
    seconds: float


def writing_needs(model: object) -> set[str]:
    """Return what the model can do for rows that want a text: write it when it is asked (`ask`), or be fitted (`fit`).

    Raises:
        OtherRows: it can do something else alone.
        CandidateError: it can do nothing.
    """
    met = {"ask"} if isinstance(model, Generates) else set()
    met |= {"fit"} if isinstance(model, FitsTexts) else set()
    if not met and isinstance(model, _OTHERS):
        raise subject.OtherRows(f"{type(model).__name__} neither writes texts nor can be fitted to them")
    if not met:
        what = f"{type(model).__name__} can neither write texts nor be fitted to them"
        raise CandidateError(what, hint="give it `generate(prompts, limit, stop) -> list[str]`, or `fit_texts` and `write_texts`")
    return met


def judge_writing(data: Dataset, writing: Writing, fit: Callable[[Sequence[int]], Author], *, learns: bool, metric: str) -> Written:
    """Score what is written for each choosing row by who did not see it, then for the test rows by who saw all others.

    `fit` learns from rows by their positions. Who learns nothing writes for all at once.
    """
    parts = (data.split.choosing, data.split.test)
    chosen: dict[int, str] = {}
    folds = [(data.split.training(number), fold) for number, fold in enumerate(data.split.folds)]
    seconds = 0.0
    for training, fold in folds if learns else [(data.split.rest, parts[0])]:
        author = fit(training)
        start = time.perf_counter()
        chosen.update(zip(fold, author.write(fold), strict=True))
        seconds += time.perf_counter() - start
    author = fit(data.split.rest)
    start = time.perf_counter()
    texts = [[chosen[row] for row in parts[0]], author.write(parts[1])]
    seconds += time.perf_counter() - start
    figures = measure_texts(writing, (texts[0], texts[1]), parts, metric=metric)
    kept = keep_texts(data, (texts[0], texts[1]), figures.rows, parts)
    return Written(kept, figures.measurements, author, (*texts[0], *texts[1]), seconds)


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of each of the choosing rows and of the test rows, `(rows, columns)`, and what comes of them in all."""

    rows: tuple[Floats, Floats]
    measurements: tuple[Measurement, ...]


def measure_texts(writing: Writing, texts: Texts, parts: Parts, *, metric: str) -> Figures:
    """Judge what was written for the choosing rows and for the test rows, which may be none."""
    rows = [judge_texts(some, writing.of(part), writing.pattern) for some, part in zip(texts, parts, strict=True)]
    return Figures((rows[0], rows[1]), tuple(measure_told(TEXTS, (rows[0], rows[1]), metric)))


def keep_texts(data: Dataset, texts: Texts, figures: tuple[Floats, Floats], parts: Parts) -> Predictions:
    """Return what was written beside all references, for a reader, and the figures of each row."""
    writing = writing_of(data)
    told = [Told([list(one) for one in writing.of(parts[i])], list(texts[i]), figures[i]) for i in (0, 1)]
    return keep_told(data.rows, parts, (told[0], told[1]))
