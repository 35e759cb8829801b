"""Checks of a model that learns the task by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.conformance.agenda import FITTING, looks
from harness.conformance.finding import NotApplicable
from harness.conformance.messages import Ability
from harness.conformance.probes import Lesson, Probes
from harness.core.data import Input, place_words
from harness.errors import CandidateError
from harness.execute import subject
from harness.models.capabilities import LEARNING
from harness.models.capabilities import Lesson as Taught
from harness.techniques.fit import as_shares
from harness.techniques.inputs import Chosen

# How far a probability may differ when a row comes in another batch, or when the same lesson is learned again.
SHARE = 1e-4
# How far the probabilities of a row may be from adding up to one.
SUM = 1e-3
# The tags of a lesson: that of a row's first word by the row's label.
_NAMES = ("O", "B-one", "B-two")

Floats = NDArray[np.float32]
Looks = Mapping[str, Callable[[], str]]


_ABILITIES: dict[Taught, tuple[Ability, Ability]] = {
    "class": ("fit_text", "fit_image"),
    "option": ("fit_options_text", "fit_options_text"),
    "labels": ("fit_labels_text", "fit_labels_image"),
    "number": ("fit_numbers_text", "fit_numbers_image"),
    "tags": ("fit_tags_text", "fit_tags_text"),
}


@dataclass(frozen=True, slots=True)
class Fitting:
    """A loaded model, the way to load another, and the rows to try them with; `seen` keeps the first probabilities."""

    model: Any
    load: Callable[[], Any]
    probes: Probes
    target: Taught = "class"
    seen: list[Floats] = field(default_factory=list)

    @property
    def ability(self) -> Ability:
        """Name what is tried of the model."""
        return _ABILITIES[self.target][self.probes.is_image]

    def checks(self) -> Looks:
        """Return every check by its name: the first fits the model, the last fits it on something else."""
        return looks(self, FITTING)

    def learn(self, lesson: Lesson, model: Any = None) -> Floats:  # noqa: ANN401 - a model is whatever has the methods
        """Fit a model on a lesson and return its probabilities for the same rows."""
        model = self.model if model is None else model
        rows, labels = self._lazy(lesson.rows), np.asarray(lesson.labels, np.int64)
        truth: dict[Taught, tuple[object, ...]] = {
            "class": (labels, lesson.classes),
            "option": (labels,),
            "labels": (np.eye(lesson.classes, dtype=np.float32)[labels],),
            "number": (labels.astype(np.float64),),
            "tags": ([[_NAMES[label], *["O"] * (len(row) - 1)] for row, label in zip(lesson.rows, lesson.labels, strict=True)],),
        }
        getattr(model, LEARNING[self.target].fit)(rows, *truth[self.target])
        return self._predict(lesson.rows, lesson.classes, model)

    def _lazy(self, rows: Sequence[Input]) -> Chosen:
        """Hand rows over as a comparison does: a sequence that decodes pictures when they are asked for."""
        return Chosen(subject.read_inputs(tuple(rows), is_image=self.probes.is_image), range(len(rows)))

    def _predict(self, rows: Sequence[Input], classes: int, model: Any = None) -> Floats:  # noqa: ANN401 - see above
        model = self.model if model is None else model
        found = getattr(model, LEARNING[self.target].predict)(self._lazy(rows))
        if self.target == "tags":
            return as_shares(found, [len(row) for row in rows], _NAMES[:classes])
        if self.target == "number":
            return subject.check_shares(np.asarray(found).reshape(-1, 1), len(rows), 1)
        return subject.check_shares(found, len(rows), classes)

    def _shape(self) -> str:
        lesson = self.probes.lesson
        shares = self.learn(lesson)
        self.seen.append(shares)
        method = LEARNING[self.target].predict
        if self.target in {"number", "tags"}:
            return f"{method} returns n numbers" if self.target == "number" else f"{method} returns a tag for each word"
        if self.target == "labels" and (shares.min() < 0 or shares.max() > 1):
            what = f"{method} returns a probability of {shares.min():.3g} or {shares.max():.3g}"
            raise CandidateError(what, hint="return probabilities, between 0 and 1 each")
        if self.target == "labels":
            return f"{method} returns n × {lesson.classes} probabilities"
        if shares.min() < 0:
            what = f"{method} returns a probability of {shares.min():.3g}"
            raise CandidateError(what, hint="return probabilities; turn margins into shares with a softmax")
        off = float(np.abs(shares.sum(1) - 1).max())
        if off > SUM:
            what = f"the probabilities of a row add up to {float(shares.sum(1)[np.abs(shares.sum(1) - 1).argmax()]):.4g}, not to 1"
            raise CandidateError(what, hint="divide each row by its sum, or turn scores into shares with a softmax")
        return f"{method} returns n × {lesson.classes} probabilities that add up to 1"

    def _determinism(self) -> str:
        hint = "give every random step of `fit` a fixed seed, such as random_state=0"
        return near(self.learn(self.probes.lesson, self.load()), self.seen[0], "fitted twice on the same rows", hint)

    def _refit(self) -> str:
        self.learn(self.probes.other)
        hint = "let `fit` begin anew each time: make the estimator inside `fit`, and use `fit` and not `partial_fit`"
        return near(self.learn(self.probes.lesson), self.seen[0], "fitted on something else before", hint)

    def _batch_size(self) -> str:
        lesson = self.probes.lesson
        alone = np.concatenate([self._predict([row], lesson.classes) for row in lesson.rows])
        return near(alone, self.seen[0], "one by one and all at once", "let the prediction of a row depend on that row alone")

    def _row_order(self) -> str:
        lesson = self.probes.lesson
        order = np.random.default_rng(1).permutation(len(lesson.rows))
        shuffled = self._predict([lesson.rows[position] for position in order], lesson.classes)
        words = [len(row) for row in lesson.rows] if self.target == "tags" else ()
        return near(shuffled, self.seen[0][place_words(words, order)], "in another order", "give row i of the result for input i")

    def _empty_input(self) -> str:
        if not self.probes.hollow:
            raise NotApplicable("there is no picture without content")
        self._predict(self.probes.hollow, self.probes.lesson.classes)
        return "rows with nothing to read are answered"

    def _huge_input(self) -> str:
        self._predict(self.probes.huge, self.probes.lesson.classes)
        return "a picture of 12 megapixels and one of 1 × 1" if self.probes.is_image else "a text of 100,000 characters"

    def _unicode(self) -> str:
        if not self.probes.strange:
            raise NotApplicable("pictures hold no text")
        self._predict(self.probes.strange, self.probes.lesson.classes)
        return "emoji, right-to-left, combining marks, NUL and other planes"


def near(found: Floats, expected: Floats, when: str, hint: str) -> str:
    """Return how near probabilities are to those expected.

    Raises:
        CandidateError: one differs by more than 1e-4.
    """
    apart = float(np.abs(found - expected).max())
    if apart > SHARE:
        rows = int((np.abs(found - expected).max(1) > SHARE).sum())
        what = f"{when}, {rows} of {len(found)} rows get other probabilities (up to {apart:.1e} apart)"
        raise CandidateError(what, hint=hint)
    return f"{when}, probabilities are the same" + (f" to {apart:.0e}" if apart else "")
