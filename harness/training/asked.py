"""What a contender is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.core.data import Dataset
from harness.core.trial import Fidelity
from harness.core.trust import CAUTIOUS, Trust
from harness.models.trainable import Trainable
from harness.techniques.technique import Recipe


def _say_nothing(line: str) -> None:
    del line


@dataclass(frozen=True, slots=True)
class Training:
    """A candidate that `load` gives, a technique, a recipe, and how far to train on which rows.

    What the recipe leaves open is filled from the technique's default. `checkpoint` is a folder that may hold what an earlier,
    shorter training left, and gets what this one leaves. `origin` names what is loaded: contenders of one origin whose checkpoints
    lie side by side share what each begins with. `tell` gets a plain line an epoch.
    """

    load: Callable[[], Trainable]
    technique: str
    recipe: Recipe
    fidelity: Fidelity
    data: Dataset
    metric: str
    seed: int
    device: str
    checkpoint: Path
    origin: str = ""
    needs_test: bool = True
    trust: Trust = CAUTIOUS
    tell: Callable[[str], None] = _say_nothing
