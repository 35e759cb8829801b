"""Scores of a run's contenders on the same rows, with the joint bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from harness.core.evidence import Truth
from harness.core.kinds import TALLIED, Target
from harness.core.metric import score
from harness.core.metric_facts import is_own
from harness.core.ranking import Estimate
from harness.core.tally import score as score_tally
from harness.errors import WorkspaceError
from harness.rank.bootstrap import Reference, Told, draw_scores
from harness.rank.contender import Contender
from harness.rank.statistics import estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Part = Literal["validation", "test"]
_MEASUREMENT = {"validation": "score", "test": "test_score"}
_SAME = 1e-6
_SALT = 7919


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores `(contenders,)`, the same of every resample `(resamples, contenders)`, and the former with their intervals.

    Of a contender that was trained with several seeds the score is their mean, and seeds are resampled as rows are; `by_seed` has
    the score of each, the contender's own first.
    """

    points: Floats
    draws: Floats
    estimates: tuple[Estimate, ...]
    by_seed: tuple[tuple[float, ...], ...]


def reference(truth: Truth, part: Part, classes: int, target: Target = "class") -> Reference:
    """Return the right answers of the validation or the test rows."""
    if part == "validation":
        return Reference(truth.validation, classes, truth.validation_groups, target)
    return Reference(truth.test, classes, truth.test_groups, target)


def score_contenders(metric: str, field: Sequence[Contender], right: Reference, part: Part, *, seed: int) -> Scores:
    """Score contenders on the validation or the test rows; no contender or no row gives no score.

    bench's own metrics are computed from the predictions; of others the worker's samples are read, and resamples on which the
    metric is not defined for somebody are left out for all.

    Raises:
        WorkspaceError: the predictions do not fit the rows, or the score that was recorded with them.
    """
    if not field or not len(right.labels):
        return Scores(np.empty(0), np.empty((0, 0)), (), ())
    each = [of_seed for one in field for of_seed in one.by_seed()]
    points, draws = (_own if is_own(metric) else _external)(metric, each, right, part, seed=seed)
    ends = np.cumsum([1 + len(one.repeats) for one in field])[:-1]
    by_seed = [np.asarray(part) for part in np.split(points, ends)]
    means = np.asarray([one.mean() for one in by_seed])
    draws = np.stack([_resample_seeds(columns, seed) for columns in np.split(draws, ends, axis=1)], axis=1)
    estimates = tuple(estimate(metric, float(mean), draws[:, i], right.units) for i, mean in enumerate(means))
    return Scores(means, draws, estimates, tuple(tuple(map(float, one)) for one in by_seed))


def _resample_seeds(draws: Floats, seed: int) -> Floats:
    """Return for each resample of the rows `(resamples, seeds)` the mean over as many seeds, drawn with replacement."""
    count = draws.shape[1]
    if count == 1:
        return draws[:, 0]
    chosen = np.random.default_rng([seed, _SALT]).integers(count, size=draws.shape)
    mean: Floats = np.take_along_axis(draws, chosen, axis=1).mean(axis=1)
    return mean


def confirm_contenders(metric: str, field: Sequence[Contender], right: Reference, *, seed: int) -> tuple[Estimate | None, ...]:
    """Score contenders on the test rows; one whose training was not carried to the end did not predict them and has none."""
    where = [i for i, one in enumerate(field) if one.answers.confirms]
    found = score_contenders(metric, [field[i] for i in where], right, "test", seed=seed).estimates
    known = dict(zip(where, found, strict=False))
    return tuple(known.get(i) for i in range(len(field)))


def is_recorded(metric: str, contender: Contender, point: float) -> bool:
    """Tell whether the metric is the one that the run was made with, so that its train score may stand beside this score."""
    recorded = contender.find("score")
    return not is_own(metric) or (recorded is not None and abs(recorded.value - point) <= _SAME)


def _own(metric: str, field: Sequence[Contender], right: Reference, part: Part, *, seed: int) -> tuple[Floats, Floats]:
    predictions = [one.answers.validation if part == "validation" else one.answers.test for one in field]
    points = np.empty(len(field))
    for i, (one, predicted) in enumerate(zip(field, predictions, strict=True)):
        if len(predicted) != len(right.labels):
            raise _misfit(one, f"{len(predicted)} predictions for {len(right.labels)} {part} rows")
        if right.target == "class" and max(predicted.max(), right.labels.max()) >= right.classes:
            raise _misfit(one, f"its answers are of more than the {right.classes} classes that the run knows")
        points[i] = _score(metric, right, predicted)
        recorded = one.find(metric)
        if part == "validation" and recorded is not None and abs(recorded.value - points[i]) > _SAME:
            raise _misfit(one, f"predictions give {metric} {points[i]:.6f}, its record says {recorded.value:.6f}")
    return points, draw_scores(metric, right, predictions, seed)


def _score(metric: str, right: Reference, told: Told) -> float:
    if right.target == "class":
        return score(metric, right.labels, np.asarray(told, np.int64), right.classes)
    return score_tally(TALLIED[right.target][metric], np.asarray(told, float))


def _external(metric: str, field: Sequence[Contender], right: Reference, part: Part, *, seed: int) -> tuple[Floats, Floats]:
    del right, seed
    points, samples = [], []
    for one in field:
        sample = one.answers.validation_sample if part == "validation" else one.answers.test_sample
        measured = one.find(_MEASUREMENT[part])
        if sample is None or measured is None:
            raise _misfit(one, f"no resamples of {metric} are stored with its predictions")
        points.append(measured.value)
        samples.append(sample)
    if len({len(sample) for sample in samples}) > 1:
        raise _misfit(field[0], "not every contender has the same number of resamples")
    draws = np.stack(samples, axis=1).astype(np.float64)
    defined = np.isfinite(draws).all(axis=1)
    scores = np.asarray(points, np.float64)
    return scores, draws[defined] if defined.any() else scores[None, :]


def _misfit(contender: Contender, what: str) -> WorkspaceError:
    where = f"trial {contender.answers.record.trial.key}"
    return WorkspaceError(f"{contender.name}: {what}", where=where, hint="run the comparison again")
