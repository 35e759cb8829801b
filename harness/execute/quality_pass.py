"""The quality pass of one contender: validation and test answers, scores, and the speed of the fitted contender."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.data import Dataset, Rows, count_answers, stratify
from harness.core.measurement import PART_F1, Measurement
from harness.core.metric import ratio
from harness.core.metric_facts import is_own
from harness.core.resample import resamples
from harness.core.trust import Trust
from harness.execute import subject
from harness.measure import latency, quality
from harness.measure.decisions import choose_threshold, cross_decide, decide
from harness.store import predictions
from harness.store.predictions import Predictions
from harness.techniques.answers import choose_classes
from harness.techniques.inner_split import thin
from harness.techniques.inputs import Inputs
from harness.techniques.technique import Head, Recipe, Technique

# Training rows that a model is asked about, for each fold, which learns from none or few.
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


@dataclass(frozen=True, slots=True)
class Said:
    """What is told of validation and test rows, as `Rows.truth` says what is right, and the threshold of labels."""

    validation: NDArray[Any]
    test: NDArray[Any]
    threshold: float | None = None

    @property
    def settings(self) -> dict[str, float]:
        """Return what a recipe must say to tell the same of new rows."""
        return {} if self.threshold is None else {"threshold": self.threshold}


def tell(data: Dataset, validation: Floats, test: Floats) -> Said:
    """Return what outputs `(n, outputs)` tell of the choosing and the test rows; a threshold is chosen on the former."""
    target = data.rows.target
    if target != "labels":
        # Of test rows all are asked or none.
        words = data.rows.words(data.split.choosing), data.rows.words(data.split.test if len(test) else ())
        return Said(decide(validation, target, words=words[0]), decide(test, target, words=words[1]))
    truth = data.rows.truth()[np.asarray(data.split.choosing)]
    threshold = choose_threshold(validation, truth)
    return Said(cross_decide(validation, truth), decide(test, target, threshold), threshold)


def judge(technique: Technique, inputs: Inputs, data: Dataset, *, metric_name: str, seed: int, trust: Trust) -> Judged:
    """Predict each validation row by a head that did not see it, and the test rows by a head that saw all the others.

    The test rows are predicted after everything was chosen, and no score of theirs is looked at here or by the ranker's choice.
    """
    metric = quality.load_metric(metric_name, trust, data.rows.target)
    truth, outputs, rest = data.rows.truth(), data.rows.outputs, np.asarray(data.split.rest)
    test = np.asarray(data.split.test, np.int64)
    validation, learned = _validate(technique, inputs, data)
    head = technique.fit(inputs, rest, truth[rest], outputs)
    confirmed = subject.check_shares(head.predict(inputs, test), len(data.rows.places(test)), outputs)
    told = tell(data, validation, confirmed)
    threshold = told.threshold
    train_scores = [
        quality.compute(metric, truth[rows], one if threshold is None else decide(one, "labels", threshold))
        for rows, one in learned
    ]
    kept = keep(data, (validation, confirmed), told, metric_name=metric_name, metric=metric, seed=seed)
    train_score, looked = float(np.mean(train_scores)), len({row for rows, _ in learned for row in rows.tolist()})
    measurements = (
        *score(data, told.validation, metric_name=metric_name, metric=metric),
        Measurement(name="train_score", value=train_score, better=quality.better(metric_name), n=looked),
        *confirm(data, told.test, metric_name=metric_name, metric=metric),
        *measure_types(data, told.validation),
    )
    return Judged(kept, measurements, {**head.recipe, **told.settings}, head)


def measure_types(data: Dataset, told: NDArray[Any]) -> list[Measurement]:
    """Return how well entities of each type are found among the choosing rows; nothing where rows are no sentences."""
    if data.rows.target != "tags":
        return []
    right, types = data.rows.truth()[np.asarray(data.split.choosing)], data.rows.classes
    hits, claimed, true = quality.tally("tags", right, told, len(types)).sum(0).reshape(3, -1)[:, : len(types)]
    found = zip(types, ratio(2 * hits, claimed + true).tolist(), true.astype(int).tolist(), strict=True)
    return [Measurement(name=f"{PART_F1}{name}", value=value, better="higher", n=count) for name, value, count in found]


def score(data: Dataset, told: NDArray[Any], *, metric_name: str, metric: object) -> list[Measurement]:
    """Return the score of what is told of the choosing rows, and all of bench's own metrics beside it."""
    right = data.rows.truth()[np.asarray(data.split.choosing)]
    value = quality.compute(metric, right, told)
    companions = quality.companions(right, told, len(data.rows.classes), data.rows.target)
    return [Measurement(name="score", value=value, better=quality.better(metric_name), n=len(right)), *companions]


