"""What `--task` and `--data` mean together: one task and its rows, or several tasks and theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import WorkspaceError


@dataclass(frozen=True, slots=True)
class Target:
    """The names of tasks, or of a suite, and the rows that replace their own; `many` where there is more than one task."""

    names: tuple[str, ...]
    many: bool
    data: str | None = None
    data_of: dict[str, str] = field(default_factory=dict)

    @property
    def suite(self) -> str | tuple[str, ...]:
        """Return a suite's name, or the names of several tasks."""
        return self.names if len(self.names) > 1 else self.names[0]


def find(names: Sequence[str], data: Sequence[str], workspace: Path) -> Target:
    """Find out whether one task is meant or several.

    Raises:
        BenchError: there is no such task or suite, a file is faulty, or what is said of rows fits neither.
    """
    from harness.load.suites import LoadedSuite, assign_data, find_target, gather_tasks  # noqa: PLC0415 - help does without
    from harness.load.workspace import load_workspaces  # noqa: PLC0415 - as above

    workspaces = load_workspaces(workspace)
    given = data[0] if len(data) == 1 else ""
    found = find_target(names[0], workspaces, given) if len(names) == 1 else gather_tasks(names, workspaces)
    if isinstance(found, LoadedSuite):
        rows = assign_data(data, [one.task.name for one in found.tasks]) if data else {}
        return Target(tuple(names), many=True, data_of=rows)
    if len(data) > 1:
        raise WorkspaceError("the rows of one task are given twice", where="--data", hint="give one file or folder")
    return Target(tuple(names), many=False, data=data[0].removeprefix(f"{found.task.name}=") if data else None)
