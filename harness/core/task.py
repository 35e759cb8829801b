"""What somebody wants a model for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from harness.core.card import NAME, Modality
from harness.core.constraint import Constraints
from harness.core.kinds import ANSWER_METRIC, KINDS, MULTI_LABEL_METRIC, Kind, Target, is_kind, metric_names
from harness.core.metric_facts import FACTS
from harness.core.noun import Noun
from harness.core.wording import Ask
from harness.core.writing import Write

Prefer = Literal["latency", "memory", "throughput", "parameters", "training_cost"]


Phrase = Annotated[str, Field(min_length=1, max_length=2000)]
Phrases = Annotated[
    tuple[Phrase, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value), Field(min_length=1)
]


def _listed(value: object) -> object:
    """Take one name as a list of one."""
    return [value] if isinstance(value, str) else value


# Columns that only retrieval has, and such as it has not.
_OF_SEARCH, _OF_ROWS = ("query", "document"), ("text", "text_pair", "image", "label")


class UnknownMetricError(ValueError):
    """A metric that a kind of task does not have; `names` are those that it has."""

    def __init__(self, metric: str, names: Sequence[str]) -> None:
        """Say which."""
        self.names = names
        super().__init__(f'unknown metric "{metric}"')


def _name_classes(value: object) -> object:
    """Take keys as labels are taken from a table: a program may give numbers and truth values."""
    return {str(key): phrases for key, phrases in value.items()} if isinstance(value, dict) else value


class Data(Noun):
    """Where the rows come from.

    `train`, `validation` and `test` are files (csv, tsv, jsonl, parquet), image folders, Hub data set ids or `data.py:FUNCTION`. On
    the Hub, `config` and the `_split` keys name what to read. Columns left out are inferred, all but `text_pair`, the second
    text of a row that is a pair; of the kind text-similarity both texts are. `separator` stands between the labels of a cell where
    a row has several. Of the kind token-classification, `text` is the column of words or texts, and `label` that of tags or spans,
    or their number in a file of CoNLL. Of the kind multiple-choice, `text` is the question, `options` the column that lists the
    answers to choose among, or one column for each, and `label` says which is right. Of the kind retrieval, `train` is a table of
    queries and their documents, or a folder in the layout of BEIR. Of the kind generation, `prompt` is the column of what is asked
    and `reference` that of the right text, or of a list of them.
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
    query: str | None = None
    document: str | None = None
    prompt: str | None = None
    reference: str | None = None
    options: Annotated[tuple[str, ...], BeforeValidator(_listed), Field(max_length=100)] = ()
    group: str | None = None
    separator: Annotated[str, Field(min_length=1, max_length=10)] = "|"
    license: str = "unknown"
    skip_broken: bool = False


