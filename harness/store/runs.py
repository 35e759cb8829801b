"""Folders of runs: `reports/<task>/<run>/`, and the way back from a name to a folder."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from harness.atomic import write_bytes
from harness.core.run import RunInfo
from harness.errors import WorkspaceError, suggest


def new_run_id() -> str:
    """Return a name that sorts by time and that two runs do not share."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def create(reports: Path, info: RunInfo) -> Path:
    """Make the run's folder and write its head.

    Raises:
        WorkspaceError: the folder cannot be written.
    """
    folder = reports / info.task.name / info.run
    try:
        (folder / "predictions").mkdir(parents=True)
        write_bytes(folder / "run.json", info.model_dump_json(indent=1).encode())
    except OSError as error:
        what = f"cannot write the run: {error.strerror}"
        raise WorkspaceError(what, where=str(folder), hint="choose another --workspace, or free some space") from error
    return folder


def point_latest(folder: Path) -> None:
    """Let `reports/<task>/latest` lead to this run; where links are not to be had, do without."""
    link, fresh = folder.parent / "latest", folder.parent / f".latest-{folder.name}"
    try:
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
        return RunInfo.model_validate_json(path.read_bytes())
    except OSError as error:
        raise WorkspaceError(
            "the run has no run.json", where=str(folder), hint="name a folder that `bench compare` wrote"
        ) from error
    except ValidationError as error:
        what = f"run.json cannot be read: {error.errors()[0]['msg']}"
        raise WorkspaceError(
            what, where=str(path), hint="it was written by another version of bench; run the comparison again"
        ) from error


def find(reports: Path, run: str) -> Path:
    """Return the folder of a run named by its path, its id, or its task (then the latest).

    Raises:
        WorkspaceError: there is no such run.
    """
    if (Path(run) / "run.json").is_file():
        return Path(run)
    known = {path.parent.name: path.parent for path in sorted(reports.glob("*/*/run.json")) if not path.parent.is_symlink()}
    latest = {path.name: path / "latest" for path in reports.glob("*") if (path / "latest" / "run.json").is_file()}
    found = known.get(run) or latest.get(run)
    if found is None:
        raise WorkspaceError(
            f'no run "{run}"', where=str(reports), hint=suggest(run, [*known, *latest]) if known else "run `bench compare` first"
        )
    return found.resolve()
