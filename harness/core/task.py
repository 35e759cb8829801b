"""What somebody wants a model for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from harness.core.card import NAME, Modality
from harness.core.constraint import Constraints
from harness.core.metric import METRICS
from harness.core.noun import Noun
from harness.core.wording import Ask

Kind = Literal["text-classification", "image-classification"]
Prefer = Literal["latency", "memory", "throughput", "parameters", "training_cost"]
MODALITY: dict[str, Modality] = {"text-classification": "text", "image-classification": "image"}


Phrase = Annotated[str, Field(min_length=1, max_length=2000)]
Phrases = Annotated[
    tuple[Phrase, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value), Field(min_length=1)
]


def _name_classes(value: object) -> object:
    """Take keys as labels are taken from a table: a program may give numbers and truth values."""
    return {str(key): phrases for key, phrases in value.items()} if isinstance(value, dict) else value


class Data(Noun):
    """Where the rows come from.

    `train`, `validation` and `test` are files (csv, tsv, jsonl, parquet), image folders, Hub data set ids or `data.py:FUNCTION`. On
    the Hub, `config` and the `_split` keys name what to read. Columns left out are inferred, all but `text_pair`, the second
    text of a row that is a pair.
    """

    train: str
    test: str | None = None
    config: str | None = None
    revision: str | None = None
    train_split: str = "train"
    test_split: str | None = None
    text: str | None = None
    text_pair: str | None = None
    image: str | None = None
    label: str | None = None
    group: str | None = None
    license: str = "unknown"
    skip_broken: bool = False


class Task(Noun):
    """A task as its `task.yaml` states it; `folder` is where that file lies.

    `classes` says in words what labels mean, one phrase or several a label, and each of `prompts` is a sentence around such a
    phrase, which stands for the braces in it. Zero-shot techniques read them; a label that is not described stands for itself.
    `ask` says how a row and such phrases are put to a language model.
    """

    name: Annotated[str, Field(pattern=NAME, max_length=100)]
    kind: Kind
    description: str = ""
    data: Data
    classes: Annotated[dict[str, Phrases], BeforeValidator(_name_classes)] = Field(default_factory=dict)
    prompts: Annotated[tuple[Phrase, ...], Field(max_length=200)] = ()
    ask: Ask = Ask()
    metric: str = "macro_f1"
    languages: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    constraints: Constraints = Constraints()
    prefer: Prefer = "latency"
    margin: Annotated[float, Field(ge=0)] = 0.01

    @field_validator("metric")
    @classmethod
    def _check_metric(cls, value: str) -> str:
        if value not in METRICS and not value.startswith("evaluate:"):
            msg = f'unknown metric "{value}"'
            raise ValueError(msg)
        return value

    @field_validator("prompts")
    @classmethod
    def _check_prompts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for prompt in value:
            if prompt.count("{}") != 1:
                msg = f'the prompt "{prompt[:80]}" has {prompt.count("{}")} places for the class'
                raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _check_pair(self) -> Task:
        if self.data.text_pair and self.modality != "text":
            msg = f"data.text_pair is for texts, the kind is {self.kind}"
            raise ValueError(msg)
        if self.data.text_pair and not self.data.text:
            msg = "data.text_pair names the second text of each row, and data.text must name the first"
            raise ValueError(msg)
        if self.data.text_pair and self.data.text_pair in {self.data.text, self.data.label}:
            msg = f'data.text_pair is "{self.data.text_pair}", which is the first text or the label'
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _check_ask(self) -> Task:
        if self.ask != Ask() and self.modality != "text":
            msg = f"ask is for texts, the kind is {self.kind}"
            raise ValueError(msg)
        if self.ask.fields and ("text_pair" in self.ask.fields) != bool(self.data.text_pair):
            has, are = ("has no", "are") if self.data.text_pair else ("has", "are not")
            msg = f"ask.template {has} {{text_pair}}, and the rows {are} pairs"
            raise ValueError(msg)
        return self

    @property
    def modality(self) -> Modality:
        """Return what the rows are."""
        return MODALITY[self.kind]
