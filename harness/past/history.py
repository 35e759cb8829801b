"""The runs of a workspace, oldest to newest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.core.history import PastRun, State
from harness.core.ranking import Ranking
from harness.core.run import RunInfo
from harness.errors import BenchError
from harness.past.opened import weigh_run
from harness.store import runs


@dataclass(frozen=True, slots=True)
class _Past:
    """What is kept in mind of a run."""

    info: RunInfo
    ranking: Ranking
    state: State
    note: str


def list_history(task: str = "", *, workspace: str | Path = ".", last: int | None = None) -> tuple[PastRun, ...]:
    """Return the runs of a task, or of all, oldest to newest; with `last` the newest so many.

    Each is ranked again from its records, so that a row says what `bench report` would. What a run's damage leaves is told.

    Raises:
        WorkspaceError: there is no run of that task.
    """
    heads = {folder: _read_head(folder) for folder in runs.list_runs(Path(workspace) / "reports", task)}
    folders = sorted(heads, key=lambda folder: (_moment(folder, heads[folder]), folder.name))

    @cache
    def recall(folder: Path) -> _Past | BenchError:
        return _recall(folder, heads[folder])

    told = []
    for place in range(max(0, len(folders) - (last or len(folders))), len(folders)):
        folder = folders[place]
        earlier = (recall(other) for other in reversed(folders[:place]) if other.parent == folder.parent)
        told.append(_tell(folder, heads[folder], recall(folder), next((one for one in earlier if isinstance(one, _Past)), None)))
    return tuple(told)


def _read_head(folder: Path) -> RunInfo | BenchError:
    try:
        return runs.read_info(folder)
    except BenchError as error:
        return error


def _moment(folder: Path, head: RunInfo | BenchError) -> str:
    """Return when a run began, as digits; of one without a head, as its name says."""
    return re.sub(r"\D", "", head.started if isinstance(head, RunInfo) else folder.name)[:14]


def _recall(folder: Path, head: RunInfo | BenchError) -> _Past | BenchError:
    if isinstance(head, BenchError):
        return head
    try:
        opened = weigh_run(folder, head)
    except BenchError as error:
        return error
    state: State = "damaged" if opened.unreadable else "stopped" if opened.unfinished else "finished"
    return _Past(head, opened.ranking, "running" if runs.is_held(folder) else state, opened.tell_state())


def _tell(folder: Path, head: RunInfo | BenchError, found: _Past | BenchError, before: _Past | None) -> PastRun:
    """Return what is told of a run; `before` is the last one that can be read."""
    from harness.rank.changes import compare_heads, in_words  # noqa: PLC0415 - numpy is not needed to say that a task is wrong

    row = PastRun(run=folder.name, folder=str(folder), task=folder.parent.name, state="damaged")
    if isinstance(head, RunInfo):
        known: dict[str, object] = {"run": head.run, "task": head.task.name, "started": head.started, "metric": head.task.metric}
        row = row.model_copy(update=known)
    if isinstance(found, BenchError):
        return row.model_copy(update={"note": found.what})
    told: dict[str, object] = {"state": found.state, "note": found.note, "recommendation": found.ranking.recommendation}
    if before is not None:
        changes = (*in_words(compare_heads(before.info, found.info)), *_tell_choice(before.ranking, found.ranking))
        told |= {"since": before.info.run, "changes": changes}
    return row.model_copy(update=told)


def _tell_choice(before: Ranking, after: Ranking) -> list[str]:
    names = [chosen and (chosen.candidate, chosen.technique) for chosen in (before.recommendation, after.recommendation)]
    return ["another recommendation"] if names[0] != names[1] else []
