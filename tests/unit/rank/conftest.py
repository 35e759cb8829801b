"""Runs made by hand: predictions of known quality with known costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from harness.core.card import Card
from harness.core.evidence import Answers, Truth
from harness.core.measurement import Measurement
from harness.core.metric import METRICS, score
from harness.core.ranking import Estimate, RankedContender, Ranking
from harness.core.run import DataFacts, RunInfo, Settings
from harness.core.task import Task
from harness.core.trial import Finished, Outcome, Record, Trial
from harness.rank.choice import Field
from harness.rank.ranking import rank

COSTS = {"latency_p50_ms": 8.0, "latency_p95_ms": 10.0, "latency_p99_ms": 12.0, "memory_mb": 100.0, "throughput_per_s": 200.0}


@dataclass(frozen=True)
class Entry:
    """A contender as a test describes it; `right` is the share of rows that it answers rightly, the first ones after `shift`."""

    name: str
    right: float = 0.9
    technique: str = "linear-probe"
    license: str = "MIT"
    costs: dict[str, float] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    shift: int = 0
    train_score: float = 0.95
    seed: int | None = None


@dataclass(frozen=True)
class Run:
    info: RunInfo
    answers: tuple[Answers, ...]
    truth: Truth
    records: tuple[Record, ...]

    def rank(self) -> Ranking:
        return rank(self.info, self.answers, self.truth, self.records)


def record_of(name: str, technique: str, outcome: Outcome, seed: int = 0) -> Record:
    trial = Trial(
        candidate=name,
        technique=technique,
        task="made",
        task_digest="0",
        source_digest=name,
        measures="quality" if technique else "memory",
        seed=seed,
    )
    return Record(trial=trial, outcome=outcome, started="2024-01-01T00:00:00", seconds=1.0)


def predict(labels: np.ndarray, entry: Entry, classes: int) -> np.ndarray:
    """Answer wrongly either a fixed part of the rows, or with `seed` a random one of the same size."""
    n = len(labels)
    order = np.roll(np.arange(n), entry.shift) if entry.seed is None else np.random.default_rng(entry.seed).permutation(n)
    wrong = order[round(entry.right * n) :]
    told = labels.copy()
    told[wrong] = (told[wrong] + 1) % classes
    return told


def build(
    entries: Sequence[Entry], *, rows: int = 1000, test_rows: int = 500, classes: int = 4, extra: Sequence[Record] = (), **task: Any
) -> Run:
    labels, test = np.arange(rows) % classes, np.arange(test_rows) % classes
    metric = task.setdefault("metric", "accuracy")
    answers, records = [], []
    for entry in entries:
        told, confirmed = predict(labels, entry, classes), predict(test, entry, classes)
        costs = {key: value for key, value in (COSTS | entry.costs).items() if value is not None}
        companions = [Measurement(name=name, value=score(name, labels, told, classes), better="higher") for name in METRICS]
        point = score(metric, labels, told, classes) if metric in METRICS else 1 - entry.right
        better = "higher" if metric in METRICS else "lower"
        measurements = [
            Measurement(name="score", value=point, better=better, n=rows),
            Measurement(name="train_score", value=entry.train_score, better=better, n=5 * rows),
            Measurement(name="test_score", value=point, better=better, n=test_rows),
            *companions,
            *(Measurement(name=name, value=value) for name, value in costs.items() if name != "memory_mb"),
        ]
        record = record_of(entry.name, entry.technique, Finished(measurements=tuple(measurements), recipe={"C": 1.0}))
        records.append(record)
        if "memory_mb" in costs:
            memory = Measurement(name="memory_mb", value=costs["memory_mb"], unit="MB", better="lower")
            records.append(record_of(entry.name, "", Finished(measurements=(memory,))))
        answers.append(Answers(record, told, confirmed))
    cards = {e.name: Card(name=e.name, license=e.license, **e.card) for e in entries}
    info = RunInfo(
        run="r1",
        task=Task(name="made", kind="text-classification", data={"train": "train.csv", "test": "test.csv"}, **task),
        task_path="tasks/made/task.yaml",
        settings=Settings(),
        data=DataFacts(
            source="train.csv",
            digest="0",
            classes=tuple(f"c{i}" for i in range(classes)),
            train=5 * rows,
            validation=rows,
            folds=1,
            test=test_rows,
            drawn_test=False,
            smallest_class=rows // classes,
            largest_class=rows // classes,
        ),
        cards=tuple(cards.values()),
        environment={},
        versions={},
        started="2024-01-01T00:00:00",
    )
    return Run(info, tuple(answers), Truth(labels, test), (*records, *extra))


@pytest.fixture
def entry() -> type[Entry]:
    return Entry


@pytest.fixture
def make_run() -> Callable[..., Run]:
    return build


@pytest.fixture
def make_record() -> Callable[..., Record]:
    return record_of


@pytest.fixture
def make_row() -> Callable[..., RankedContender]:
    def make(name: str, score: float = 0.9, technique: str = "linear-probe", **costs: Any) -> RankedContender:
        flags = {key: costs.pop(key) for key in ("baseline", "control", "license") if key in costs}
        return RankedContender(
            **({"baseline": False, "control": False, "license": "MIT"} | flags),
            rank=0,
            tie=0,
            candidate=name,
            technique=technique,
            metric="accuracy",
            validation=Estimate(score=score, low=score - 0.02, high=score + 0.02),
            test=None,
            train_score=None,
            expected_regret=0,
            probability_best=0,
            overfit=False,
            pareto=False,
            measurements=tuple(Measurement(name=key, value=value) for key, value in costs.items()),
            recipe={},
        )

    return make


@pytest.fixture
def make_field() -> Callable[..., Field]:
    """Fields whose draws are the scores plus the given deviations, `(resamples, contenders)`; by default there is no doubt."""

    def make(rows: Sequence[RankedContender], deviations: Any = 0.0) -> Field:
        points = np.array([row.validation.score for row in rows])
        return Field(
            tuple(rows),
            points,
            points + np.broadcast_to(deviations, (np.size(deviations, 0) if np.ndim(deviations) else 20, len(rows))),
        )

    return make
