"""What a reader is shown of a run's training: technique by candidate, gains and costs, the race, the learning curves."""

from __future__ import annotations

from harness.core.noun import Noun
from harness.core.shown import DASH, Bar, Column, Fact, FigureNote, Quantity
from harness.core.trial import Epoch


class MatrixCell(Noun):
    """A technique on a candidate: its score, or a dash and in `note` why there is none.

    `tie` is the group in the ranking, 0 where a constraint rules the contender out; `detail` says how far it was trained if not to
    the end.
    """

    text: str = DASH
    interval: str = ""
    tie: int = 0
    recommended: bool = False
    qualified: bool = False
    detail: str = ""
    note: str = "not tried"


class MatrixRow(Noun):
    """A candidate with a cell for every column."""

    candidate: str
    cells: tuple[MatrixCell, ...]


class Matrix(Noun):
    """Validation scores, candidates by techniques."""

    columns: tuple[Column, ...] = ()
    rows: tuple[MatrixRow, ...] = ()


class GainCell(Noun):
    """What training adds to the best head on frozen features, `over`, in points: hundredths of the metric, positive is better.

    `verdict` says in words where the interval does not show a gain. `bar` is drawn on the scale of all gains of trainings that were
    carried to the end, on which `zero` is the place of none; others have no bar.
    """

    text: str
    interval: str
    over: str
    verdict: str
    bar: Bar | None
    zero: float


class TrainedRow(Noun):
    """A contender whose weights were trained; `cells` has a quantity under the key of every column."""

    candidate: str
    technique: str
    how: str
    recommended: bool
    reached: str
    gain: GainCell | None
    cells: dict[str, Quantity]
    recipe: str


class RunnerRow(Noun):
    """A contender of the race with its score after every round; `setting` is what tells its recipe from others.

    `end` says how far it came, `reason` why not further, `left` that it was not trained to the end.
    """

    number: int
    candidate: str
    how: str
    setting: str
    recommended: bool
    left: bool
    scores: tuple[Quantity, ...]
    chance: Quantity
    end: str
    reason: str

    @property
    def name(self) -> str:
        """Return candidate, technique and setting as one."""
        return " · ".join(part for part in (self.candidate, self.how, self.setting) if part)


class RaceCourse(Noun):
    """The race: its rounds as columns with the share of training that each ends at, who ran, and who did not take part.

    `frozen` is the best score of a head on frozen features, None where there is none.
    """

    columns: tuple[Column, ...] = ()
    shares: tuple[float, ...] = ()
    runners: tuple[RunnerRow, ...] = ()
    absent: tuple[str, ...] = ()
    frozen: float | None = None


class Curve(Noun):
    """A contender's training and validation, epoch by epoch; `of` epochs were laid out."""

    name: str
    recommended: bool
    of: float
    points: tuple[Epoch, ...]


class Training(Noun):
    """Everything about training; `facts` are the effort, the budget and the plan."""

    facts: tuple[Fact, ...] = ()
    matrix: Matrix = Matrix()
    columns: tuple[Column, ...] = ()
    rows: tuple[TrainedRow, ...] = ()
    conditions: tuple[Fact, ...] = ()
    race: RaceCourse = RaceCourse()
    curves: tuple[Curve, ...] = ()
    figures: tuple[FigureNote, ...] = ()
