"""Predictions of a trial, one Parquet file each: row id, split, reference, prediction, probabilities.

Where no class is told, references and predictions are written as they are, for a reader; ranking reads each row's tally.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from harness.atomic import write_bytes
from harness.core.bounds import MAX_ROWS
from harness.errors import WorkspaceError

SPLITS = ("validation", "test")
# Files of earlier versions lack it.
_DIGEST = b"answers_sha256"
TALLY = "tally"

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

Number = TypeVar("Number", bound="np.generic")


@dataclass(frozen=True, slots=True)
class Told:
    """Answers of another form than one class, a row each: what was right, what was told, and the tallies `(n, s) float64`."""

    references: Sequence[object]
    predictions: Sequence[object]
    tally: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a contender answered to the validation rows and the test rows; labels are class indices.

    `validation` and `test` are `(n, classes) float32` probabilities, in the order of the ids; of numbers they are `(n, 1)`. The
    samples hold an external metric of every resample, else None. Where no class is told, references are zeros, and `told` has the
    answers to the validation rows and to the test rows.
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
    told: tuple[Told, Told] | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The part of the predictions that ranking needs, as read back; predictions are classes `(n,)`, or tallies `(n, s)`."""

    references: NDArray[np.int64]
    predictions: NDArray[np.int64] | NDArray[np.float64]
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
        **_columns(found, shares),
        "group": pa.array(groups, pa.string()),
    }
    if shares.shape[1]:
        columns["probabilities"] = pa.FixedSizeListArray.from_arrays(pa.array(shares.ravel()), shares.shape[1])
    samples = {"validation_sample": found.validation_sample, "test_sample": found.test_sample}
    metadata = {key.encode(): sample.astype("<f8").tobytes() for key, sample in samples.items() if sample is not None}
    metadata[_DIGEST] = _digest(_answered(found, shares))
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
            check_rows(file.metadata.num_rows)
            is_tallied = TALLY in file.schema_arrow.names
            table = file.read(columns=["split", "group", *([TALLY] if is_tallied else ["reference", "prediction"])])
        metadata = table.schema.metadata or {}
        split = np.asarray(table["split"].to_pylist(), object)
        groups = np.asarray(table["group"].to_pylist(), object)
        predictions = _tallies(table) if is_tallied else _classes(table, "prediction")
        references = np.zeros(len(table), np.int64) if is_tallied else _classes(table, "reference")
        samples = {name: metadata.get(f"{name}_sample".encode()) for name in SPLITS}
        found = {
            name: Answered(
                references=references[split == name],
                predictions=predictions[split == name],
                groups=tuple(str(group) for group in groups[split == name] if group is not None),
                sample=np.frombuffer(sample, "<f8") if (sample := samples[name]) else None,
            )
            for name in SPLITS
        }
        return _checked(found, metadata.get(_DIGEST))
    # What Arrow raises for a damaged file, and what comes of columns that are absent, or of another kind.
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        what = f"predictions cannot be read: {next(iter(str(error).splitlines()), type(error).__name__)[:200]}"
        raise WorkspaceError(what, where=str(path), hint="run the comparison again") from error


def _columns(found: Predictions, shares: NDArray[np.float32]) -> dict[str, pa.Array]:
    """Return what was right and what was told, with the tallies where these are what is ranked."""
    import numpy as np  # noqa: PLC0415 - as above
    import pyarrow as pa  # noqa: PLC0415 - as above

    if found.told is None:
        references = np.concatenate([found.validation_references, found.test_references])
        return {"reference": pa.array(references), "prediction": pa.array(shares.argmax(1))}
    validation, test = found.told
    tally = np.concatenate([validation.tally, test.tally]).astype(np.float64)
    return {
        "reference": pa.array([*validation.references, *test.references]),
        "prediction": pa.array([*validation.predictions, *test.predictions]),
        TALLY: pa.FixedSizeListArray.from_arrays(pa.array(tally.ravel()), tally.shape[1]),
    }


def _answered(found: Predictions, shares: NDArray[np.float32]) -> dict[str, Answered]:
    """Return what `read` will find; the probabilities are those of validation, then those of the test rows."""
    at = len(found.validation_ids)
    best = shares.argmax(1) if found.told is None else None
    predictions = (best[:at], best[at:]) if best is not None else tuple(one.tally for one in found.told or ())
    groups, others = tuple(found.validation_groups), tuple(found.test_groups)
    return {
        "validation": Answered(found.validation_references, predictions[0], groups, found.validation_sample),
        "test": Answered(found.test_references, predictions[1], others, found.test_sample),
    }


def _digest(found: dict[str, Answered]) -> bytes:
    """Return the SHA-256 of all that ranking reads, in hexadecimal: the checksums of pages leave out the file's own head."""
    digest = hashlib.sha256()
    for name in SPLITS:
        one = found[name]
        sample = b"" if one.sample is None else one.sample.astype("<f8").tobytes()
        told = one.predictions.astype("<i8" if one.predictions.ndim == 1 else "<f8")
        for part in (one.references.astype("<i8").tobytes(), told.tobytes(), sample):
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


def check_rows(number: int) -> None:
    """Refuse a file that says it holds more rows than any task.

    Raises:
        ValueError: it does.
    """
    if number > MAX_ROWS:
        msg = f"it says that it holds {number:,} rows; the limit is {MAX_ROWS:,}"
        raise ValueError(msg)


def _tallies(table: pa.Table) -> NDArray[np.float64]:
    """Return the tallies of all rows, `(n, s)`.

    Raises:
        ValueError: the column holds something else.
    """
    import numpy as np  # noqa: PLC0415 - as above
    import pyarrow as pa  # noqa: PLC0415 - as above

    column = table[TALLY]
    if not pa.types.is_fixed_size_list(column.type) or column.type.value_type != pa.float64() or column.null_count:
        msg = "the tallies are not rows of numbers"
        raise ValueError(msg)
    parts = [_numbers(part.flatten(), np.float64) for part in column.chunks]
    return np.concatenate([*parts, np.empty(0)]).reshape(len(table), column.type.list_size)


def _numbers(part: pa.Array, kind: type[Number]) -> NDArray[Number]:
    """Return an array's numbers; not by to_numpy, which imports pandas, which takes longer than all the rest of a ranking."""
    import numpy as np  # noqa: PLC0415 - as above

    return np.frombuffer(part.buffers()[1], kind)[part.offset : part.offset + len(part)] if len(part) else np.empty(0, kind)


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
    values: NDArray[np.int64] = np.concatenate([*(_numbers(part, np.int64) for part in column.chunks), np.empty(0, np.int64)])
    if (values < 0).any():
        msg = f"the column {name} holds numbers below 0"
        raise ValueError(msg)
    return values
