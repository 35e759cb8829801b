"""The suites of all workspaces, and what a user means by `--task`: a task, a suite, or several tasks."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.suite import Member, Suite
from harness.errors import BenchError, Faults, TaskError, WorkspaceError, raise_all, suggest
from harness.load import named_files
from harness.load.faults import each_fault, validate
from harness.load.named_files import SUITE, TASK
from harness.load.place import show, to_path
from harness.load.tasks import LoadedTask, load_task, unknown_task
from harness.load.workspace import Workspace
from harness.load.yaml_file import YamlFile, read_yaml

_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class LoadedSuite:
    """A suite, its tasks in order, and where it was found; one that is made on the spot has no path and no workspace."""

    suite: Suite
    tasks: tuple[LoadedTask, ...]
    path: Path | None = None
    workspace: str = ""


def list_suites(workspaces: Sequence[Workspace]) -> tuple[tuple[Suite, str], ...]:
    """Read every suite of every workspace; return each with the name of its workspace.

    Raises:
        BenchError: every fault of every file at once, and every name that one workspace holds twice.
    """
    faults: list[BenchError] = []
    found: list[tuple[Suite, str]] = []
    for workspace in workspaces:
        places: dict[str, list[Path]] = {}
        for path in named_files.paths(workspace, SUITE):
            try:
                suite, _ = _read(path)
            except BenchError as error:
                faults += each_fault(error)
                continue
            found.append((suite, workspace.name))
            places.setdefault(suite.name, []).append(path)
        twice = {name: paths for name, paths in places.items() if len(paths) > 1}
        faults += [named_files.duplicate("suite", name, [(path, "") for path in paths]) for name, paths in twice.items()]
    raise_all(faults)
    return tuple(found)


def find_target(name: str, workspaces: Sequence[Workspace], rows: str = "") -> LoadedTask | LoadedSuite:
    """Read the task or the suite that a user names: by its name, by `WORKSPACE:NAME`, or by the path of its folder or file.

    `rows` are those that the user has for it, if any.

    Raises:
        BenchError: there is none, there are several, or a file is faulty.
    """
    suites, tasks = named_files.search(name, workspaces, SUITE), named_files.search(name, workspaces, TASK)
    if suites and tasks:
        place = f"{show(suites[0][0])} and {show(tasks[0][0])}"
        hint = "rename one, or give the path of the file that you mean"
        raise WorkspaceError(f'"{name}" is both a suite and a task', where=place, hint=hint)
    if suites:
        return load_suite(name, workspaces)
    known = named_files.names(workspaces, SUITE)
    if not tasks and known and "/" not in name and not name.endswith((".yaml", ".yml")):
        raise unknown_task(name, [*known, *named_files.names(workspaces, TASK)], rows)
    return load_task(name, workspaces, rows)


def load_suite(name_or_path: str, workspaces: Sequence[Workspace]) -> LoadedSuite:
    """Read a suite with all its tasks.

    Raises:
        BenchError: there is none, there are several, or the file or a task is faulty; all faults of all tasks at once.
    """
    matches = named_files.search(name_or_path, workspaces, SUITE)
    if len(matches) > 1:
        raise named_files.duplicate("suite", name_or_path.rpartition(":")[2], matches)
    if not matches:
        hint = suggest(name_or_path, set(named_files.names(workspaces, SUITE)))
        raise TaskError(f'unknown suite "{name_or_path}"', where="--task", hint=hint)
    path, owner = matches[0]
    suite, file = _read(path)
    return LoadedSuite(suite, _load_tasks(suite, workspaces, file), path.resolve(), owner)


def gather_tasks(names: Sequence[str], workspaces: Sequence[Workspace]) -> LoadedSuite:
    """Make a suite of several tasks on the spot, each as important as the others.

    Raises:
        BenchError: a task is unknown or faulty, or one is named twice; all at once.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    raise_all([TaskError(f'the task "{name}" is named twice', where="--task", hint="name it once") for name in twice])
    members = tuple(Member(task=name) for name in names)
    tasks = _load_tasks(Suite(name="several", tasks=members), workspaces, None)
    return LoadedSuite(Suite(name=_join([one.task.name for one in tasks]), tasks=members), tasks)


def assign_data(given: Sequence[str], tasks: Sequence[str]) -> dict[str, str]:
    """Return the path that replaces each task's own rows, from words such as `TASK=PATH`.

    >>> assign_data(["a=rows.csv"], ["a", "b"])
    {'a': 'rows.csv'}

    Raises:
        WorkspaceError: a word names none of the tasks, or one twice; all at once.
    """
    faults: list[BenchError] = []
    found: dict[str, str] = {}
    for word in given:
        name, _, path = word.partition("=")
        if not path:
            what = f'"{word[:80]}" does not say whose rows it replaces'
            faults.append(WorkspaceError(what, where="--data", hint=f"write TASK=PATH, such as {tasks[0]}=rows.csv"))
        elif name not in tasks:
            faults.append(WorkspaceError(f'"{name[:80]}" is none of the tasks', where="--data", hint=suggest(name, tasks)))
        elif name in found:
            faults.append(WorkspaceError(f'the rows of "{name}" are given twice', where="--data", hint="give them once"))
        found[name] = path
    raise_all(faults)
    return found


def _join(names: Sequence[str]) -> str:
    """Name a suite by its tasks, or where that is too long, by the first and a hash of all.

    >>> _join(["a", "b"])
    'a-and-b'
    """
    title = "-and-".join(names)
    if len(title) <= _LONGEST_NAME:
        return title
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:8]
    return f"{names[0][:60]}-and-{len(names) - 1}-more-{digest}"


def _read(path: Path) -> tuple[Suite, YamlFile]:
    file = read_yaml(path, TaskError)
    suite = validate(Suite, file.content, file, TaskError)
    if isinstance(suite, Suite):
        return suite, file
    raise suite[0] if len(suite) == 1 else Faults(suite)


def _load_tasks(suite: Suite, workspaces: Sequence[Workspace], file: YamlFile | None) -> tuple[LoadedTask, ...]:
    """Read the tasks of a suite, no two of which may share a name: their runs lie in folders that bear it."""
    faults: list[BenchError] = []
    found: list[LoadedTask] = []
    for number, member in enumerate(suite.tasks):
        place = "--task" if file is None else file.locate(("tasks", number))
        try:
            loaded = load_task(_refer(member.task, file), workspaces)
        except BenchError as error:
            faults += [_placed(fault, place) for fault in each_fault(error)]
            continue
        if loaded.task.name in {other.task.name for other in found}:
            what = f'two tasks are called "{loaded.task.name}"'
            faults.append(TaskError(what, where=place, hint="keep one, or rename the other in its task.yaml"))
        found.append(loaded)
    raise_all(faults)
    return tuple(found)


def _refer(name: str, file: YamlFile | None) -> str:
    """Return a member's name, or its path, which in a file is relative to the file's folder."""
    if file is None or "/" not in name:
        return name
    return str(file.path.parent / to_path(name, TaskError, show(file.path)))


def _placed(fault: BenchError, place: str) -> BenchError:
    """Say where a task was named that does not exist; a fault inside its own file has its own place."""
    return type(fault)(fault.what, where=place, hint=fault.hint) if fault.where == "--task" else fault
