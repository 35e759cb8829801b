"""Rows that a function in the task's own `data.py` returns, which is called in a process of its own: it can end nothing else."""

from __future__ import annotations

import os
import re
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from harness.errors import TaskError
from harness.load.budget import Budget
from harness.load.foreign_process import ForeignProcess
from harness.load.hand_over import Damaged, read_tables
from harness.load.place import show
from harness.load.table import Source

SECONDS = 600.0
_PATIENCE_S = 5.0  # it ends itself when its time is over, and says where it was
_TRACE = 2**16
_LATE = "Timeout ("  # what `faulthandler` writes first
_STDERR = 2
_OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}


def call_function(path: Path, name: str, budget: Budget | None = None, *, offline: bool = False) -> Source:
    """Import the file, call the function without arguments, and read what it returns.

    It may need a password or a token to reach the rows, so its process knows what this one knows. What it prints goes to stderr.

    Raises:
        TaskError: when the function is missing, raises, ends its process, takes too long, or returns something that is no table.
    """
    place = f"{show(path)}, function {name}"
    # Without a name, so that nothing is left of it however this process ends.
    with TemporaryFile() as stream:
        environ = {**os.environ, **(_OFFLINE if offline else {})}
        arguments = [str(SECONDS), place, os.fsdecode(path), name]
        with ForeignProcess(
            "harness.load.data_reader", arguments, descriptor=stream.fileno(), environ=environ, output=_STDERR
        ) as process:
            ending = process.ending(SECONDS + _PATIENCE_S)
        stream.seek(0)
        try:
            tables = read_tables(stream, path.parent, budget or Budget())
        except Damaged as error:
            raise _explain(stream, ending, place, path) from error
    return Source(place, tables[0], tables[1] if len(tables) > 1 else None)


def _explain(stream: BinaryIO, ending: str, place: str, path: Path) -> TaskError:
    """Return the error for a process that gave no rows; where it was stands at the end of the file."""
    stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TRACE))
    trace = stream.read().decode(errors="replace")
    line = re.search(rf'File "{re.escape(str(path))}", line (\d+) in ', trace)
    where = f"{place}, line {line[1]}" if line else place
    if not ending or _LATE in trace:
        hint = "write the rows to a file once, and name that file in data.train: reading a file may take as long as it takes"
        return TaskError(f"the function takes longer than {SECONDS:g} s", where=where, hint=hint)
    killed = "; memory may have run out" if "SIGKILL" in ending else ""
    return TaskError(
        f"the function {ending}{killed}", where=where, hint="return the rows, and raise an exception where there are none"
    )
