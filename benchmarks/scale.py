"""What scoring adds to the memory of a process that already holds a million rows of 768 features, in a file mapped into memory.

Only memory is claimed, not time. Needs 3 GB of disk for a few minutes, and as much memory free.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from claim import Claim

from harness.core.metric import METRICS
from harness.measure import quality
from harness.measure.memory import PeakMemory
from harness.measure.transferability import h_score, log_me
from harness.rank.bootstrap import Reference, draw_scores
from harness.techniques.answers import choose_classes
from harness.techniques.catalogue import create
from harness.techniques.inputs import Inputs

ROWS, WIDTH, CLASSES, FEW = 1_000_000, 768, 1000, 10
QUERIES, RESAMPLES = 1000, 200
BLOCK = 50_000
NAME = f"{ROWS:,} × {WIDTH} features"


def draw(path: Path, labels: np.ndarray) -> np.ndarray:
    """Write seeded features to a file, a block at a time, and return the file mapped into memory, every page of it touched."""
    generator = np.random.default_rng(0)
    centers = generator.standard_normal((CLASSES, WIDTH), np.float32)
    features = np.memmap(path, np.float32, "w+", shape=(1, ROWS, WIDTH))
    for start in range(0, ROWS, BLOCK):
        block = features[0, start : start + BLOCK]
        generator.standard_normal(dtype=np.float32, out=block)
        block += 0.2 * centers[labels[start : start + BLOCK]]
    return features


def added_mb(work: Callable[[], object]) -> float:
    """Return by how much a piece of work raises the memory of this process at its peak."""
    peak = PeakMemory("cpu")
    work()
    return peak.added_mb()


def neighbors(inputs: Inputs, labels: np.ndarray) -> None:
    """Fit on all but the first rows, and ask for these."""
    asked, known = np.arange(QUERIES), np.arange(QUERIES, ROWS)
    choose_classes(create("knn").fit(inputs, known, labels[known], CLASSES), inputs, asked, CLASSES)


def probe(inputs: Inputs, labels: np.ndarray) -> None:
    """Fit on all but the first rows, and ask for all of them."""
    known = np.arange(QUERIES, ROWS)
    head = create("linear-probe").fit(inputs, known, labels[known] % FEW, FEW)
    choose_classes(head, inputs, np.arange(ROWS), FEW)


def measure() -> list[Claim]:
    """Measure every way to score."""
    if shutil.disk_usage(tempfile.gettempdir()).free < 8 * ROWS * WIDTH:
        sys.exit(f"too little disk is free in {tempfile.gettempdir()}")
    labels = np.random.default_rng(1).integers(CLASSES, size=ROWS)
    told = np.where(np.arange(ROWS) % 5 > 0, labels, np.roll(labels, 1))
    metrics = [quality.load_metric(name) for name in METRICS]
    with tempfile.TemporaryDirectory() as folder:
        features = draw(Path(folder) / "features", labels)
        inputs = Inputs.of_layers(features)
        done = [
            (f"LogME of {NAME} and {CLASSES} classes", lambda: log_me(inputs.features[0], labels, CLASSES), 150),
            (f"H-score of {NAME} and {CLASSES} classes", lambda: h_score(inputs.features[0], labels, CLASSES), 150),
            (f"{QUERIES:,} rows by nearest neighbors among {NAME}", lambda: neighbors(inputs, labels), 150),
            (f"a linear probe on {NAME} and {FEW} classes", lambda: probe(inputs, labels), 800),
            (f"all metrics of {ROWS:,} rows", lambda: [quality.compute(m, labels, told) for m in metrics], 20),
            (
                f"{RESAMPLES} resamples of {ROWS:,} rows and {CLASSES} classes",
                lambda: draw_scores("macro_f1", Reference(labels, CLASSES), [told], 0, number=RESAMPLES),
                100,
            ),
        ]
        return [
            Claim(f"memory beside the features: {text}", added_mb(work), limit, at_least=False, unit=" MB")
            for text, work, limit in done
        ]
