"""Everything a reader of a comparison is shown: numbers with their text, sentences, tables. A template computes nothing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.core.noun import Noun
from harness.core.shown import Column, Fact, FigureNote, Quantity, Score
from harness.core.training_report import Training


class Step(Noun):
    """Something to do next: why, and the line to type."""

    why: str
    command: str = ""


class Advice(Noun):
    """The answer in words; `sentences` stand in reading order.

    `verdict` says whether the evidence decides. When nothing qualifies, it, candidate and technique are empty.
    """

    headline: str
    verdict: str = ""
    candidate: str = ""
    technique: str = ""
    decisive: bool | None = None
    baseline_suffices: bool = False
    sentences: tuple[str, ...]
    facts: tuple[Fact, ...] = ()
    next: tuple[Step, ...] = ()


class Badge(Noun):
    """A short mark beside a name; `kind` is for the style sheet."""

    text: str
    kind: Literal["recommended", "baseline", "control", "pareto", "warning"]
    note: str


class Row(Noun):
    """One contender in the ranking; `cells` has a quantity under the key of every column.

    `in_view` is false where the score lies so far from those of the models that figures leave it out. Where weights were trained,
    `how` names the technique in words, `reached` says how far the training came if not to the end, and `untested` why there is no
    test score.
    """

    rank: int
    tie: int
    candidate: str
    technique: str
    recommended: bool
    qualified: bool
    baseline: bool
    control: bool
    pareto: bool
    overfit: bool
    in_view: bool
    badges: tuple[Badge, ...]
    validation: Score
    test: Score | None
    cells: dict[str, Quantity]
    license: str
    recipe: str
    notes: tuple[str, ...]
    reasons: tuple[str, ...]
    how: str = ""
    reached: str = ""
    untested: str = ""

    @property
    def name(self) -> str:
        """Return candidate and technique as one."""
        return f"{self.candidate} · {self.how or self.technique}"


class Group(Noun):
    """Rows that the evidence does not separate, or the rows that a constraint excludes (`tie` 0)."""

    tie: int
    title: str
    rows: tuple[Row, ...]


class Table(Noun):
    """The ranking: the columns everybody needs, those that a closer look needs, and the rows in groups."""

    metric: str
    columns: tuple[Column, ...] = ()
    more_columns: tuple[Column, ...] = ()
    groups: tuple[Group, ...] = ()
    conditions: tuple[Fact, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """Return the rows of all groups in order."""
        return tuple(row for group in self.groups for row in group.rows)


class Option(Noun):
    """What another wish would lead to."""

    wish: str
    candidate: str
    technique: str
    detail: str


class TransferRow(Noun):
    """One candidate's transferability scores; `cells` has a quantity under the key of every column."""

    candidate: str
    cells: dict[str, Quantity]


class Transfer(Noun):
    """Scores that predict how well a candidate transfers, beside the order by size alone.

    `agreement` says how well each order foretold the measured one.
    """

    columns: tuple[Column, ...] = ()
    rows: tuple[TransferRow, ...] = ()
    agreement: tuple[Fact, ...] = ()
    note: str = ""


class PartRow(Noun):
    """One contender's figures; `cells` has a quantity under the key of every column."""

    contender: str
    cells: dict[str, Quantity]


class Parts(Noun):
    """How well each part of what is told is told: a column for each type of entity, whose unit is how many there are."""

    columns: tuple[Column, ...] = ()
    rows: tuple[PartRow, ...] = ()
    note: str = ""


class Link(Noun):
    """A page where a fact can be checked; the address is http or https."""

    text: str
    address: Annotated[str, Field(pattern=r"^https?://")]


class Known(Noun):
    """What is known of a candidate without running it. `shared` are the domains that it has in common with the task."""

    candidate: str
    summary: str
    pretraining: str
    domains: tuple[str, ...]
    shared: tuple[str, ...]
    license: str
    access: str
    released: str
    parameters: Quantity
    reads: str
    languages: str
    source: str
    links: tuple[Link, ...]
    warnings: tuple[str, ...]


class ExcludedRow(Noun):
    """A candidate or contender that a constraint rules out."""

    name: str
    constraint: str
    verdict: str
    reason: str


class SkippedGroup(Noun):
    """Candidates that could not be tried, for the same reason."""

    reason: str
    candidates: tuple[str, ...]


class FailedRow(Noun):
    """A candidate that broke, with the last lines that it printed."""

    name: str
    stage: str
    error: str
    hint: str
    log: tuple[str, ...] = ()


class Report(Noun):
    """The whole report of one run."""

    format: Literal["bench.report/1"] = "bench.report/1"
    run: str
    task: str
    title: str
    description: str
    metric: str
    metric_label: str
    higher_is_better: bool
    margin: float
    started: str
    advice: Advice
    requirements: tuple[Fact, ...]
    table: Table
    figures: tuple[FigureNote, ...]
    options: tuple[Option, ...]
    transfer: Transfer
    parts: Parts = Parts()
    known: tuple[Known, ...]
    excluded: tuple[ExcludedRow, ...]
    skipped: tuple[SkippedGroup, ...]
    failed: tuple[FailedRow, ...]
    data: tuple[Fact, ...]
    data_notes: tuple[str, ...]
    warnings: tuple[str, ...]
    card_warnings: tuple[str, ...]
    method: tuple[str, ...]
    machine: tuple[Fact, ...]
    versions: tuple[Fact, ...]
    command: str
    training: Training | None = None

    @property
    def all_figures(self) -> tuple[FigureNote, ...]:
        """Return the figures of all sections."""
        return (*self.figures, *(self.training.figures if self.training else ()))
