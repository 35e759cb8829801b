"""A fine-tuned model as it is handed over: what its folder holds, and where it came from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.core.card import Card
from harness.core.entities import tag_names
from harness.core.kinds import Kind, Target
from harness.core.measurement import Measurement
from harness.core.noun import Noun
from harness.core.ranking import Estimate
from harness.core.run import DataFacts
from harness.core.writing import Manner

Form = Literal["whole", "adapter", "probe"]
_FORMS: dict[str, Form] = {"lora": "adapter", "ia3": "adapter", "prompt-tuning": "adapter", "linear-probe": "probe"}


class Contents(Noun):
    """What must be known to read a folder of weights: the base model's card, how it was trained, and the labels in order.

    Where a number is told there are no labels; where words are tagged they are the types of entities.

    `column` is the column of the texts or pictures where the task names one, `pair` that of the second texts where rows are pairs.
    `parted` tells that words are what blanks part in a text; else a text is cut into words by its letters and signs. Where texts
    are written, `writing` says how rows are put; folders of older versions do not have it.
    """

    card: Card
    kind: Kind
    technique: str
    recipe: dict[str, str | int | float] = Field(default_factory=dict)
    target: Target = "class"
    labels: tuple[str, ...]
    column: str = ""
    pair: str = ""
    parted: bool = False
    writing: Manner | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return what each number that the model gives for a row, or for a word, is called."""
        if self.target == "tags":
            return tag_names(self.labels)
        return self.labels if self.target != "number" else ("value",)

    @property
    def threshold(self) -> float:
        """Return the probability from which a label is told, where a row can have several."""
        return float(self.recipe.get("threshold", 0.5))

    def prompted(self, prompt: str) -> Contents:
        """Return the same with what stands before each text written down, wherever the model had it from."""
        if not prompt:
            return self
        options = self.card.options.model_copy(update={"prompt": prompt})
        return self.model_copy(update={"card": self.card.model_copy(update={"options": options})})

    @property
    def form(self) -> Form:
        """Return whether the folder holds all weights, an adapter with its head, or the head of a probe alone."""
        return _FORMS.get(self.technique, "whole")

    @property
    def is_image(self) -> bool:
        """Tell whether the model reads pictures."""
        return self.kind == "image-classification"


class License(Noun):
    """The license of the base model, and in sentences what it permits and what it obliges to."""

    name: str
    permits: str
    obliges: tuple[str, ...] = ()


class Made(Noun):
    """What came of training: the test score, what it cost, the recipe as it was really used, and what stood before each text."""

    test: Estimate
    measurements: tuple[Measurement, ...] = ()
    recipe: dict[str, str | int | float] = Field(default_factory=dict)
    prompt: str = ""


class Finetuned(Noun):
    """The head of a folder that `bench finetune` wrote, `bench.json`.

    `trial` is the key of the run's trial whose recipe was used, empty where the recipe is a default that the run did not try.
    `validation` is that trial's score. `files` are the SHA-256 of all other files of weights and settings; `source` is the hash of
    the base model's files, as in the run.
    """

    format: Literal["bench.model/1"] = "bench.model/1"
    name: str
    contents: Contents
    run: str
    task: str
    description: str = ""
    trial: str = ""
    seed: int
    device: str
    data: DataFacts
    data_license: str = "unknown"
    license: License
    metric: str
    validation: Estimate | None = None
    test: Estimate
    measurements: tuple[Measurement, ...] = ()
    notes: tuple[str, ...] = ()
    source: str
    files: dict[str, str]
    versions: dict[str, str]
    environment: dict[str, str | int | float]
    command: str
    predict: str
    made: str
