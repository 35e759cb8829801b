"""Folders of runs: `reports/<task>/<run>/`, and the way back from a name to a folder."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from harness.atomic import settle, sweep, write_bytes
from harness.core.run import RunInfo
from harness.errors import WorkspaceError, suggest
from harness.store.formats import is_newer, upgrade

_SECONDS_TO_BEGIN = 10.0
# What new_run_id gives.
_RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
# What the run of a suite has in place of `run.json`.
SUITE_HEAD = "suite.json"


def new_run_id() -> str:
    """Return a name that sorts by time and that two runs do not share."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def is_run_id(name: str) -> bool:
    """Tell whether a name is of the form that runs have."""
    return bool(_RUN_ID.fullmatch(name))


def create(reports: Path, info: RunInfo) -> Path:
    """Make the run's folder, which has no head yet.

    Raises:
        WorkspaceError: the folder cannot be written.
    """
    folder = reports / info.task.name / info.run
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        folder.mkdir()
        for parent in (folder.parent, reports, reports.parent):
            settle(parent)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder


def write_info(folder: Path, info: RunInfo) -> None:
    """Write the run's head, whole or not at all.

    Raises:
        WorkspaceError: it cannot be written.
    """
    try:
        for name in ("predictions", "logs"):
            (folder / name).mkdir(exist_ok=True)
        write_bytes(folder / "run.json", info.model_dump_json(indent=1).encode())
    except OSError as error:
        raise _unwritable(folder, error) from error


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keep every other bench off a run's folder for as long as this lasts, and clear away what an ended one left half-written.

    Where the file system knows no locks, nobody is kept off.

    Raises:
        WorkspaceError: another bench is working on the run.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            what = "another bench is working on this run"
            raise WorkspaceError(what, where=str(folder), hint="wait for its end, or begin a new run without --resume") from error
        except OSError as error:
            if error.errno not in {errno.ENOLCK, errno.ENOTSUP, errno.EINVAL}:
                raise _unwritable(folder, error) from error
        for place in (folder, folder / "predictions", folder / "figures"):
            sweep(place)
        for work in (folder / "logs").glob(".work-*"):
            shutil.rmtree(work, ignore_errors=True)
        yield
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove runs of a task that were ended before they had a head, and what workers left in others; no run that is held.

    Only folders that bench itself has named are looked at. One without a head that is young is just beginning; one with records is
    somebody's work.
    """
    for path in folder.iterdir():
        if path.is_symlink() or not _RUN_ID.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError, WorkspaceError):
            if any((path / "logs").glob(".work-*")):
                with hold(path):
                    continue
            if time.time() - path.stat().st_mtime > _SECONDS_TO_BEGIN and not _is_begun(path):
                with hold(path):
                    if not _is_begun(path):
                        shutil.rmtree(path)


def _is_begun(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("run.json", "records.jsonl", SUITE_HEAD))


def _unwritable(folder: Path, error: OSError) -> WorkspaceError:
    what = f"cannot write the run: {error.strerror}"
    return WorkspaceError(what, where=str(folder), hint="choose another --workspace, or free some space")


def point_latest(folder: Path) -> None:
    """Let `reports/<task>/latest` lead to this run; where links are not to be had, do without."""
    link, fresh = folder.parent / "latest", folder.parent / f".latest-{folder.name}"
    try:
        # One that was ended in between may have left it.
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(folder.name)
        os.replace(fresh, link)  # noqa: PTH105 - Path.replace would follow neither, but says so less clearly
    except OSError:
        fresh.unlink(missing_ok=True)


def read_info(folder: Path) -> RunInfo:
    """Return the head of a run.

    Raises:
        WorkspaceError: it is absent, or of a format that this version does not read.
    """
    path = folder / "run.json"
    try:
        document = json.loads(path.read_bytes())
        if is_newer(document, "bench.run", 2):
            what = f"run.json was written by a newer version of bench ({document['format']})"
            raise WorkspaceError(what, where=str(path), hint="use that version, or run the comparison again")
        return RunInfo.model_validate_json(json.dumps(upgrade(document)))
    except OSError as error:
        raise WorkspaceError(
            "the run has no run.json", where=str(folder), hint="name a folder that `bench compare` wrote"
        ) from error
    except (ValueError, RecursionError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        what = f"run.json cannot be read: {why[:200]}"
        raise WorkspaceError(
            what, where=str(path), hint="it was written by another version of bench; run the comparison again"
        ) from error


def find(reports: Path, run: str) -> Path:
    """Return the folder of a run named by its path, its id, or its task (then the latest).

    Raises:
        WorkspaceError: there is no such run.
    """
    try:
        found = _search(reports, run)
    except OSError as error:
        what = f"the run cannot be looked for: {error.strerror}"
        raise WorkspaceError(what, where=str(error.filename or reports), hint="name a folder that you may read") from error
    return found.resolve()


def _search(reports: Path, run: str) -> Path:
    """Return the folder of a run.

    Raises:
        OSError: a name is too long, or may not be looked at.
        WorkspaceError: there is no such run.
    """
    if (Path(run) / "run.json").is_file():
        return Path(run)
    known = {path.parent.name: path.parent for path in sorted(reports.glob("*/*/run.json")) if not path.parent.is_symlink()}
    latest = {path.name: path / "latest" for path in reports.glob("*") if (path / "latest" / "run.json").is_file()}
    found = known.get(run) or latest.get(run)
    if found is None:
        places = (Path(run), reports / run / "latest", *(reports.glob(f"*/{run}") if is_run_id(run) else ()))
        suites = [path for path in places if (path / SUITE_HEAD).is_file()]
        if suites:
            hint = "name the run of one of its tasks, which its report lists"
            raise WorkspaceError(f'"{run}" is the run of a suite', where=str(suites[0]), hint=hint)
        raise WorkspaceError(
            f'no run "{run}"', where=str(reports), hint=suggest(run, [*known, *latest]) if known else "run `bench compare` first"
        )
    return found


def list_runs(reports: Path, task: str = "") -> list[Path]:
    """Return the folders of the runs of a task, or of all tasks, oldest to newest; those without a head are among them.

    Runs of suites are not: each of their tasks has a run of its own.

    Raises:
        WorkspaceError: there is no run of that task, or the folder may not be looked at.
    """
    try:
        every = [path for path in reports.glob("*/*") if path.is_dir() and not path.is_symlink() and _is_of_task(path)]
        has_suite = bool(task) and any(reports.glob(f"{glob.escape(task)}/*/{SUITE_HEAD}"))
    except OSError as error:
        what = f"runs cannot be looked for: {error.strerror}"
        raise WorkspaceError(what, where=str(error.filename or reports), hint="name a folder that you may read") from error
    found = [path for path in every if path.parent.name == task] if task else every
    if task and not found and has_suite:
        hint = "name one of its tasks"
        raise WorkspaceError(f'"{task}" is a suite, and its tasks have the runs', where=str(reports / task), hint=hint)
    if task and not found:
        known = {path.parent.name for path in every}
        hint = suggest(task, known) if known else "run `bench compare` first"
        raise WorkspaceError(f'there is no run of "{task}"', where=str(reports), hint=hint)
    return sorted(found, key=lambda path: path.name)


def _is_of_task(folder: Path) -> bool:
    if (folder / "run.json").is_file():
        return True
    return is_run_id(folder.name) and (folder / "records.jsonl").is_file()


def is_held(folder: Path) -> bool:
    """Tell whether a bench is working on a run."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


def find_latest(reports: Path, task: str) -> Path:
    """Return the folder of the task's latest run, finished or not.

    Raises:
        WorkspaceError: there is none.
    """
    found = sorted(path.parent for path in (reports / task).glob("*/run.json") if not path.parent.is_symlink())
    if not found:
        what = f'there is no run of "{task}" to resume'
        raise WorkspaceError(what, where=str(reports), hint="leave --resume out")
    return found[-1]
