"""Conformance checks for authors of candidates and tasks, for their own tests: `from harness.testing import assert_candidate`."""

from __future__ import annotations

from pathlib import Path

from harness.conformance.audit import Asked, audit
from harness.conformance.finding import Finding
from harness.conformance.inspection import SECONDS, find_files, inspect
from harness.core.trust import CAUTIOUS, Trust
from harness.load.tasks import load_task
from harness.load.workspace import load_workspaces

__all__ = ["Finding", "assert_candidate", "assert_task", "check_candidate", "check_task"]


def check_candidate(
    target: str | Path, *, workspace: str | Path = ".", seconds: float = SECONDS, trust: Trust = CAUTIOUS
) -> list[Finding]:
    """Make every check of the candidates in a card file, a plugin or a folder of these, or of one candidate by its name.

    Their code runs in processes of its own. A candidate that takes over `seconds`, crashes or exits is a finding like others.

    Raises:
        BenchError: there is no such file or name, or a card is not valid.
    """
    return [finding for file in find_files(str(target), Path(workspace), seconds) for finding in inspect(file, seconds, trust)]


def assert_candidate(target: str | Path, *, workspace: str | Path = ".", seconds: float = SECONDS) -> None:
    """Make every check of `check_candidate`, and fail a test where one failed.

    Raises:
        AssertionError: the text of every check that failed: what, where, and what to do.
        BenchError: there is no such file or name, or a card is not valid.
    """
    _assert(check_candidate(target, workspace=workspace, seconds=seconds))


def check_task(
    target: str | Path, *, workspace: str | Path = ".", data: str | Path | None = None, seed: int = 0, offline: bool = False
) -> list[Finding]:
    """Make every check of a task, named or given by its folder or file; `data` takes the place of its own rows.

    Raises:
        BenchError: there is no such task, or its file is not valid.
    """
    loaded = load_task(str(target), load_workspaces(Path(workspace)))
    return audit(loaded, Asked(None if data is None else str(data), seed, offline))


def assert_task(target: str | Path, *, workspace: str | Path = ".", data: str | Path | None = None, offline: bool = False) -> None:
    """Make every check of `check_task`, and fail a test where one failed.

    Raises:
        AssertionError: the text of every check that failed: what, where, and what to do.
        BenchError: there is no such task, or its file is not valid.
    """
    _assert(check_task(target, workspace=workspace, data=data, offline=offline))


def _assert(findings: list[Finding]) -> None:
    failed = [str(finding) for finding in findings if finding.status == "failed"]
    if failed:
        raise AssertionError("\n\n".join(failed))
