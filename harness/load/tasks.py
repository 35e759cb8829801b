"""The tasks of all workspaces, and which of them a user means."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.card import NAME
from harness.core.task import Task
from harness.errors import BenchError, Faults, TaskError, raise_all, suggest
from harness.load import named_files
from harness.load.faults import each_fault, validate
from harness.load.named_files import SUITE, TASK
from harness.load.workspace import Workspace
from harness.load.yaml_file import read_yaml


@dataclass(frozen=True, slots=True)
class LoadedTask:
    """A task and where it was found; `folder` is what the paths in it are relative to."""

    task: Task
    path: Path
    folder: Path
    workspace: str


def list_tasks(workspaces: Sequence[Workspace]) -> tuple[LoadedTask, ...]:
    """Read every task of every workspace.

    Raises:
        BenchError: every fault of every task file at once, and every name that one workspace holds twice.
    """
    faults: list[BenchError] = []
    found = []
    for workspace in workspaces:
        places: dict[str, list[Path]] = {}
        for path in named_files.paths(workspace, TASK):
            try:
                loaded = _read(path, workspace.name)
            except BenchError as error:
                faults += each_fault(error)
                continue
            found.append(loaded)
            places.setdefault(loaded.task.name, []).append(path)
        twice = {name: paths for name, paths in places.items() if len(paths) > 1}
        faults += [named_files.duplicate("task", name, [(path, "") for path in paths]) for name, paths in twice.items()]
    raise_all(faults)
    return tuple(found)


def load_task(name_or_path: str, workspaces: Sequence[Workspace], rows: str = "") -> LoadedTask:
    """Read one task, by its name, by `WORKSPACE:NAME`, or by the path of its folder or file.

    Only the tasks that bear the name are read in full, so a fault in another one does not matter. `rows` are those that the user
    has for the task, if any: where no task is called like it, the error says how one is made of them.

    Raises:
        BenchError: when there is no such task, there are several, or the file is faulty.
    """
    matches = named_files.search(name_or_path, workspaces, TASK)
    if len(matches) > 1:
        raise named_files.duplicate("task", name_or_path.rpartition(":")[2], matches)
    if matches:
        return _read(*matches[0])
    if named_files.search(name_or_path, workspaces, SUITE):
        hint = "give it as the only --task, or name its tasks; in Python, call compare_suite"
        raise TaskError(f'"{name_or_path}" is a suite, not a task', where="--task", hint=hint)
    raise unknown_task(name_or_path, named_files.names(workspaces, TASK), rows)


def _read(path: Path, workspace: str) -> LoadedTask:
    file = read_yaml(path, TaskError)
    task = validate(Task, file.content, file, TaskError)
    if isinstance(task, Task):
        return LoadedTask(task, path.resolve(), path.resolve().parent, workspace)
    raise task[0] if len(task) == 1 else Faults(task)


def unknown_task(name: str, known: Sequence[str], rows: str = "") -> TaskError:
    """Return the error for a task that no workspace has."""
    if "/" in name or name.endswith((".yaml", ".yml")):
        return TaskError(
            f'there is no task at "{name}"', where="--task", hint=f"name a folder that holds {TASK}, or the file itself"
        )
    hint = suggest(name, set(known)) if known else "there are none; `bench init` writes an example"
    if rows and re.fullmatch(NAME, name) and not hint.startswith("use "):
        hint = f"bench tasks new {name} --data {shlex.quote(rows)} writes one for these rows ({hint})"
    return TaskError(f'unknown task "{name}"', where="--task", hint=hint)
