"""One contender that is trained to write: a model a fold, each of which writes for the rows that it did not see."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from harness.core.data import Dataset, Input, Pair
from harness.core.measurement import Measurement
from harness.core.tally import score
from harness.core.trial import Epoch
from harness.core.writing import TURN
from harness.core.written import TEXTS
from harness.errors import CandidateError
from harness.measure.writing import judge_texts
from harness.models.adapter_folder import merge
from harness.models.capabilities import Converses
from harness.techniques.tuning import Lesson
from harness.techniques.writing import check_texts, writing_of
from harness.training.asked import Training
from harness.training.contender import costs, notes, used
from harness.training.fold import Fitted, Fold, mean_curve

if TYPE_CHECKING:
    from harness.models.transformers_writer import TextWriter

Ints = NDArray[np.int64]

# Rows for which a model writes while it is trained, and of those that it learned from: writing takes longer than learning.
_ROWS_OF_CURVE, _ROWS_FOR_TRAIN_SCORE = 100, 100


@dataclass(frozen=True, slots=True)
class TrainedWriter:
    """What came of it: texts of the choosing rows and of the test rows or none, and what it cost.

    `write` writes for rows by their positions, by the model of the last fold.
    """

    validation: list[str]
    test: list[str]
    measurements: tuple[Measurement, ...]
    recipe: dict[str, str | int | float]
    curve: tuple[Epoch, ...]
    notes: tuple[str, ...]
    write: Callable[[Sequence[int]], list[str]]
    merge: Callable[[], bool]


def train_writer(ask: Training) -> TrainedWriter:
    """Train one model a fold, each from where an earlier call left it; the last one writes for the test rows.

    Raises:
        CandidateError: training diverged, a single row does not fit in memory, or the model is none that learns to write.
    """
    data, fitted, texts = ask.data, list[Fitted](), dict[int, str]()
    fold: WrittenFold | None = None
    for number, rows in enumerate(data.split.folds):
        fold = None
        gc.collect()
        fold = WrittenFold(ask, number)
        fitted.append(fold.run())
        texts.update(zip(rows, fold.write(rows), strict=True))
    if fold is None:
        raise CandidateError("there are no rows to choose by", hint="give more rows")
    recipe = {**used(ask, fitted), "limit": writing_of(data).limit, **turn_of(fold.session.trainable)}
    return TrainedWriter(
        validation=[texts[row] for row in data.split.choosing],
        test=fold.write(data.split.test) if ask.needs_test else [],
        measurements=tuple(costs(ask, fitted)),
        recipe=recipe,
        curve=mean_curve([one.curve for one in fitted]),
        notes=notes(fitted),
        write=fold.write,
        merge=partial(merge, fold.session.trainable),
    )


def turn_of(trainable: object) -> dict[str, str]:
    """Return what a recipe says of a model that was taught in its template for chats; nothing of others."""
    return {"prompt": TURN} if isinstance(trainable, Converses) and trainable.is_chat else {}


class WrittenFold(Fold):
    """One model that learns to write, its rows, and its way to the end."""

    def run(self) -> Fitted:
        """Train, keep what was learned, and write for some of the rows that were learned from."""
        self._learn()
        seen = self._training[:: max(1, len(self._training) // _ROWS_FOR_TRAIN_SCORE)][:_ROWS_FOR_TRAIN_SCORE]
        return self._result(np.empty((0, 1), np.float32), self._score(seen), len(seen))

    def write(self, rows: Sequence[int]) -> list[str]:
        """Return what the model writes for rows, by their positions."""
        writing = writing_of(self._ask.data)
        writer = cast("TextWriter", self.session.trainable)
        prompts = [writing.opening + writing.prompts[row] for row in rows]
        return check_texts(writer.write(prompts, writing.limit, writing.stop), len(rows))

    def _lesson(self) -> Lesson:
        return lesson_of(self._ask.data, self._training)

    def _inputs(self, rows: Ints) -> list[Input]:
        return pairs_of(self._ask.data, rows)

    def _point(self) -> dict[str, float]:
        """Return a point of the curve; the score is that of some of the rows."""
        asked = self._asked[:: max(1, len(self._asked) // _ROWS_OF_CURVE)][:_ROWS_OF_CURVE]
        return {
            "epoch": self.session.epoch,
            "train_loss": self.session.progress.loss / max(1, self.session.progress.loss_steps),
            "validation_loss": self.session.objective.of_answers(self._validation(), self._truth[self._asked]),
            "validation_score": self._score(asked),
        }

    def _score(self, rows: Ints) -> float:
        writing, where = writing_of(self._ask.data), rows.tolist()
        return score(TEXTS[self._ask.metric], judge_texts(self.write(where), writing.of(where), writing.pattern))


def lesson_of(data: Dataset, rows: Ints) -> Lesson:
    """Return rows to learn to write from."""
    return Lesson(pairs_of(data, rows), np.zeros(len(rows), np.float32), 1, writes=True)


def pairs_of(data: Dataset, rows: Ints) -> list[Input]:
    """Return the prompt of each row, and its first reference as it goes on from there."""
    writing = writing_of(data)
    opening, space, tail = writing.opening, writing.space, writing.tail
    return [Pair(opening + writing.prompts[row], space + writing.references[row][0] + tail) for row in rows.tolist()]
