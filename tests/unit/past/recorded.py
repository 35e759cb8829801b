"""Runs on the disk whose predictions are known: written by what writes a real one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.card import Card
from harness.core.measurement import Measurement
from harness.core.metric import score
from harness.core.run import DataFacts, RunInfo, Settings
from harness.core.task import Task
from harness.core.trial import Finished, Record, Trial
from harness.store import journal, predictions, runs
from harness.store.predictions import Predictions

CLASSES = ("card", "loan", "parcel", "refund")
ROWS, TESTS = 800, 200
ENVIRONMENT = {"processor": "x1", "cores": 2, "threads": 2, "device": "cpu"}


@dataclass(frozen=True)
class Told:
    """A contender: the share of the rows that it answers wrongly, the first ones of a fixed order that begins at `shift`."""

    candidate: str
    wrong: float = 0.1
    technique: str = "linear-probe"
    shift: int = 0
    p95_ms: float | None = 4.0
    memory_mb: float = 100.0
    source: str = "s"
    confirms: bool = True


@dataclass(frozen=True)
class Recorded:
    """A run as a test describes it; row `i` has an id and a right class that follow from `i` alone."""

    told: Sequence[Told]
    run: str = "20250301-120000-aaaa"
    rows: Sequence[int] = tuple(range(ROWS))
    tests: Sequence[int] = tuple(range(ROWS, ROWS + TESTS))
    classes: Sequence[str] = CLASSES
    relabeled: frozenset[int] = frozenset()
    groups: bool = False
    task: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def started(self) -> str:
        d, t = self.run.split("-")[:2]
        return f"{d[:4]}-{d[4:6]}-{d[6:]}T{t[:2]}:{t[2:4]}:{t[4:]}+00:00"

    def write(self, workspace: Path) -> Path:
        """Write it as the task's latest run, and return its folder."""
        info = self._info()
        folder = runs.create(workspace / "reports", info)
        records = [self._record(one, info) for one in self.told]
        runs.write_info(folder, info.model_copy(update={"plan": tuple(record.trial.key for record in records)}))
        for one, record in zip(self.told, records, strict=True):
            predictions.write(folder / "predictions" / record.predictions, self._predictions(one))
            journal.append(folder / "records.jsonl", record)
        runs.point_latest(folder)
        return folder

    def right(self, rows: Sequence[int]) -> np.ndarray:
        """Return the right classes of rows, in the run's own numbers."""
        names = [CLASSES[(row + (row in self.relabeled)) % len(CLASSES)] for row in rows]
        return np.array([list(self.classes).index(name) for name in names], np.int64)

    def answers(self, one: Told, rows: Sequence[int]) -> np.ndarray:
        """Return what is told of rows: of which it is wrong depends on the row alone, and so does how."""
        wrong = {(row + one.shift) % (ROWS + TESTS) for row in _ORDER[: round(one.wrong * len(_ORDER))].tolist()}
        names = [CLASSES[(row + (row in wrong)) % len(CLASSES)] for row in rows]
        return np.array([list(self.classes).index(name) for name in names], np.int64)

    def _predictions(self, one: Told) -> Predictions:
        tests = self.tests if one.confirms else ()
        shares = [np.eye(len(self.classes), dtype=np.float32)[self.answers(one, rows)] for rows in (self.rows, tests)]
        groups = [tuple(f"g{row // 4}" for row in rows) if self.groups else () for rows in (self.rows, tests)]
        return Predictions(
            [name_row(row) for row in self.rows], self.right(self.rows), shares[0],
            [name_row(row) for row in tests], self.right(tests), shares[1], groups[0], groups[1],
        )  # fmt: skip

    def _record(self, one: Told, info: RunInfo) -> Record:
        trial = Trial(
            candidate=one.candidate, technique=one.technique, task=info.task.name, task_digest=info.data.digest,
            metric=info.task.metric, source_digest=one.source, software_digest=self.run, confirms=one.confirms,
        )  # fmt: skip
        found = []
        for name, rows in (("score", self.rows), ("test_score", self.tests)):
            value = score(info.task.metric, self.right(rows), self.answers(one, rows), len(self.classes))
            found.append(Measurement(name=name, value=value, better="higher", n=len(rows)))
        if one.p95_ms is not None:
            found.append(Measurement(name="latency_p95_ms", value=one.p95_ms, unit="ms", better="lower", conditions="batch 1"))
        found.append(Measurement(name="memory_mb", value=one.memory_mb, unit="MB", better="lower"))
        return Record(trial=trial, outcome=Finished(measurements=tuple(found)), started=self.started, seconds=1.0)

    def _info(self) -> RunInfo:
        rows = f"{hash((tuple(self.rows), tuple(self.tests), self.relabeled)):x}"
        values: dict[str, Any] = {
            "run": self.run,
            "task": Task.model_validate(
                {"name": "mail", "kind": "text-classification", "data": {"train": "t.csv"}, "metric": "accuracy", **self.task}
            ),
            "task_path": "tasks/mail/task.yaml",
            "settings": Settings(),
            "data": DataFacts(
                source="t.csv", digest=rows, classes=tuple(self.classes), train=4000, validation=len(self.rows), folds=1,
                test=len(self.tests), smallest_class=1, largest_class=1,
            ),
            "cards": tuple(Card(name=one.candidate, license="mit") for one in self.told),
            "environment": ENVIRONMENT,
            "versions": {"python": "3.11.7"},
            "started": self.started,
            "digests": {one.candidate: one.source for one in self.told},
        }  # fmt: skip
        return RunInfo.model_validate(values | dict(self.info))


# Which rows are wrong first; the same ones for all who err at the same shift.
_ORDER = np.random.default_rng(5).permutation(ROWS + TESTS)


def name_row(row: int) -> str:
    """Return a row's id as loading makes it."""
    return f"{row:016x}"
