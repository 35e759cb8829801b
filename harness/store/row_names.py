"""Which rows a trial's predictions belong to, so that those of two runs can be put side by side."""

from __future__ import annotations

import json
from pathlib import Path

from harness.core.evidence import RowNames
from harness.errors import WorkspaceError
from harness.store.predictions import SPLITS, TALLY, check_rows


def read(path: Path) -> dict[str, RowNames]:
    """Return the names of the rows by split (`validation`, `test`), in the order of the answers.

    Raises:
        WorkspaceError: the file is absent, or cannot be read.
    """
    import pyarrow as pa  # noqa: PLC0415 - reading a run's head does not need it

    try:
        return _read(path)
    # As in predictions.read.
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        what = f"predictions cannot be read: {next(iter(str(error).splitlines()), type(error).__name__)[:200]}"
        raise WorkspaceError(what, where=str(path), hint="run the comparison again") from error


def _read(path: Path) -> dict[str, RowNames]:
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        check_rows(file.metadata.num_rows)
        is_tallied = TALLY in file.schema_arrow.names
        table = file.read(columns=["id", "split", *(["reference"] if is_tallied else [])])
    ids, splits = table["id"].to_pylist(), table["split"].to_pylist()
    right = [json.dumps(one, default=str) for one in table["reference"].to_pylist()] if is_tallied else []
    where = {part: [i for i, split in enumerate(splits) if split == part] for part in SPLITS}
    return {
        part: RowNames(tuple(str(ids[i]) for i in places), tuple(right[i] for i in places) if is_tallied else ())
        for part, places in where.items()
    }
