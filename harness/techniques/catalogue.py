"""Which techniques there are, and what each needs of a model. Light: a technique's own file is imported when it is used."""

from __future__ import annotations

import importlib
from typing import Literal

from harness.techniques.technique import Technique

Need = Literal["embed", "fit"]

# name -> (what the model must do, module, class)
TECHNIQUES: dict[str, tuple[Need, str, str]] = {
    "knn": ("embed", "harness.techniques.knn", "NearestNeighbors"),
    "linear-probe": ("embed", "harness.techniques.linear_probe", "LinearProbe"),
    "fit": ("fit", "harness.techniques.fit", "Fit"),
}


def create(name: str) -> Technique:
    """Return a technique by name."""
    _, module, kind = TECHNIQUES[name]
    technique: Technique = getattr(importlib.import_module(module), kind)()
    return technique
