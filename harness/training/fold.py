"""The model of one fold: it learns from all rows but those of the fold, and predicts these."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from harness.core.data import Input, stratify
from harness.core.trial import Epoch
from harness.measure import quality
from harness.measure.decisions import choose_threshold, cross_decide, decide
from harness.measure.memory import PeakMemory
from harness.models.adapter_folder import is_adapter
from harness.models.torch_module import count_weights
from harness.techniques.catalogue import create_tuning
from harness.techniques.inner_split import thin
from harness.techniques.tuning import Lesson
from harness.training.asked import Training
from harness.training.checkpoint import Progress
from harness.training.contrast import begin_session
from harness.training.recipes import recipes
from harness.training.session import Plan

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_ROWS_FOR_TRAIN_SCORE = 2000
# Training stops when the validation loss rose so many times in a row.
_PATIENCE = 3
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of a fold: probabilities of its rows and of the test rows, how it went, and what it cost."""

    asked: Ints
    validation: Floats
    test: Floats
    train_score: float
    train_rows: int
    curve: tuple[Epoch, ...]
    epoch: float
    progress: Progress
    recipe: Mapping[str, str | int | float]
    trained_parameters: int
    parameters: int
    stored_bytes: int
    batch: int
    settings: Mapping[str, str]


class Fold:
    """One model, its rows, and its way to the end."""

    def __init__(self, ask: Training, number: int) -> None:
        """Load and prepare the model, and continue it from its checkpoint if there is one that is not beyond the goal."""
        rows, split = ask.data.rows, ask.data.split
        self._ask, self._number = ask, number
        self._truth, self._target = rows.truth(), rows.target
        self._training, self._asked = np.asarray(split.training(number)), np.asarray(split.folds[number])
        self._metric = quality.load_metric(ask.metric, ask.trust, rows.target)
        self._peak = PeakMemory(ask.device)
        torch.manual_seed(ask.seed)
        trainable = ask.load()
        self._parameters = count_weights(trainable.module).parameters
        self._recipe = {**recipes(ask.technique, self._parameters, len(self._training), rows.target)[0], **ask.recipe}
        lesson = self._lesson()
        plan = Plan(self._recipe, ask.fidelity.of, ask.seed, ask.device, averages=ask.fidelity.share < 1)
        self.session = begin_session(trainable, create_tuning(ask.technique), lesson, plan)
        # What a probe takes at the beginning only the first of several contenders pays.
        self._peak.forget()
        self._folder = ask.checkpoint / f"fold-{number}"
        self.session.restore(self._folder, self._identity(), ask.fidelity.epochs)
        self._rows = trainable.encode(self._inputs(self._asked))
        self._known = (-1, np.empty((0, rows.outputs), np.float32))

    def _lesson(self) -> Lesson:
        """Return the rows that are learned from."""
        inputs, truth = self._inputs(self._training), self._truth[self._training]
        return Lesson(inputs, truth, self._ask.data.rows.outputs, kept=self._probe())

    def _inputs(self, rows: Ints) -> list[Input]:
        """Return rows as the model gets them."""
        return [self._ask.data.rows.inputs[i] for i in rows]

    def _learn(self) -> None:
        """Train, and keep what was learned; who is asked on the way answers with the mean of its weights."""
        ask, session = self._ask, self.session
        before = session.progress.step
        session.advance(ask.fidelity.epochs, self._at_epoch)
        # A mean of the weights is kept for the race's sake, and no part of what a training takes.
        peak = self._peak.added_mb() - (session.trained_bytes / _MIB if session.plan.averages else 0.0)
        session.progress.memory_mb = max(session.progress.memory_mb, peak)
        if session.progress.step > before:
            session.save(self._folder, self._identity())
        if session.plan.averages:
            session.settle()
            self._known = (-1, self._known[1])

    def run(self) -> Fitted:
        """Train, keep what was learned, and predict."""
        ask, session, inputs = self._ask, self.session, self._ask.data.rows.inputs
        self._learn()
        seen = self._training[thin(stratify(self._truth[self._training]), _ROWS_FOR_TRAIN_SCORE)]
        words = ask.data.rows.words(seen)
        told = decide(session.predict([inputs[i] for i in seen]), self._target, self._threshold(), words)
        test = ask.data.split.test if ask.needs_test else ()
        answers = session.predict([inputs[i] for i in test]) if test else np.empty_like(self._known[1][:0])
        return self._result(answers, quality.compute(self._metric, self._truth[seen], told), len(seen))

    def _result(self, test: Floats, train_score: float, train_rows: int) -> Fitted:
        """Return what came of it, with the answers to the test rows and the score at rows that were learned from."""
        session = self.session
        weights = count_weights(session.trainable.module)
        return Fitted(
            asked=self._asked,
            validation=self._validation(),
            test=test,
            train_score=train_score,
            train_rows=train_rows,
            curve=self._curve(),
            epoch=session.epoch,
            progress=session.progress,
            recipe=self._recipe,
            trained_parameters=session.trained_parameters,
            parameters=weights.parameters,
            stored_bytes=session.trained_bytes if is_adapter(session.trainable.module) else weights.nbytes,
            batch=session.batch,
            settings=session.settings,
        )

    def _at_epoch(self) -> bool:
        """Add a point to the curve, and say whether the validation loss rose too often in a row."""
        progress = self.session.progress
        progress.points.append(self._point())
        progress.loss, progress.loss_steps = 0.0, 0
        losses = [point["validation_loss"] for point in progress.points][-_PATIENCE - 1 :]
        point = progress.points[-1]
        place = f"fold {self._number + 1} of {len(self._ask.data.split.folds)}, " if len(self._ask.data.split.folds) > 1 else ""
        self._ask.tell(
            f"{place}epoch {point['epoch']:g} of {self._ask.fidelity.of:g}: loss {point['train_loss']:.3f} in training, "
            f"{point['validation_loss']:.3f} in validation, {self._ask.metric} {point['validation_score']:.3f}"
        )
        return len(losses) > _PATIENCE and all(a < b for a, b in itertools.pairwise(losses))

    def _point(self) -> dict[str, float]:
        outputs, truth = self._validation(), self._truth[self._asked]
        words = self._ask.data.rows.words(self._asked)
        told = cross_decide(outputs, truth) if self._target == "labels" else decide(outputs, self._target, words=words)
        return {
            "epoch": self.session.epoch,
            "train_loss": self.session.progress.loss / max(1, self.session.progress.loss_steps),
            "validation_loss": self.session.objective.of_answers(outputs, truth),
            "validation_score": quality.compute(self._metric, truth, told),
        }

    def _threshold(self) -> float:
        """Return the threshold of labels that the fold's rows ask for."""
        return choose_threshold(self._validation(), self._truth[self._asked]) if self._target == "labels" else 0.5

    def _curve(self) -> tuple[Epoch, ...]:
        """Return the points of whole epochs, and last of all one for what is asked now, if that is another model."""
        points, progress = list(self.session.progress.points), self.session.progress
        if progress.loss_steps:
            points.append(self._point())
        elif points and self.session.plan.averages:
            points[-1] = {**self._point(), "train_loss": points[-1]["train_loss"]}
        return tuple(Epoch(**point) for point in points)

    def _validation(self) -> Floats:
        """Return the probabilities of the fold's rows; the same step is not asked twice."""
        if self._known[0] != self.session.progress.step:
            self._known = (self.session.progress.step, self.session.answer(self._rows))
        return self._known[1]

    def _probe(self) -> Path | None:
        """Return where a probe on these rows is kept that several contenders begin as."""
        ask = self._ask
        if not ask.origin:
            return None
        known = json.dumps([ask.origin, ask.seed, ask.data.digest, hashlib.sha256(self._training.tobytes()).hexdigest()])
        return ask.checkpoint.parent / "probes" / f"{hashlib.sha256(known.encode()).hexdigest()[:16]}.safetensors"

    def _identity(self) -> str:
        """Say all that a checkpoint depends on, but how far it is."""
        ask = self._ask
        rows = hashlib.sha256(self._training.tobytes()).hexdigest()
        return json.dumps([ask.technique, sorted(self._recipe.items()), ask.fidelity.of, ask.seed, ask.data.digest, rows])


def mean_curve(curves: Sequence[tuple[Epoch, ...]]) -> tuple[Epoch, ...]:
    """Return the mean over folds of each point that any of them reached."""
    found = []
    for epoch in sorted({round(point.epoch, 6) for curve in curves for point in curve}):
        here = [point for curve in curves for point in curve if round(point.epoch, 6) == epoch]
        means = {
            name: float(np.mean([getattr(point, name) for point in here]))
            for name in ("train_loss", "validation_loss", "validation_score")
        }
        found.append(Epoch(epoch=epoch, **means))
    return tuple(found)
