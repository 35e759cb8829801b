"""One contender: a candidate under one technique and recipe, trained on a task's rows and asked for those that it did not see."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.data import Input, count_answers
from harness.core.measurement import Better, Measurement
from harness.core.trial import Epoch
from harness.measure import quality
from harness.models.adapter_folder import merge
from harness.training.asked import Training
from harness.training.fold import Fitted, Fold, mean_curve
from harness.training.session import save_model

__all__ = ["Trained", "Training", "train"]

Floats = NDArray[np.float32]
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of it: probabilities or values of choosing rows and of test rows or none, `(n, outputs)`, and what it cost.

    `recipe` is what was really used. `answer` gives the probabilities of new rows by the model of the last fold, `save` writes it;
    `merge` folds its adapter into its weights, if it has one, after which it is only asked.
    """

    validation: Floats
    test: Floats
    measurements: tuple[Measurement, ...]
    recipe: dict[str, str | int | float]
    curve: tuple[Epoch, ...]
    notes: tuple[str, ...]
    answer: Callable[[Sequence[Input]], Floats]
    save: Callable[[Path], None]
    merge: Callable[[], bool]


def train(ask: Training) -> Trained:
    """Train one model a fold, each from where an earlier call left it, and predict the rows that each did not see.

    The test rows' probabilities are the mean over the folds' models. On the CPU the result is the same to the last bit, in however
    many calls the way was gone.

    Raises:
        CandidateError: training diverged, or a single row does not fit in memory.
        DoesNotApply: the technique has no place in this model.
    """
    data, fitted = ask.data, []
    fold = Fold(ask, 0)
    fitted.append(fold.run())
    for number in range(1, len(data.split.folds)):
        del fold
        gc.collect()
        fold = Fold(ask, number)
        fitted.append(fold.run())
    shares = np.zeros((count_answers(data.rows.inputs), data.rows.outputs), np.float32)
    for one in fitted:
        shares[data.rows.places(one.asked)] = one.validation
    session = fold.session
    return Trained(
        validation=shares[data.rows.places(data.split.choosing)],
        test=np.mean([one.test for one in fitted], axis=0, dtype=np.float32),
        measurements=tuple(costs(ask, fitted)),
        recipe=used(ask, fitted),
        curve=mean_curve([one.curve for one in fitted]),
        notes=notes(fitted),
        answer=session.predict,
        save=lambda folder: save_model(session, folder, data.rows.names),
        merge=lambda: merge(session.trainable),
    )


def costs(ask: Training, fitted: Sequence[Fitted]) -> list[Measurement]:
    """Return what training took; times and rows are added up over folds, the rest is the same for each."""
    seconds, rows = sum(one.progress.seconds for one in fitted), sum(one.progress.rows for one in fitted)
    cells, tokens = sum(one.progress.cells for one in fitted), sum(one.progress.tokens for one in fitted)
    last, folds = fitted[-1], f"{len(fitted)} models, one a fold" if len(fitted) > 1 else "one model"
    memory = max(one.progress.memory_mb for one in fitted)
    train_score = float(np.mean([one.train_score for one in fitted]))

    def cost(name: str, value: float, unit: str = "", conditions: str = "") -> Measurement:
        better: Better = "lower"
        return Measurement(name=name, value=value, unit=unit, better=better, conditions=conditions)

    return [
        Measurement(name="train_score", value=train_score, better=quality.better(ask.metric), n=last.train_rows),
        cost("validation_loss", float(np.mean([one.curve[-1].validation_loss for one in fitted])), conditions="mean over models"),
        cost("training_s_per_1000_rows", 1000 * seconds / max(1, rows), "s", f"steps only, {ask.device}"),
        cost("training_s", seconds, "s", f"{folds}, steps only, {ask.device}"),
        cost("training_memory_mb", memory, "MB", f"peak above the process before loading, {last.progress.micro} rows at once"),
        cost("trainable_parameters", last.trained_parameters),
        cost("trainable_share", last.trained_parameters / last.parameters),
        cost("stored_mb", last.stored_bytes / _MIB, "MB", "what must be kept for this task"),
        cost("padding_share", 1 - tokens / max(1, cells)),
    ]


def used(ask: Training, fitted: Sequence[Fitted]) -> dict[str, str | int | float]:
    """Return the recipe with what was found on the way."""
    last = fitted[-1]
    micro = min(one.progress.micro for one in fitted)
    batch = max(one.batch for one in fitted)
    found: dict[str, str | int | float] = {
        **last.recipe,
        "batch_size": batch,
        "rows_at_once": micro,
        "accumulation": -(-batch // micro),
        "epochs": ask.fidelity.of,
        "epochs_reached": round(float(np.mean([one.epoch for one in fitted])), 4),
    }
    for one in fitted:
        found |= one.settings
    stopped = [one.progress.stopped_at for one in fitted]
    if any(stopped):
        found["stopped_at"] = stopped[0] if len(stopped) == 1 else ", ".join(str(one or "-") for one in stopped)
    return found


def notes(fitted: Sequence[Fitted]) -> tuple[str, ...]:
    """Return what a reader of the figures must know."""
    stopped = [one for one in fitted if one.progress.stopped_at]
    if not stopped:
        return ()
    return (
        f"training stopped before its end in {len(stopped)} of {len(fitted)} models: the validation loss rose 3 times in a row",
    )
