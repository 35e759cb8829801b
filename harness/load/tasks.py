"""The tasks of all workspaces, and which of them a user means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.task import Task
from harness.errors import BenchError, Faults, TaskError, WorkspaceError, raise_all, suggest
from harness.load.faults import each_fault, validate
from harness.load.lines import check_file
from harness.load.place import show, to_path
from harness.load.workspace import Workspace
from harness.load.yaml_file import MAX_BYTES, read_yaml

FILE = "task.yaml"
_NAME_LINE = re.compile(rb"^name:[ \t]*[\"']?([^\s\"'#]+)", re.MULTILINE)


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
        for path in _paths(workspace):
            try:
                loaded = _read(path, workspace.name)
            except BenchError as error:
                faults += each_fault(error)
                continue
            found.append(loaded)
            places.setdefault(loaded.task.name, []).append(path)
        faults += [_duplicate(name, paths, ()) for name, paths in places.items() if len(paths) > 1]
    raise_all(faults)
    return tuple(found)


def load_task(name_or_path: str, workspaces: Sequence[Workspace]) -> LoadedTask:
    """Read one task, by its name, by `WORKSPACE:NAME`, or by the path of its folder or file.

    Only the tasks that bear the name are read in full, so a fault in another one does not matter.

    Raises:
        BenchError: when there is no such task, there are several, or the file is faulty.
    """
    space, colon, name = name_or_path.rpartition(":")
    searched = [workspace for workspace in workspaces if not colon or workspace.name == space]
    matches = [(path, workspace.name) for workspace in searched for path in _paths(workspace) if _name(path) == name]
    if len(matches) > 1:
        raise _duplicate(name, [path for path, _ in matches], [owner for _, owner in matches])
    if matches:
        return _read(*matches[0])
    given = to_path(name_or_path, TaskError, "--task")
    path = given / FILE if given.is_dir() else given
    if path.is_file() and path.suffix in {".yaml", ".yml"}:
        owner = next((space.name for space in workspaces if path.resolve().is_relative_to(space.root)), "path")
        return _read(path, owner)
    raise _unknown(name_or_path, [_name(path) for workspace in workspaces for path in _paths(workspace)])


def _paths(workspace: Workspace) -> Iterator[Path]:
    yield from sorted((workspace.root / "tasks").glob(f"[!._]*/{FILE}"))


def _name(path: Path) -> str:
    """Read a task's name without the rest, so that a faulty file can still be found."""
    try:
        check_file(path, TaskError, MAX_BYTES)
        match = _NAME_LINE.search(path.read_bytes())
    except (BenchError, OSError):
        return path.parent.name
    return match[1].decode(errors="replace") if match else path.parent.name


def _read(path: Path, workspace: str) -> LoadedTask:
    file = read_yaml(path, TaskError)
    task = validate(Task, file.content, file, TaskError)
    if isinstance(task, Task):
        return LoadedTask(task, path.resolve(), path.resolve().parent, workspace)
    raise task[0] if len(task) == 1 else Faults(task)


def _duplicate(name: str, paths: Sequence[Path], owners: Sequence[str]) -> WorkspaceError:
    spaces = list(dict.fromkeys(owners))
    hint = "rename one" if len(spaces) < 2 else "rename one, or choose with " + " or ".join(f"{space}:{name}" for space in spaces)
    return WorkspaceError(f'the task "{name}" is defined {len(paths)} times', where=" and ".join(map(show, paths)), hint=hint)


def _unknown(name: str, known: Sequence[str]) -> TaskError:
    if "/" in name or name.endswith((".yaml", ".yml")):
        return TaskError(
            f'there is no task at "{name}"', where="--task", hint=f"name a folder that holds {FILE}, or the file itself"
        )
    hint = suggest(name, set(known)) if known else "there are none; `bench init` writes an example"
    return TaskError(f'unknown task "{name}"', where="--task", hint=hint)
