"""What a check found out, and what its author can do about it."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from harness.core.noun import Noun
from harness.errors import BenchError

Status = Literal["passed", "warning", "failed", "not applicable"]
_LONGEST = 300
_KNOWN = (str(Path(__file__).parents[1]), sysconfig.get_path("stdlib"))


class Finding(Noun):
    """One check of one candidate or task: how it went, what was seen, where, and what to do."""

    subject: str
    check: str
    status: Status
    what: str
    where: str = ""
    hint: str = ""

    def __str__(self) -> str:
        """Return the three lines of an error; the second and third are left out where they are empty."""
        return str(BenchError(f"{self.subject}: {self.check}: {self.what}", where=self.where, hint=self.hint))


class Doubtful(BenchError):  # noqa: N818 - a reason to think, not a fault
    """What was seen is allowed, and its author should know of it."""


class NotApplicable(BenchError):  # noqa: N818 - a reason to skip, not a fault
    """The check has nothing to look at."""


def try_unasked(calls: Sequence[tuple[str, Callable[[], object]]]) -> None:
    """Call what a comparison never asks for, each by what it is.

    Raises:
        Doubtful: a call breaks.
    """
    for name, call in calls:
        try:
            call()
        except Exception as error:
            what = f"{name} gives {type(error).__name__}: {next(iter(str(error).splitlines()), '')[:120]}"
            hint = "a comparison never asks for it, but whoever uses the model elsewhere may"
            raise Doubtful(what, hint=hint) from error


def judge(subject: str, check: str, look: Callable[[], str]) -> Finding:
    """Run one check: it returns what it saw when that is right, and raises otherwise."""
    try:
        return Finding(subject=subject, check=check, status="passed", what=look())
    except Doubtful as doubt:
        return Finding(subject=subject, check=check, status="warning", what=doubt.what, where=doubt.where, hint=doubt.hint)
    except NotApplicable as reason:
        return Finding(subject=subject, check=check, status="not applicable", what=reason.what)
    except BenchError as fault:
        return Finding(subject=subject, check=check, status="failed", what=fault.what, where=fault.where, hint=fault.hint)
    except BaseException as error:  # noqa: BLE001 - a candidate's own code runs in a check: it may raise anything, SystemExit too
        what, where = describe(error)
        hint = "mend the line, or say in the card what the candidate is not made for"
        return Finding(subject=subject, check=check, status="failed", what=what, where=where, hint=hint)


def describe(error: BaseException) -> tuple[str, str]:
    """Return an exception as one line, and the line of the author's code that led to it, or else the one that raised it."""
    text = next(iter(str(error).splitlines()), "")
    trace = traceback.extract_tb(error.__traceback__)
    frame = next((frame for frame in reversed(trace) if is_foreign(frame.filename)), trace[-1])
    return f"{type(error).__name__}: {text}"[:_LONGEST], f"{frame.filename}, line {frame.lineno}"


def is_foreign(path: str) -> bool:
    """Tell whether a file of code is neither bench's own, nor of Python, nor of an installed library."""
    return not path.startswith(_KNOWN) and "site-packages" not in path and not path.startswith("<")
