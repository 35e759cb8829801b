"""Folders of runs of suites: `reports/<suite>/<run>/` with `suite.json`; each task's own run lies in the folder of its task."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from harness.atomic import settle, write_bytes
from harness.core.suite import SuiteInfo
from harness.errors import WorkspaceError
from harness.store import runs
from harness.store.formats import is_newer

HEAD = runs.SUITE_HEAD


def create(reports: Path, name: str, run: str) -> Path:
    """Make the folder of a suite's run, which has no head yet.

    Raises:
        WorkspaceError: the folder cannot be written.
    """
    folder = reports / name / run
    try:
        folder.mkdir(parents=True)
        for parent in (folder.parent, reports, reports.parent):
            settle(parent)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder


def write_info(folder: Path, info: SuiteInfo) -> None:
    """Write the head, whole or not at all.

    Raises:
        WorkspaceError: it cannot be written.
    """
    try:
        write_bytes(folder / HEAD, info.model_dump_json(indent=1).encode())
    except OSError as error:
        raise _unwritable(folder, error) from error


def read_info(folder: Path) -> SuiteInfo:
    """Return the head of a suite's run.

    Raises:
        WorkspaceError: it is absent, or of a format that this version does not read.
    """
    path = folder / HEAD
    try:
        document = json.loads(path.read_bytes())
        if is_newer(document, "bench.suite-run", 1):
            what = f"{HEAD} was written by a newer version of bench ({document['format']})"
            raise WorkspaceError(what, where=str(path), hint="use that version, or run the comparison again")
        return SuiteInfo.model_validate(document)
    except OSError as error:
        what = f"the run of a suite has no {HEAD}"
        raise WorkspaceError(what, where=str(folder), hint="name a folder that `bench compare` wrote") from error
    except (ValueError, RecursionError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        hint = "it was written by another version of bench; run the comparison again"
        raise WorkspaceError(f"{HEAD} cannot be read: {why[:200]}", where=str(path), hint=hint) from error


def find(reports: Path, run: str) -> Path | None:
    """Return the folder of a suite's run, named by its path, its id, or its suite (then the latest); None where there is none.

    Raises:
        WorkspaceError: it may not be looked at.
    """
    try:
        places = [Path(run), *reports.glob(f"*/{run}")] if runs.is_run_id(run) else [Path(run), reports / run / "latest"]
        found = next((place for place in places if (place / HEAD).is_file()), None)
    except OSError as error:
        what = f"the run cannot be looked for: {error.strerror}"
        raise WorkspaceError(what, where=str(error.filename or reports), hint="name a folder that you may read") from error
    return found.resolve() if found else None


def find_earlier(reports: Path, suite: str, run: str) -> Path:
    """Return the folder of the run of a suite to go on with; `latest` is its last one, finished or not.

    Raises:
        WorkspaceError: there is none, or it is of another suite.
    """
    mine = sorted(path.parent for path in (reports / suite).glob(f"*/{HEAD}") if not path.parent.is_symlink())
    found = (mine[-1] if mine else None) if run == "latest" else find(reports, run)
    if found is None:
        what = f'there is no run of the suite "{suite}" to resume' if run == "latest" else f'there is no run "{run}" of a suite'
        raise WorkspaceError(what, where=str(reports), hint="leave --resume out")
    other = read_info(found).suite.name
    if other != suite:
        what = f'the run is of the suite "{other}", not of "{suite}"'
        raise WorkspaceError(what, where=str(found), hint=f"give --task {other}, or another run")
    return found


def find_part(reports: Path, task: str, suite_run: str) -> str:
    """Return the run of a task that was begun as a part of a suite's run, empty where there is none: its head alone knows of it."""
    for path in sorted((reports / task).glob("*/run.json"), reverse=True):
        try:
            if not path.parent.is_symlink() and runs.read_info(path.parent).settings.suite == suite_run:
                return path.parent.name
        except WorkspaceError:
            continue
    return ""


def _unwritable(folder: Path, error: OSError) -> WorkspaceError:
    what = f"cannot write the run: {error.strerror}"
    return WorkspaceError(what, where=str(folder), hint="choose another --workspace, or free some space")
