"""What somebody wants a model for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from harness.core.card import NAME, Modality
from harness.core.constraint import Constraints
from harness.core.metric import METRICS
from harness.core.noun import Noun

Kind = Literal["text-classification", "image-classification"]
Prefer = Literal["latency", "memory", "throughput", "parameters", "training_cost"]
MODALITY: dict[str, Modality] = {"text-classification": "text", "image-classification": "image"}


class Data(Noun):
    """Where the rows come from.

    `train`, `validation` and `test` are files (csv, tsv, jsonl, parquet), image folders, Hub data set ids or `data.py:FUNCTION`. On
    the Hub, `config` and the `_split` keys name what to read. Columns left out are inferred.
    """

    train: str
    test: str | None = None
    config: str | None = None
    revision: str | None = None
    train_split: str = "train"
    test_split: str | None = None
    text: str | None = None
    image: str | None = None
    label: str | None = None
    group: str | None = None
    license: str = "unknown"
    skip_broken: bool = False


class Task(Noun):
    """A task as its `task.yaml` states it; `folder` is where that file lies."""

    name: Annotated[str, Field(pattern=NAME, max_length=100)]
    kind: Kind
    description: str = ""
    data: Data
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

    @property
    def modality(self) -> Modality:
        """Return what the rows are."""
        return MODALITY[self.kind]