def confirm(data: Dataset, told: NDArray[Any], *, metric_name: str, metric: object) -> list[Measurement]:
    """Return the score of what is told of the test rows, nothing where they were not asked."""
    if not len(told):
        return []
    value = quality.compute(metric, data.rows.truth()[np.asarray(data.split.test, np.int64)], told)
    return [Measurement(name="test_score", value=value, better=quality.better(metric_name), n=len(told))]


def _validate(technique: Technique, inputs: Inputs, data: Dataset) -> tuple[Floats, list[tuple[Ints, NDArray[Any]]]]:
    """Return outputs for the choosing rows in ascending order, and of each fold rows that were learned from with their answers.

    Of labels the answers are outputs still: the threshold is chosen when all folds are done. A model that is asked learns nothing
    from most rows and takes long over each, so it is asked of a sample.
    """
    truth, outputs, target = data.rows.truth(), data.rows.outputs, data.rows.target
    found = np.zeros((count_answers(data.rows.inputs), outputs), np.float32)
    learned: list[tuple[Ints, NDArray[Any]]] = []
    for number, fold in enumerate(data.split.folds):
        training, asked = np.asarray(data.split.training(number)), np.asarray(fold)
        head = technique.fit(inputs, training, truth[training], outputs)
        here = data.rows.places(asked)
        found[here] = subject.check_shares(head.predict(inputs, asked), len(here), outputs)
        if inputs.wording is not None or inputs.hypotheses:
            training = training[thin(stratify(truth[training]), _ASKED_ROWS)]
        if target == "class":
            learned.append((training, choose_classes(head, inputs, training, outputs)))
        else:
            again = head.predict(inputs, training)
            learned.append((training, again if target == "labels" else decide(again, target, words=data.rows.words(training))))
    return found[data.rows.places(data.split.choosing)], learned


def keep(data: Dataset, outputs: tuple[Floats, Floats], told: Said, *, metric_name: str, metric: object, seed: int) -> Predictions:
    """Return answers with their rows, and for an external metric with that of every resample; there may be none of test rows."""
    validation, test = outputs
    rows = data.rows
    if rows.target == "tags":
        # A row has as many answers as words; what was told of each stands beside it.
        validation, test = (np.empty((len(one), 0), np.float32) for one in (told.validation, told.test))
    chosen, confirmed = rows.take(data.split.choosing), rows.take(data.split.test if len(test) else ())
    is_class = rows.target == "class"
    found = Predictions(
        validation_ids=chosen.ids,
        validation_references=chosen.truth() if is_class else np.zeros(len(chosen), np.int64),
        validation=validation,
        test_ids=confirmed.ids,
        test_references=confirmed.truth() if is_class else np.zeros(len(confirmed), np.int64),
        test=test,
        validation_groups=chosen.groups,
        test_groups=confirmed.groups,
        told=None if is_class else (_tell_rows(chosen, told.validation), _tell_rows(confirmed, told.test)),
    )
    return found if is_own(metric_name) else _with_samples(found, (chosen, confirmed), told, metric=metric, seed=seed)


def _tell_rows(rows: Rows, told: NDArray[Any]) -> predictions.Told:
    """Return answers that are no classes as they are kept: for a reader, and as tallies."""

    def words(answers: NDArray[Any]) -> list[object]:
        if rows.target == "number":
            return list(answers.astype(float).tolist())
        if rows.target == "tags":
            return [[rows.names[tag] for tag in tags] for tags in answers]
        return [[rows.classes[i] for i in np.flatnonzero(one)] for one in answers]

    truth = rows.truth()
    return predictions.Told(words(truth), words(told), quality.tally(rows.target, truth, told, len(rows.classes)))


def _with_samples(found: Predictions, rows: tuple[Rows, Rows], told: Said, *, metric: object, seed: int) -> Predictions:
    """Add an external metric of every resample, drawn as the ranker draws them."""

    def sample(part: Rows, answers: NDArray[Any]) -> NDArray[np.float64]:
        return quality.sample(metric, part.truth(), answers, resamples(len(part), part.groups, seed))

    return dataclasses.replace(found, validation_sample=sample(rows[0], told.validation), test_sample=sample(rows[1], told.test))


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
