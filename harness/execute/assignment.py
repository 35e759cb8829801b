"""What the processes of a fine-tuned model are given. Light, because the parent makes it without the libraries of models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.core.data import Dataset, Input
from harness.core.finetuned import Contents
from harness.core.trial import Fidelity
from harness.core.trust import Trust


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fine-tuned model lies: its folder, that of its base model if it needs one, and the device that it is to run on.

    `batch` is how many rows are answered at once; None leaves that to the device.
    """

    folder: Path
    base: Path | None
    device: str
    trust: Trust
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class Training:
    """What is to be trained, on which rows, and where it goes; without a fidelity the recipe's default epochs are gone through."""

    contents: Contents
    place: Place
    fidelity: Fidelity | None
    data: Dataset
    metric: str
    seed: int


@dataclass(frozen=True, slots=True)
class Question:
    """Rows for a fine-tuned model; their probabilities `(n, classes) float32` are to be written to `out`, as NumPy's format.

    Of a model that writes, the rows are prompts without the opening, and a list of texts is to be written, as JSON.
    """

    contents: Contents
    place: Place
    inputs: tuple[Input, ...]
    out: Path
