"""The journal of a run: one Record a line, appended and flushed to the disk. Nothing in it is ever changed."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from harness.core.trial import Record
from harness.errors import WorkspaceError


def append(path: Path, record: Record) -> None:
    """Add a record so that it survives a crash right after."""
    line = record.model_dump_json().encode() + b"\n"
    with path.open("ab") as journal:
        journal.write(line)
        journal.flush()
        os.fsync(journal.fileno())


def read(path: Path) -> tuple[Record, ...]:
    """Return the records in order; a torn last line, as a crash leaves it, is dropped.

    Raises:
        WorkspaceError: the journal is absent, or a line other than a torn last one cannot be read.
    """
    if not path.is_file():
        raise WorkspaceError("the run has no journal", where=str(path), hint="name a folder that `bench compare` wrote")
    lines = path.read_bytes().split(b"\n")
    records = []
    for number, line in enumerate(lines[:-1], 1):
        try:
            records.append(Record.model_validate_json(line))
        except ValidationError as error:
            what = f"the journal cannot be read: {error.errors()[0]['msg']}"
            raise WorkspaceError(what, where=f"{path}, line {number}", hint="run the comparison again") from error
    return tuple(records)
