"""Metrics of quality: bench's own, computed from counts or tallies; any other through `evaluate:NAME`, from that library."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.core.entities import tally_entities, type_of
from harness.core.kinds import TALLIED, Target, metric_names
from harness.core.measurement import Better, Measurement
from harness.core.metric import score
from harness.core.metric_facts import FACTS, check_leave, facts_of, is_own
from harness.core.tally import score as score_tally
from harness.core.tally import tally_labels, tally_numbers
from harness.core.trust import CAUTIOUS, Trust
from harness.errors import TaskError

if TYPE_CHECKING:
    import evaluate

# Classes `(n,)`, values `(n,)`, zeros and ones of labels `(n, k)`, or tags of sentences `(n,) object`.
Answers = NDArray[Any]


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """A metric of `harness.core`, for what is told of a row."""

    name: str
    target: Target = "class"

    def value(self, references: Answers, predictions: Answers) -> float:
        """Return the metric of two arrays of answers of the same form."""
        if self.target == "class":
            return score(self.name, references, predictions, int(max(predictions.max(), references.max())) + 1)
        return score_tally(TALLIED[self.target][self.name], tally(self.target, references, predictions))


def tally(target: Target, references: Answers, predictions: Answers, classes: int = 0) -> NDArray[np.float64]:
    """Return what each row adds to the metrics, `(n, s)`; not for classes, whose counts are taken otherwise.

    Types of entities are `classes`, or as many as occur.
    """
    if target == "tags":
        most = max((int(tags.max(initial=0)) for some in (references, predictions) for tags in some), default=0)
        return tally_entities(references.tolist(), predictions.tolist(), max(classes, type_of(most) + 1, 1))
    return tally_numbers(references, predictions) if target == "number" else tally_labels(references, predictions)


def load_metric(name: str, trust: Trust = CAUTIOUS, target: Target = "class") -> OwnMetric | evaluate.Metric:
    """Return a metric by the name a task gives it.

    Raises:
        TaskError: it is code that the user has not allowed, or the evaluate library cannot find or load it.
    """
    if is_own(name):
        return OwnMetric(name, target)
    check_leave(name, trust, "key metric")
    import evaluate  # noqa: PLC0415 - brings transformers' pipelines, seconds of work that bench's own metrics do without

    module = name.removeprefix("evaluate:")
    try:
        return evaluate.load(module, keep_in_memory=True)
    except (FileNotFoundError, ImportError, OSError, ValueError) as error:
        what = f'cannot load the metric "{module}": {str(error).splitlines()[0]}'
        raise TaskError(
            what, where="key metric", hint=f"use one of bench's own ({', '.join(FACTS)}), or fetch it once online"
        ) from error


def code_digest(metric: OwnMetric | evaluate.Metric) -> str:
    """Return a hash of the files that an external metric was loaded from, nothing for bench's own."""
    file = None if isinstance(metric, OwnMetric) else sys.modules[type(metric).__module__].__file__
    if file is None:
        return ""
    folder = Path(file).parent
    content = [[str(path.relative_to(folder)), path.read_text(errors="replace")] for path in sorted(folder.rglob("*.py"))]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def better(name: str) -> Better:
    """Tell which direction of a metric is good."""
    return facts_of(name).better


def compute(metric: OwnMetric | evaluate.Metric, references: Answers, predictions: Answers) -> float:
    """Return the metric's value; of a metric that gives several, the first number."""
    if isinstance(metric, OwnMetric):
        return metric.value(references, predictions)
    found: dict[str, Any] = metric.compute(references=references.tolist(), predictions=predictions.tolist())
    return float(next(value for value in found.values() if isinstance(value, int | float | np.number)))


def companions(references: Answers, predictions: Answers, classes: int, target: Target = "class") -> list[Measurement]:
    """Return all of bench's own metrics on the validation rows, for the reader who asks for another one."""
    n, names = len(references), metric_names(target)
    if target == "class":
        found = {name: score(name, references, predictions, classes) for name in names}
    else:
        counted = tally(target, references, predictions, classes)
        found = {name: score_tally(TALLIED[target][name], counted) for name in names}
    return [Measurement(name=name, value=value, better=better(name), n=n) for name, value in found.items()]


def sample(
    metric: OwnMetric | evaluate.Metric, references: Answers, predictions: Answers, blocks: Iterable[NDArray[np.float32]]
) -> NDArray[np.float64]:
    """Return an external metric of every resample, `(resamples,)`; one call of the metric each, so it is slow."""
    values = []
    for block in blocks:
        for weights in block:
            rows = np.repeat(np.arange(len(references)), weights.astype(np.int64))
            values.append(compute(metric, references[rows], predictions[rows]))
    return np.asarray(values)