class Task(Noun):
    """A task as its `task.yaml` states it.

    With `multi_label` a row has any number of the labels, none among them. The metric is that of the kind unless one is named.
    `classes` says in words what labels mean, one phrase or several a label, and each of `prompts` is a sentence around such a
    phrase, which stands for the braces in it. Zero-shot techniques read them; a label that is not described stands for itself.
    `ask` says how a row and such phrases are put to a language model, `write` how one is asked to write.
    """

    name: Annotated[str, Field(pattern=NAME, max_length=100)]
    kind: Kind
    multi_label: bool = False
    description: str = ""
    data: Data
    classes: Annotated[dict[str, Phrases], BeforeValidator(_name_classes)] = Field(default_factory=dict)
    prompts: Annotated[tuple[Phrase, ...], Field(max_length=200)] = ()
    ask: Ask = Ask()
    write: Write = Write()
    metric: str = ""
    languages: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    constraints: Constraints = Constraints()
    prefer: Prefer = "latency"
    margin: Annotated[float, Field(ge=0)] = 0.01

    @model_validator(mode="before")
    @classmethod
    def _choose_metric(cls, values: Any) -> Any:  # noqa: ANN401 - whatever somebody wrote
        """Take the metric of the kind where none is named."""
        if not isinstance(values, Mapping) or "metric" in values or not is_kind(str(values.get("kind"))):
            return values
        default = MULTI_LABEL_METRIC if values.get("multi_label") is True else KINDS[values["kind"]].metric
        write = values.get("write")
        has_answer = values["kind"] == "generation" and bool(write.get("answer") if isinstance(write, Mapping) else None)
        return {**values, "metric": ANSWER_METRIC if has_answer else default}

    @field_validator("metric")
    @classmethod
    def _check_metric(cls, value: str, info: ValidationInfo) -> str:
        known, several = KINDS.get(info.data.get("kind", "")), info.data.get("multi_label", False)
        # Of an unknown kind, which is a fault of its own, any metric is taken.
        names = metric_names("labels" if several else known.target) if known else tuple(FACTS)
        if value not in names and not value.startswith("evaluate:"):
            raise UnknownMetricError(value, names)
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
    def _check_labels(self) -> Task:
        if self.multi_label and (KINDS[self.kind].target != "class" or self.kind == "multiple-choice"):
            msg = f"multi_label is for classification, the kind is {self.kind}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _check_pair(self) -> Task:
        if self.kind == "text-similarity" and bool(self.data.text) != bool(self.data.text_pair):
            msg = "data.text_pair and data.text name the two texts of each row, and one of them is not named"
            raise ValueError(msg)
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
        if self.ask != Ask() and (self.modality != "text" or self.target != "class"):
            several = " with multi_label" if self.multi_label else ""
            msg = f"ask is for texts of one class each, the kind is {self.kind}{several}"
            raise ValueError(msg)
        if self.ask.fields and ("text_pair" in self.ask.fields) != bool(self.data.text_pair):
            has, are = ("has no", "are") if self.data.text_pair else ("has", "are not")
            msg = f"ask.template {has} {{text_pair}}, and the rows {are} pairs"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _check_tags(self) -> Task:
        if self.target != "tags":
            return self
        stated = [name for name in ("text_pair", "image", "query", "document") if getattr(self.data, name)]
        if stated:
            msg = f"data.{stated[0]} is not for sentences of words, the kind is {self.kind}"
            raise ValueError(msg)
        if self.metric.startswith("evaluate:"):
            msg = f"{self.metric} compares what is told of rows, and here every word has a tag"
            raise ValueError(msg)
        if self.classes or self.prompts:
            msg = f"classes and prompts are for rows of one class, the kind is {self.kind}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _check_options(self) -> Task:
        is_choice, data = self.kind == "multiple-choice", self.data
        if data.options and not is_choice:
            msg = f"data.options is for multiple-choice, the kind is {self.kind}"
            raise ValueError(msg)
        if is_choice and (data.text_pair or self.classes or self.prompts):
            msg = "multiple-choice has options in each row, and neither data.text_pair nor classes nor prompts"
            raise ValueError(msg)
        strange = [field for field in self.ask.fields if field in {"options", "letter"}] if not is_choice else []
        if strange:
            msg = f"ask.template has {{{strange[0]}}}, and the rows are no questions with options"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _check_search(self) -> Task:
        is_search, data = self.kind == "retrieval", self.data
        if self.kind == "image-text-retrieval":
            _check_captions(self)
        if self.kind == "generation":
            return self
        strange = [name for name in _OF_SEARCH if getattr(data, name)] if not is_search else []
        strange += [name for name in _OF_ROWS if getattr(data, name)] if is_search else []
        if strange:
            msg = f"data.{strange[0]} is {'not ' if is_search else ''}for retrieval, the kind is {self.kind}"
            raise ValueError(msg)
        if is_search and data.query and data.query == data.document:
            msg = f'data.query and data.document are both "{data.query}"'
            raise ValueError(msg)
        if is_search and self.metric.startswith("evaluate:"):
            msg = f"{self.metric} compares what is told of rows, and a search finds documents"
            raise ValueError(msg)
        if is_search and (self.classes or self.prompts or self.ask != Ask()):
            msg = "classes, prompts and ask are of labels, which retrieval has none of"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _check_write(self) -> Task:
        writes, data = self.kind == "generation", self.data
        if not writes and (data.prompt or data.reference or self.write != Write()):
            msg = f"write, data.prompt and data.reference are for generation, the kind is {self.kind}"
            raise ValueError(msg)
        strange = next((name for name in (*_OF_ROWS, *_OF_SEARCH) if getattr(data, name)), "") if writes else ""
        if strange:
            msg = f"data.{strange} is not for the kind generation"
            raise ValueError(msg)
        if writes and data.prompt and data.prompt == data.reference:
            msg = f'data.prompt and data.reference are both "{data.prompt}"'
            raise ValueError(msg)
        if writes and self.metric.startswith("evaluate:"):
            msg = f"{self.metric} compares what is told of rows, and texts are judged by bench's own metrics"
            raise ValueError(msg)
        if writes and (self.classes or self.prompts or self.ask != Ask()):
            msg = "classes, prompts and ask are of labels, and the kind generation has none of them"
            raise ValueError(msg)
        return self

    @property
    def modality(self) -> Modality:
        """Return what the rows are."""
        return KINDS[self.kind].modality

    @property
    def target(self) -> Target:
        """Return what is told of a row."""
        return "labels" if self.multi_label else KINDS[self.kind].target


def _check_captions(task: Task) -> None:
    """Accept a task whose pictures have captions.

    Raises:
        ValueError: it has keys of something else.
    """
    strange = next((name for name in ("text_pair", "label") if getattr(task.data, name)), "")
    if strange:
        msg = f"data.{strange} is not for pictures with captions, the kind is {task.kind}"
        raise ValueError(msg)
    if task.metric.startswith("evaluate:"):
        msg = f"{task.metric} compares what is told of rows, and a search finds captions"
        raise ValueError(msg)
    if task.classes or task.prompts or task.ask != Ask():
        msg = "classes, prompts and ask are of labels, which captions have none of"
        raise ValueError(msg)
