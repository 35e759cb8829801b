"""The files of tasks and of suites, found by the name that stands in them or by their place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import BenchError, TaskError, WorkspaceError
from harness.load.lines import check_file
from harness.load.place import show, to_path
from harness.load.workspace import Workspace
from harness.load.yaml_file import MAX_BYTES

TASK, SUITE = "task.yaml", "suite.yaml"
_NAME_LINE = re.compile(rb"^name:[ \t]*[\"']?([^\s\"'#]+)", re.MULTILINE)


def paths(workspace: Workspace, file: str) -> Iterator[Path]:
    """Yield the files of one kind in a workspace, by the names of their folders."""
    yield from sorted((workspace.root / "tasks").glob(f"[!._]*/{file}"))


def names(workspaces: Sequence[Workspace], file: str) -> list[str]:
    """Return the names that files of one kind bear."""
    return [read_name(path) for workspace in workspaces for path in paths(workspace, file)]


def search(name_or_path: str, workspaces: Sequence[Workspace], file: str) -> list[tuple[Path, str]]:
    """Return the files of one kind that bear a name, or else the one that lies at a path, with the workspace of each.

    Raises:
        TaskError: no file can have such a name.
    """
    space, colon, name = name_or_path.rpartition(":")
    searched = [workspace for workspace in workspaces if not colon or workspace.name == space]
    named = [(path, workspace.name) for workspace in searched for path in paths(workspace, file) if read_name(path) == name]
    if named:
        return named
    given = to_path(name_or_path, TaskError, "--task")
    path = given / file if given.is_dir() else given
    # A task's file may be called otherwise; a suite's may not.
    if not path.is_file() or path.suffix not in {".yaml", ".yml"} or (path.name == SUITE) != (file == SUITE):
        return []
    return [(path, next((space.name for space in workspaces if path.resolve().is_relative_to(space.root)), "path"))]


def duplicate(kind: str, name: str, found: Sequence[tuple[Path, str]]) -> WorkspaceError:
    """Return the error for a name that several files bear."""
    spaces = list(dict.fromkeys(owner for _, owner in found))
    hint = "rename one" if len(spaces) < 2 else "rename one, or choose with " + " or ".join(f"{space}:{name}" for space in spaces)
    place = " and ".join(show(path) for path, _ in found)
    return WorkspaceError(f'the {kind} "{name}" is defined {len(found)} times', where=place, hint=hint)


def read_name(path: Path) -> str:
    """Read the name that stands in a file without the rest, so that a faulty file can still be found."""
    try:
        check_file(path, TaskError, MAX_BYTES)
        match = _NAME_LINE.search(path.read_bytes())
    except (BenchError, OSError):
        return path.parent.name
    return match[1].decode(errors="replace") if match else path.parent.name
