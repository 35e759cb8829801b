"""Which techniques there are, and what each needs of a model. Light: a technique's own file is imported when it is used."""

from __future__ import annotations

import importlib
from typing import Any, Literal

from harness.core.kinds import Target
from harness.techniques.technique import Technique
from harness.techniques.tuning import Tuning

Need = Literal["embed", "match", "compare", "fit", "ask", "train", "search", "entail"]

# name -> (what the model must do, module, class)
TECHNIQUES: dict[str, tuple[Need, str, str]] = {
    "zero-shot": ("match", "harness.techniques.zero_shot", "ZeroShot"),
    "entailment": ("entail", "harness.techniques.entailment", "Entailment"),
    "cosine": ("compare", "harness.techniques.cosine", "Cosine"),
    "knn": ("embed", "harness.techniques.knn", "NearestNeighbors"),
    "linear-probe": ("embed", "harness.techniques.linear_probe", "LinearProbe"),
    "dense-search": ("search", "harness.techniques.search", "Index"),
    "fit": ("fit", "harness.techniques.fit", "Fit"),
    "prompted": ("ask", "harness.techniques.prompted", "Prompted"),
    "few-shot": ("ask", "harness.techniques.few_shot", "FewShot"),
    "full": ("train", "harness.techniques.full", "Full"),
    "lora": ("train", "harness.techniques.lora", "Lora"),
    "ia3": ("train", "harness.techniques.ia3", "Ia3"),
    "prompt-tuning": ("train", "harness.techniques.prompt_tuning", "PromptTuning"),
    "probe-then-finetune": ("train", "harness.techniques.probe_then_finetune", "ProbeThenFinetune"),
}

# What can be done where each word of a sentence gets a tag, and who does it where that is another than for rows.
FOR_TAGS = ("linear-probe", "fit", "full", "lora", "ia3", "probe-then-finetune")
_OF_TAGS = {"linear-probe": ("harness.techniques.tag_probe", "TagProbe")}

# What can be done where texts are written; of what trains, such as needs no head on top of the model.
FOR_TEXTS = ("fit", "prompted", "few-shot", "full", "lora", "ia3", "prompt-tuning")

# What can be done where queries search documents; what trains changes the vectors, on top of which there is no head either.
FOR_DOCUMENTS = ("dense-search", "fit", "full", "lora", "ia3")

TRAINED = tuple(name for name, (need, _, _) in TECHNIQUES.items() if need == "train")


def create(name: str, target: Target = "class") -> Technique:
    """Return a technique by name, of those that learn a head, for what is told of a row."""
    own = _OF_TAGS.get(name) if target == "tags" else None
    technique: Technique = getattr(importlib.import_module(own[0]), own[1])() if own else _make(name)
    return technique


def create_tuning(name: str) -> Tuning:
    """Return a technique by name, of those that train the model."""
    tuning: Tuning = _make(name)
    return tuning


def _make(name: str) -> Any:  # noqa: ANN401 - the table says what it is
    _, module, kind = TECHNIQUES[name]
    return getattr(importlib.import_module(module), kind)()
