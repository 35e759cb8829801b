"""What the parts of a report are made of: numbers with their text, facts, columns, figures."""

from __future__ import annotations

from harness.core.noun import Noun

DASH = "–"


class Quantity(Noun):
    """A number and how it is written; `value` is None and the text a dash where it was not measured.

    `detail` is what sets this number apart from its column (a batch size of its own), `note` what else is known of it.
    """

    value: float | None = None
    text: str = DASH
    detail: str = ""
    note: str = "not measured"


class Bar(Noun):
    """An interval drawn on the scale that all rows share: start, width and the point itself, in percent of the scale."""

    start: float
    width: float
    mark: float


class Score(Noun):
    """A metric with its 95 % interval, as numbers, as text and as a bar."""

    score: float
    low: float
    high: float
    text: str
    interval: str
    bar: Bar


class Fact(Noun):
    """A label and what is to be said under it."""

    label: str
    text: str
    note: str = ""


class Column(Noun):
    """A column of measurements: `help` explains it, `conditions` hold for all its rows."""

    key: str
    label: str
    unit: str = ""
    help: str = ""
    conditions: str = ""


class FigureNote(Noun):
    """A figure's file name without suffix, its title, what it shows in words, and how to read it."""

    name: str
    title: str
    alt: str
    caption: str
