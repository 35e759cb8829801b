"""A run, read back from the disk and ranked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.difference import Part, RunName
from harness.core.evidence import RowNames
from harness.core.ranking import Ranking
from harness.core.run import RunInfo
from harness.core.trial import Failed
from harness.errors import WorkspaceError
from harness.execute.campaign import Evidence, weigh
from harness.store import row_names, runs

if TYPE_CHECKING:
    from harness.rank.pairing import Side

PARTS: tuple[Part, ...] = ("validation", "test")


@dataclass(frozen=True, slots=True)
class Opened:
    """A run, read back and ranked."""

    folder: Path
    info: RunInfo
    found: Evidence
    ranking: Ranking

    @property
    def name(self) -> RunName:
        """Return which run it is."""
        return RunName(run=self.info.run, started=self.info.started, folder=str(self.folder))

    @property
    def unfinished(self) -> int:
        """Return how many trials were planned and not run."""
        return len(set(self.info.plan) - {record.trial.key for record in self.found.records})

    @property
    def unreadable(self) -> int:
        """Return of how many finished trials the predictions are lost."""
        outcomes = [record.outcome for record in self.found.records]
        return sum(isinstance(outcome, Failed) and outcome.stage == "reading" for outcome in outcomes)

    def tell_state(self) -> str:
        """Return what is lost or was not run, nothing where all is there."""
        lost, missing, planned = self.unreadable, self.unfinished, len(self.info.plan)
        notes = [f"the predictions of {lost} trial{'s' if lost > 1 else ''} cannot be read"] if lost else []
        notes += [f"{missing} of {planned} trials were not run"] if missing else []
        return "; ".join(notes)

    def side(self) -> Side:
        """Return the run's contenders with the names of their rows.

        Raises:
            WorkspaceError: those of one are damaged, or are not those that were answered.
        """
        from harness.rank.contender import gather  # noqa: PLC0415 - numpy is not needed to say that a run is not there
        from harness.rank.pairing import Side  # noqa: PLC0415 - as above

        field = gather(self.info, self.found.answers, self.found.records)
        # All contenders have the same rows; but one that left a race did not predict the test rows.
        whole = next((one for one in field if one.answers.confirms), field[0] if field else None)
        names: dict[Part, RowNames] = {}
        if whole is not None:
            path = self.folder / "predictions" / whole.answers.record.predictions
            kept = row_names.read(path)
            names = {part: kept[part] for part in PARTS}
            sizes = {"validation": len(self.found.truth.validation), "test": len(self.found.truth.test)}
            if any(len(kept[part].ids) != sizes[part] for part in PARTS):
                what = "the predictions of a trial are of other rows than those of the run"
                raise WorkspaceError(what, where=str(path), hint="run the comparison again")
        return Side(self.info, field, self.found.truth, names)


def open_run(run: str, workspace: str | Path) -> Opened:
    """Read a run back that is named by its path, its id, or its task.

    Raises:
        WorkspaceError: it is not there, or cannot be read.
    """
    folder = runs.find(Path(workspace) / "reports", run)
    return weigh_run(folder, runs.read_info(folder))


def weigh_run(folder: Path, info: RunInfo) -> Opened:
    """Rank what the disk holds of a run.

    Raises:
        WorkspaceError: its records cannot be read, or do not belong to its predictions.
    """
    from harness.rank.ranking import rank  # noqa: PLC0415 - numpy is not needed to say that a run is not there

    found = weigh(folder, info)
    return Opened(folder, info, found, rank(info, found.answers, found.truth, found.records))


def check_task(one: Opened, other: Opened, where: str) -> None:
    """Accept two runs of one task.

    Raises:
        WorkspaceError: they are of two.
    """
    names = one.info.task.name, other.info.task.name
    if names[0] != names[1]:
        what = f'the runs are of two tasks, "{names[0]}" and "{names[1]}"'
        raise WorkspaceError(what, where=where, hint=f"name two runs of one task, which `bench history {names[1]}` lists")
