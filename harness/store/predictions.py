"""Predictions of a trial, one Parquet file each: row id, split, reference, prediction, probabilities."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.atomic import write_bytes
from harness.core.bounds import MAX_ROWS
from harness.errors import WorkspaceError

_SPLITS = ("validation", "test")
# Files of earlier versions lack it.
_DIGEST = b"answers_sha256"

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a contender answered to the validation rows and the test rows; labels are class indices.

    `validation` and `test` are `(n, classes) float32` probabilities, in the order of the ids. The samples hold an external metric
    of every resample, else None.
    """

    validation_ids: Sequence[str]
    validation_references: NDArray[np.int64]
    validation: NDArray[np.float32]
    test_ids: Sequence[str]
    test_references: NDArray[np.int64]
    test: NDArray[np.float32]
    validation_groups: Sequence[str] = ()
    test_groups: Sequence[str] = ()
    validation_sample: NDArray[np.float64] | None = None
    test_sample: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The part of the predictions that ranking needs, as read back."""

    references: NDArray[np.int64]
    predictions: NDArray[np.int64]
    groups: tuple[str, ...]
    sample: NDArray[np.float64] | None


def write(path: Path, found: Predictions) -> None:
    """Write one trial's predictions, whole or not at all."""
    import numpy as np  # noqa: PLC0415 - reading a run's head does not need it
    import pyarrow as pa  # noqa: PLC0415 - as above
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    sizes = len(found.validation_ids), len(found.test_ids)
    shares = np.concatenate([found.validation, found.test]).astype(np.float32)
    groups: list[str | None] = []
    for some, size in zip((found.validation_groups, found.test_groups), sizes, strict=True):
        groups += some or [None] * size
    columns = {
        "id": pa.array([*found.validation_ids, *found.test_ids], pa.string()),
        "split": pa.array(["validation"] * sizes[0] + ["test"] * sizes[1], pa.string()),
        "reference": pa.array(np.concatenate([found.validation_references, found.test_references])),
        "prediction": pa.array(shares.argmax(1)),
        "group": pa.array(groups, pa.string()),
        "probabilities": pa.FixedSizeListArray.from_arrays(pa.array(shares.ravel()), shares.shape[1]),
    }
    samples = {"validation_sample": found.validation_sample, "test_sample": found.test_sample}
    metadata = {key.encode(): sample.astype("<f8").tobytes() for key, sample in samples.items() if sample is not None}
    metadata[_DIGEST] = _digest(_answered(found, shares.argmax(1)))
    buffer = io.BytesIO()
    table = pa.table(columns).replace_schema_metadata(metadata)
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, buffer.getvalue())


def read(path: Path) -> dict[str, Answered]:
    """Return the answers by split (`validation`, `test`), as they were written.

    Raises:
        WorkspaceError: the file is absent, cannot be read, or holds other answers than were written.
    """
    import numpy as np  # noqa: PLC0415 - reading a run's head does not need it
    import pyarrow as pa  # noqa: PLC0415 - as above
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    try:
        # Not read_table: it imports pyarrow's data sets, which takes longer than all the reading.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _check_rows(file.metadata.num_rows)
            table = file.read(columns=["split", "reference", "prediction", "group"])
        metadata = table.schema.metadata or {}
        split = np.asarray(table["split"].to_pylist(), object)
        groups = np.asarray(table["group"].to_pylist(), object)
        references, predictions = (_classes(table, name) for name in ("reference", "prediction"))
        samples = {name: metadata.get(f"{name}_sample".encode()) for name in _SPLITS}
        found = {
            name: Answered(
                references=references[split == name],
                predictions=predictions[split == name],
                groups=tuple(str(group) for group in groups[split == name] if group is not None),
                sample=np.frombuffer(sample, "<f8") if (sample := samples[name]) else None,
            )
            for name in _SPLITS
        }
        return _checked(found, metadata.get(_DIGEST))
    # What Arrow raises for a damaged file, and what comes of columns that are absent, or of another kind.
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        what = f"predictions cannot be read: {next(iter(str(error).splitlines()), type(error).__name__)[:200]}"
        raise WorkspaceError(what, where=str(path), hint="run the comparison again") from error


def _answered(found: Predictions, predictions: NDArray[np.int64]) -> dict[str, Answered]:
    """Return what `read` will find; the predictions are those of validation, then those of the test rows."""
    at = len(found.validation_ids)
    groups, others = tuple(found.validation_groups), tuple(found.test_groups)
    return {
        "validation": Answered(found.validation_references, predictions[:at], groups, found.validation_sample),
        "test": Answered(found.test_references, predictions[at:], others, found.test_sample),
    }


def _digest(found: dict[str, Answered]) -> bytes:
    """Return the SHA-256 of all that ranking reads, in hexadecimal: the checksums of pages leave out the file's own head."""
    digest = hashlib.sha256()
    for name in _SPLITS:
        one = found[name]
        sample = b"" if one.sample is None else one.sample.astype("<f8").tobytes()
        for part in (one.references.astype("<i8").tobytes(), one.predictions.astype("<i8").tobytes(), sample):
            digest.update(len(part).to_bytes(8, "little") + part)
        digest.update(json.dumps([str(group) for group in one.groups]).encode())
    return digest.hexdigest().encode()


def _checked(found: dict[str, Answered], expected: bytes | None) -> dict[str, Answered]:
    """Return the answers if they are those written.

    Raises:
        ValueError: they are not.
    """
    if expected is not None and _digest(found) != expected:
        msg = "they are not what was written: the file is damaged, or was changed"
        raise ValueError(msg)
    return found


def _check_rows(number: int) -> None:
    """Refuse a file that says it holds more rows than any task.

    Raises:
        ValueError: it does.
    """
    if number > MAX_ROWS:
        msg = f"it says that it holds {number:,} rows; the limit is {MAX_ROWS:,}"
        raise ValueError(msg)


def _classes(table: pa.Table, name: str) -> NDArray[np.int64]:
    """Return a column of class indices.

    Raises:
        ValueError: it holds something else.
    """
    import numpy as np  # noqa: PLC0415 - as above
    import pyarrow as pa  # noqa: PLC0415 - as above

    column = table[name]
    if column.type != pa.int64() or column.null_count:
        msg = f"the column {name} does not hold class numbers"
        raise ValueError(msg)
    # Not to_numpy: it imports pandas, which takes longer than all the rest of a ranking.
    parts = [
        np.frombuffer(part.buffers()[1], np.int64)[part.offset : part.offset + len(part)] for part in column.chunks if len(part)
    ]
    values: NDArray[np.int64] = np.concatenate(parts) if parts else np.empty(0, np.int64)
    if (values < 0).any():
        msg = f"the column {name} holds numbers below 0"
        raise ValueError(msg)
    return values
