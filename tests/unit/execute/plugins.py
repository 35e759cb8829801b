"""Small plugins, written to files and planned on a small task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.core.candidate import Registered
from harness.core.card import Card
from harness.core.data import Dataset, Rows, Split
from harness.core.run import MEASURES, Measure, Settings
from harness.core.task import Data, Task
from harness.core.trial import Record, Trial
from harness.execute import local
from harness.execute.job import Job
from harness.execute.plan import Ground, plan

HEAD = """
import os, signal, sys, time
import numpy as np
from harness import Candidate, Card

def vectors(texts):
    return np.array([[[float(len(t)), float("refund" in t), float("parcel" in t)] for t in texts]], np.float32)
"""

GOOD = """
class Model:
    def embed_text(self, texts):
        return vectors(texts)
"""


def dataset() -> Dataset:
    texts = [f"{word} number {'x' * (i % 7)}{i}" for i in range(60) for word in ("my refund please", "where is the parcel")]
    rows = Rows(tuple(f"r{i}" for i in range(120)), tuple(texts), tuple(i % 2 for i in range(120)), ("refund", "parcel"))
    rest = range(20, 120)
    return Dataset(rows, Split((), tuple(tuple(rest[k::5]) for k in range(5)), tuple(range(20))), "digest", "test")


def job(candidate: Registered, trials: tuple[Trial, ...], folder: Path) -> Job:
    return Job(
        candidate=candidate,
        folder=None,
        trials=trials,
        data=dataset(),
        metric="macro_f1",
        is_image=False,
        device="cpu",
        predictions=folder / "predictions",
        log=folder / f"{candidate.card.name}.log",
    )


def jobs(folder: Path, *sources: tuple[str, str], measures: Sequence[Measure] = MEASURES) -> list[Job]:
    """Write each source as a plugin file, and plan it on a small task."""
    task = Task(name="t", kind="text-classification", data=Data(train="x"))
    found = []
    for name, source in sources:
        path = folder / f"{name}.py"
        load = "" if "def load" in source else "\ndef load(device, dtype):\n    return Model()\n"
        path.write_text(f"{HEAD}{source}{load}\ncandidates = (Candidate(Card(name={name!r}, license='MIT'), load),)\n")
        card = Card(name=name, license="MIT")
        registered = Registered(card, str(path), "user", is_plugin=True)
        trials = plan(task, [registered], Settings(measures=tuple(measures)), Ground("cpu", "d", "v", {name: "s"}))
        for one in ("quality", "memory"):
            mine = tuple(t for t in trials if t.measures == one)
            found += [job(registered, mine, folder)] if mine else []
    return found


def records(found: Sequence[Job]) -> list[Record]:
    return [progress.record for progress in local.execute(found) if progress.record is not None]


def states(found: Sequence[Record], candidate: str) -> set[str]:
    return {record.outcome.state for record in found if record.trial.candidate == candidate}
