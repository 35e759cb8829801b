"""The journal of a run: one Record a line, appended and flushed to the disk. Nothing in it is ever changed."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import ValidationError

from harness.atomic import settle
from harness.core.trial import Record
from harness.errors import WorkspaceError
from harness.store.formats import is_newer, upgrade


def append(path: Path, record: Record) -> None:
    """Add a record so that it survives a crash right after, or leave the journal as it was.

    Raises:
        WorkspaceError: it cannot be written.
    """
    line = record.model_dump_json().encode() + b"\n"
    try:
        with path.open("ab", buffering=0) as journal:
            size = journal.tell()
            try:
                written = journal.write(line)
                if written != len(line):
                    _refuse("the disk is full", path)
                os.fsync(journal.fileno())
            except BaseException:
                journal.truncate(size)
                raise
        if not size:
            settle(path.parent)
    except OSError as error:
        _refuse(error.strerror or str(error), path)


def read(path: Path) -> tuple[Record, ...]:
    """Return the records in order, those of earlier versions in today's form; a torn last line, as a crash leaves it, is dropped.

    Raises:
        WorkspaceError: the journal is absent, or a line other than a torn last one cannot be read.
    """
    if not path.is_file():
        raise WorkspaceError("the run has no journal", where=str(path), hint="name a folder that `bench compare` wrote")
    lines = path.read_bytes().split(b"\n")
    records = []
    for number, line in enumerate(lines[:-1], 1):
        try:
            records.append(_parse(line))
        except (ValueError, RecursionError) as error:
            what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            hint = "--resume sets the line aside and runs its trial again"
            raise WorkspaceError(f"the journal cannot be read: {what[:200]}", where=f"{path}, line {number}", hint=hint) from error
    return tuple(records)


def repair(path: Path) -> int:
    """Make a journal whole that a crash has left torn, and return how many lines were lost.

    Lines that cannot be read go to `records.damaged.jsonl` beside it; a torn end is cut off.
    """
    if not path.is_file():
        return 0
    content = path.read_bytes()
    sound, damaged = [], []
    for line in content.split(b"\n")[:-1]:
        try:
            _parse(line)
            sound.append(line)
        except (ValueError, RecursionError):
            damaged.append(line)
    kept = b"".join(line + b"\n" for line in sound)
    if damaged:
        with path.with_name("records.damaged.jsonl").open("ab") as stream:
            stream.writelines(line + b"\n" for line in damaged)
    if kept != content:
        from harness.atomic import write_bytes  # noqa: PLC0415 - only after a crash

        write_bytes(path, kept)
    return len(damaged) + bool(content.rpartition(b"\n")[2])


def _parse(line: bytes) -> Record:
    """Read one line.

    Raises:
        ValueError: it is no record.
    """
    document = json.loads(line)
    if is_newer(document, "bench.record", 2):
        msg = f"it was written by a newer version of bench ({document['format']})"
        raise ValueError(msg)
    return Record.model_validate_json(json.dumps(upgrade(document)))


def _refuse(why: str, path: Path) -> None:
    what = f"cannot write the records: {why}"
    raise WorkspaceError(what, where=str(path), hint="free some space, then go on with `bench compare … --resume`")
