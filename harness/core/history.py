"""What is told of the runs of a workspace, and of the things in which two of them differ."""

from __future__ import annotations

from typing import Literal

from harness.core.noun import Noun
from harness.core.ranking import Recommendation

About = Literal["rows", "task", "settings", "machine", "versions", "candidates"]
State = Literal["finished", "stopped", "running", "damaged"]


class Change(Noun):
    """One thing in which the heads of two runs differ; a value that one of them lacks is empty."""

    about: About
    what: str
    before: str = ""
    after: str = ""


class PastRun(Noun):
    """A run, what it recommends, and in a few words what changed since `since`, the last run of its task that can be read.

    A run is `stopped` where trials of its plan were not run, `running` while a bench works on it, and `damaged` where files of it
    cannot be read; the `note` says more. A recommendation rests on what can be read.
    """

    run: str
    folder: str
    task: str
    started: str = ""
    state: State
    note: str = ""
    metric: str = ""
    recommendation: Recommendation | None = None
    since: str = ""
    changes: tuple[str, ...] = ()
