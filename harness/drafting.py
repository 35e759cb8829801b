"""The whole story of a new task: read the rows, infer what they are about, write the file, and read it again as everybody will."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.atomic import write_bytes
from harness.core.draft import Draft
from harness.errors import BenchError, WorkspaceError
from harness.load.data import load_dataset
from harness.load.draft import Asked, draft_task
from harness.load.tasks import load_task
from harness.load.workspace import Workspace, load_workspaces
from harness.store.staging import publish, staging
from harness.store.task_files import FILE, write_draft

__all__ = ["Asked", "new_task"]


def new_task(asked: Asked, workspace: str | Path = ".") -> tuple[Draft, Path]:
    """Infer a task from rows and write it to `tasks/NAME/task.yaml` of a workspace, whole or not at all; return it and its path.

    The rows stay where they are, in the task's folder, unless they are to be copied there. Nothing is overwritten.

    Raises:
        BenchError: the rows are faulty, what they are about cannot be told, or the task cannot be written.
    """
    workspaces = load_workspaces(Path(workspace))
    draft = draft_task(asked, workspaces)
    place = workspaces[0].root / "tasks" / draft.task.name
    with staging(place, "--workspace") as folder:
        file = write_draft(draft, folder)
        _check_read_back(file, draft, workspaces)
        if draft.copied:
            load_dataset(draft.task, folder, override=None, seed=0, offline=True)
            publish(folder, place)
        else:
            _add(file, place / FILE)
    return draft, place / FILE


def _check_read_back(file: Path, draft: Draft, workspaces: Sequence[Workspace]) -> None:
    """Make sure that the file says what was found; names of columns can hold what no file does.

    Raises:
        WorkspaceError: it does not.
    """
    try:
        written = load_task(str(file), workspaces).task
    except BenchError:
        written = None
    if written != draft.task:
        what = "the names of the columns cannot be written to a task's file"
        raise WorkspaceError(what, where=draft.task.data.train, hint="give the columns plain names")


def _add(file: Path, target: Path) -> None:
    """Put the file among the rows.

    Raises:
        WorkspaceError: it cannot be written.
    """
    try:
        write_bytes(target, file.read_bytes())
    except OSError as error:
        what = f"the task cannot be written: {error.strerror}"
        raise WorkspaceError(what, where=str(target), hint="name rows in a folder that you may write to") from error
