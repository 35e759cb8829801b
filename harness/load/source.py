"""From what a task names, or the user gives instead, to tables."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.task import Task
from harness.errors import TaskError
from harness.load import conll
from harness.load.budget import Budget
from harness.load.columns import known_names
from harness.load.data_function import call_function
from harness.load.hub import check_is_remote, read_hub
from harness.load.image_folder import has_classes, read_image_folder
from harness.load.place import inside, show, to_path
from harness.load.table import Source, Table
from harness.load.table_file import SUFFIXES, join, read_table

_FUNCTION = re.compile(r"^([\w./-]+\.py):(\w+)$")
_HUB = re.compile(r"^[\w-][\w.-]*(/[\w.-]+)?$")
_TRAIN = re.compile(r"^train(ing)?([-_.]\d.*)?$", re.IGNORECASE)
_TEST = re.compile(r"^test(ing)?([-_.]\d.*)?$", re.IGNORECASE)


def open_source(task: Task, folder: Path, *, override: str | None, offline: bool) -> Source:
    """Read the training rows, and the test rows where the task or the source has some.

    What the task names must lie in its folder; what the user gives with `override` may lie anywhere.

    Raises:
        TaskError: when something is missing, unreadable or outside the task's folder.
    """
    budget = Budget()
    if override is not None:
        path = to_path(override, TaskError, "--data")
        if not override.strip() or not path.exists():
            msg = f'there is no file or folder "{override}"'
            hint = _nearest(path, "give a path that is absolute or relative to the current folder")
            raise TaskError(msg, where="--data", hint=hint)
        return _read_path(path.absolute(), task, None, budget)
    opened = _Opening(task, folder, budget, offline)
    source = _open(task.data.train, task.data.train_split, opened)
    if task.data.test is None:
        return source
    test = _open(task.data.test, task.data.test_split or "test", opened)
    return Source(
        f"{source.name}; {test.name}", source.train, test.train, source.notes + test.notes, source.warnings + test.warnings
    )


@dataclass(frozen=True, slots=True)
class _Opening:
    """What is needed to read whatever a task names."""

    task: Task
    folder: Path
    budget: Budget
    offline: bool


def _open(name: str, split: str, opening: _Opening) -> Source:
    """Read one thing that a task names: a function, a file or folder, or a Hub data set."""
    folder = opening.folder
    function = _FUNCTION.match(name)
    path = inside(folder, function[1] if function else name)
    if not path.exists() and (function or not _HUB.match(name) or path.suffix.lower() in _suffixes(opening.task)):
        msg = f'there is no file "{name}" in the task folder'
        raise TaskError(msg, where=show(folder), hint=_nearest(path, "correct the path, or put the file there"))
    if not path.exists():
        return _open_hub(name, split, opening)
    if function:
        source = call_function(path, function[2], opening.budget, offline=opening.offline)
    else:
        source = _read_path(path, opening.task, folder, opening.budget)
    test = replace(source.test, fence=folder) if source.test else None
    return replace(source, train=replace(source.train, fence=folder), test=test)


def _open_hub(name: str, split: str, opening: _Opening) -> Source:
    check_is_remote(name, opening.folder)
    data, budget = opening.task.data, opening.budget
    train = read_hub(name, split, data, budget, offline=opening.offline)
    test = read_hub(name, data.test_split, data, budget, offline=opening.offline) if data.test_split and data.test is None else None
    unpinned = f"the revision of the data set {name} is not pinned, so its rows may change between runs"
    return Source(f"{name} ({split})", train, test, warnings=() if data.revision else (unpinned,))


def _nearest(path: Path, otherwise: str) -> str:
    names = sorted(other.name for other in path.parent.iterdir()) if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f'did you mean "{near[0]}"?' if near else otherwise


def _read_path(path: Path, task: Task, fence: Path | None, budget: Budget) -> Source:
    if path.is_dir():
        return _read_folder(path, task, fence, budget)
    return Source(show(path), _read_file(path, task, budget))


def _read_file(path: Path, task: Task, budget: Budget) -> Table:
    if task.target == "tags" and path.suffix.lower() in conll.SUFFIXES:
        return conll.read_conll(path, budget)
    return read_table(path, known_names(task), budget)


def _suffixes(task: Task) -> tuple[str, ...]:
    return (*conll.SUFFIXES, *SUFFIXES) if task.target == "tags" else SUFFIXES


def _read_folder(folder: Path, task: Task, fence: Path | None, budget: Budget) -> Source:
    """Read `train.*` and `test.*`, class folders of pictures, or the one file of rows that there is.

    What lies in the folder may be a link; with a fence it may not lead out of there.
    """
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _suffixes(task) and path.name[0] not in "._")
    train = [path for path in files if _TRAIN.match(path.stem)]
    test = [path for path in files if _TEST.match(path.stem)]
    if task.modality == "image" and not train and (has_classes(folder) or not files):
        return read_image_folder(folder, fence)
    if not train and len(files) == 1:
        train, test = files, []
    if not train:
        found = ", ".join(path.name for path in files)
        msg = f"the folder holds several files of rows and no train file: {found}" if files else "the folder holds no file of rows"
        hint = f"name the file, or call it train.csv (known: {', '.join(_suffixes(task))})"
        raise TaskError(msg, where=show(folder), hint="pictures need kind: image-classification" if has_classes(folder) else hint)
    unused = [path.name for path in files if path not in {*train, *test}]
    notes = (f"not used: {', '.join(unused)} (bench draws its own validation rows)",) if unused else ()
    for path in (*train, *test) if fence else ():
        inside(fence or folder, str(path))
    tables = [_read_file(path, task, budget) for path in train]
    tested = [_read_file(path, task, budget) for path in test]
    return Source(show(folder), join(tables), join(tested) if tested else None, notes)
