"""The kinds of tasks: what a row is, what is told of it, and how answers are scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from harness.core.captions import CAPTIONS
from harness.core.card import Modality
from harness.core.entities import ENTITIES
from harness.core.metric import METRICS as CLASSES
from harness.core.relevance import DOCUMENTS
from harness.core.tally import LABELS, NUMBERS, TallyMetric
from harness.core.written import TEXTS

Kind = Literal[
    "text-classification",
    "image-classification",
    "text-regression",
    "text-similarity",
    "token-classification",
    "multiple-choice",
    "retrieval",
    "image-text-retrieval",
    "generation",
]
# What is told of a row: one of several classes, any of several labels, a number, a tag for each word, a list of documents,
# captions of a picture, or a text that is written.
Target = Literal["class", "labels", "number", "tags", "documents", "captions", "text"]


@dataclass(frozen=True, slots=True)
class KindFacts:
    """What the rows of a kind are, what is told of them, and the metric that counts unless a task names another.

    `row` is what a row is called in a sentence, and `labeled` one of which the answer is known.
    """

    modality: Modality
    target: Target
    metric: str
    row: str = "row"
    labeled: str = "labeled row"


KINDS: dict[Kind, KindFacts] = {
    "text-classification": KindFacts("text", "class", "macro_f1"),
    "image-classification": KindFacts("image", "class", "macro_f1"),
    "text-regression": KindFacts("text", "number", "rmse"),
    "text-similarity": KindFacts("text", "number", "spearman"),
    "token-classification": KindFacts("text", "tags", "micro_f1", "sentence", "tagged sentence"),
    "multiple-choice": KindFacts("text", "class", "accuracy", "question", "answered question"),
    "retrieval": KindFacts("text", "documents", "ndcg@10", "query", "judged query"),
    "image-text-retrieval": KindFacts("image", "captions", "mean_recall", "picture", "captioned picture"),
    "generation": KindFacts("text", "text", "rouge_l", "row", "answered row"),
}
TALLIED: dict[Target, Mapping[str, TallyMetric]] = {
    "labels": LABELS,
    "number": NUMBERS,
    "tags": ENTITIES,
    "documents": DOCUMENTS,
    "captions": CAPTIONS,
    "text": TEXTS,
}
# Kinds whose rows are answered by models as they are; the sentence says how.
UNTRAINED: dict[Kind, str] = {
    "image-text-retrieval": "captions are searched with models as they are",
    "multiple-choice": "options are chosen by models as they are",
}
MULTI_LABEL_METRIC = "micro_f1"
# Of the kind generation, where a pattern finds the answer in a text.
ANSWER_METRIC = "exact_match"


def metric_names(target: Target) -> tuple[str, ...]:
    """Return bench's own metrics of what is told.

    >>> metric_names("number")
    ('spearman', 'pearson', 'r2', 'mae', 'rmse')
    """
    return tuple(CLASSES) if target == "class" else tuple(TALLIED[target])


def several(noun: str) -> str:
    """Return a noun's regular plural.

    >>> several("row"), several("judged query")
    ('rows', 'judged queries')
    """
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def is_kind(name: str) -> bool:
    """Tell whether a kind is known."""
    return name in get_args(Kind)
