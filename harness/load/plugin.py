"""Running Python that belongs to the user: plugin files and `data.py`."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from harness.errors import BenchError

Result = TypeVar("Result")


class ForeignError(BenchError):
    """Code that bench did not write raised; `what` names the exception, its message and the line in the file."""


class _Loader(SourceFileLoader):
    """Reads a source file and leaves no compiled file beside it, which a quick edit could make stale."""

    def set_data(self, path: str, data: object, *, _mode: int = 0o666) -> None:
        """Write nothing."""


def import_file(path: Path) -> ModuleType:
    """Import a file under a name of its own, derived from its path, so that it hides no other module.

    What the file prints goes to stderr: stdout belongs to bench's own result.

    Raises:
        ForeignError: when the file raises or exits while it is imported.
    """
    digest = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:12]
    name = f"bench_file_{digest}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_Loader(name, str(path)))
    if spec is None or spec.loader is None:
        msg = "the file cannot be imported"
        raise ForeignError(msg, where=str(path))
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickling look their module up by name, so it stays there, under a name nobody else uses.
    sys.modules[name] = module
    try:
        run_foreign(lambda: spec.loader.exec_module(module) if spec.loader else None, path)
    except ForeignError:
        del sys.modules[name]
        raise
    return module


def run_foreign(call: Callable[[], Result], path: Path) -> Result:
    """Call code from a user's file.

    Raises:
        ForeignError: for whatever it raises, with the last line of that file that was being run.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return call()
    except (Exception, SystemExit) as error:  # the code is not ours: nothing it raises may stop the others
        raise ForeignError(_describe(error, path), where=str(path), hint=_advise(error)) from error


def _describe(error: BaseException, path: Path) -> str:
    line = _line(error, path)
    message = str(error).splitlines()[0] if str(error) else ""
    message = error.msg if isinstance(error, SyntaxError) else message
    return f"{type(error).__name__}: {message}" + (f" (line {line})" if line else "")


def _line(error: BaseException, path: Path) -> int | None:
    """Find the line in the given file that led to the error."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    found = None
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def _advise(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        return f"pip install {package}, or correct the import; heavy libraries are best imported inside `load`"
    if isinstance(error, SyntaxError):
        return "correct the syntax"
    return "correct the file; run it with python to see the whole traceback"
