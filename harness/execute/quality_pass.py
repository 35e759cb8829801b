"""The quality pass of one contender: validation and test answers, scores, and the speed of the fitted contender."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.core.data import Dataset
from harness.core.measurement import Measurement
from harness.core.metric import METRICS
from harness.core.resample import resamples
from harness.core.trust import Trust
from harness.execute import subject
from harness.measure import latency, quality
from harness.store.predictions import Predictions
from harness.techniques.answers import choose_classes
from harness.techniques.inner_split import thin
from harness.techniques.inputs import Inputs
from harness.techniques.technique import Head, Recipe, Technique

# Training rows that a language model is asked about, for each fold.
_ASKED_ROWS = 200

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a contender, before its speed."""

    predictions: Predictions
    measurements: tuple[Measurement, ...]
    recipe: Recipe
    head: Head


def judge(technique: Technique, inputs: Inputs, data: Dataset, *, metric_name: str, seed: int, trust: Trust) -> Judged:
    """Predict each validation row by a head that did not see it, and the test rows by a head that saw all the others.

    The test rows are predicted after everything was chosen, and no score of theirs is looked at here or by the ranker's choice.
    """
    metric = quality.load_metric(metric_name, trust)
    labels, classes = np.asarray(data.rows.labels), len(data.rows.classes)
    choosing, test = np.asarray(data.split.choosing), np.asarray(data.split.test, np.int64)
    validation, train_scores, looked = _validate(technique, inputs, data, metric)
    rest = np.asarray(data.split.rest)
    head = technique.fit(inputs, rest, labels[rest], classes)
    confirmed = subject.check_shares(head.predict(inputs, test), len(test), classes)
    predictions = keep(data, validation, confirmed, metric_name=metric_name, metric=metric, seed=seed)
    told = validation.argmax(1)
    better = quality.better(metric_name)
    measurements = [
        Measurement(name="score", value=quality.compute(metric, labels[choosing], told), better=better, n=len(choosing)),
        Measurement(name="train_score", value=float(np.mean(train_scores)), better=better, n=looked),
        Measurement(
            name="test_score", value=quality.compute(metric, labels[test], confirmed.argmax(1)), better=better, n=len(test)
        ),
        *quality.companions(labels[choosing], told, classes),
    ]
    return Judged(predictions, tuple(measurements), head.recipe, head)


def _validate(technique: Technique, inputs: Inputs, data: Dataset, metric: object) -> tuple[Floats, list[float], int]:
    """Return probabilities for the choosing rows in ascending order, and the scores of folds on rows that they learn from.

    A language model learns nothing from most of these and takes long over each, so it is asked of a sample. Last is their number.
    """
    labels, classes = np.asarray(data.rows.labels), len(data.rows.classes)
    shares = np.zeros((len(labels), classes), np.float32)
    train_scores, looked = [], set()
    for number, fold in enumerate(data.split.folds):
        training, asked = np.asarray(data.split.training(number)), np.asarray(fold)
        head = technique.fit(inputs, training, labels[training], classes)
        shares[asked] = subject.check_shares(head.predict(inputs, asked), len(asked), classes)
        training = training[thin(labels[training], _ASKED_ROWS)] if inputs.wording is not None else training
        looked |= set(training.tolist())
        train_scores.append(quality.compute(metric, labels[training], choose_classes(head, inputs, training, classes)))
    return shares[np.asarray(data.split.choosing)], train_scores, len(looked)


def keep(data: Dataset, validation: Floats, test: Floats, *, metric_name: str, metric: object, seed: int) -> Predictions:
    """Return answers with their rows, and for an external metric with that of every resample; `test` may be of no rows."""
    chosen, confirmed = data.rows.take(data.split.choosing), data.rows.take(data.split.test if len(test) else ())
    found = Predictions(
        validation_ids=chosen.ids,
        validation_references=np.asarray(chosen.labels, np.int64),
        validation=validation,
        test_ids=confirmed.ids,
        test_references=np.asarray(confirmed.labels, np.int64),
        test=test,
        validation_groups=chosen.groups,
        test_groups=confirmed.groups,
    )
    return found if metric_name in METRICS else _with_samples(found, metric, seed)


def _with_samples(found: Predictions, metric: object, seed: int) -> Predictions:
    """Add an external metric of every resample, drawn as the ranker draws them."""

    def sample(references: Ints, shares: Floats, groups: Sequence[str]) -> NDArray[np.float64]:
        return quality.sample(metric, references, shares.argmax(1), resamples(len(references), groups, seed))

    return dataclasses.replace(
        found,
        validation_sample=sample(found.validation_references, found.validation, found.validation_groups),
        test_sample=sample(found.test_references, found.test, found.test_groups),
    )


def time_contender(answer: Callable[[Sequence[int]], object], rows: int, conditions: str) -> list[Measurement]:
    """Measure latency at batch size 1 over the rows, then throughput; `answer` takes positions of rows."""
    found = latency.time_calls(lambda row: answer([row]), rows)
    speed, size = latency.throughput(answer, rows)
    through = Measurement(
        name="throughput_per_s",
        value=speed,
        unit="rows/s",
        better="higher",
        conditions=conditions.replace("batch 1", f"batch {size}"),
    )
    return [*latency.as_measurements(found, conditions), through]
