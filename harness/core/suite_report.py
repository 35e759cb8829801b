"""Everything a reader of a suite's comparison is shown: numbers with their text, sentences, tables. A template computes nothing."""

from __future__ import annotations

from typing import Literal

from harness.core.noun import Noun
from harness.core.report import Advice, Badge, Step
from harness.core.shown import DASH, Column, Fact, Quantity, Score


class SuiteCell(Noun):
    """A model on one task: its score, or a dash and in `note` why there is none. `chosen` is what the task itself recommends."""

    text: str = DASH
    interval: str = ""
    technique: str = ""
    regret: str = ""
    chosen: bool = False
    note: str = ""


class SuiteLine(Noun):
    """A model over the tasks of a section; `cells` has one for every task, `figures` one quantity for every column."""

    rank: int
    candidate: str
    license: str
    recommended: bool
    qualified: bool
    badges: tuple[Badge, ...]
    regret: Score | None
    figures: dict[str, Quantity]
    cells: tuple[SuiteCell, ...]


class LossLine(Noun):
    """What the single model loses on a task, in its metric, against what that task recommends; `verdict` judges the interval."""

    task: str
    single: str
    own: str
    loss: Quantity
    interval: str
    metric: str
    verdict: str


class AbsentLine(Noun):
    """Why a model has no score on a task."""

    candidate: str
    task: str
    state: str
    reason: str


class SuiteSection(Noun):
    """The tasks of one modality, with the one model for all of them."""

    key: str
    title: str
    advice: Advice
    unit: str
    tasks: tuple[Column, ...]
    columns: tuple[Column, ...]
    lines: tuple[SuiteLine, ...]
    losses: tuple[LossLine, ...]
    absent: tuple[AbsentLine, ...]


class TaskLine(Noun):
    """A task with what it recommends by itself; `link` leads to its own report, empty where there is none."""

    task: str
    description: str
    link: str
    run: str
    weight: str
    metric: str
    margin: str
    rows: str
    choice: str
    score: str
    interval: str
    verdict: str


class MissingLine(Noun):
    """A task of which nothing is known, and why."""

    task: str
    reason: str
    hint: str


class SuiteReport(Noun):
    """The whole report of a suite's run."""

    format: Literal["bench.suite-report/1"] = "bench.suite-report/1"
    run: str
    suite: str
    title: str
    description: str
    started: str
    headline: str
    warnings: tuple[str, ...]
    sections: tuple[SuiteSection, ...]
    tasks: tuple[TaskLine, ...]
    missing: tuple[MissingLine, ...]
    next: tuple[Step, ...]
    method: tuple[str, ...]
    facts: tuple[Fact, ...]
    command: str
