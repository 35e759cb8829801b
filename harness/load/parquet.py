"""Parquet files, read column by column and piece by piece: a small file can hold rows without end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.bounds import MAX_BYTES, MAX_FIELD, MAX_PICTURE_BYTES
from harness.errors import TaskError
from harness.load.budget import SHORTEN, Budget, check_columns
from harness.load.lines import check_file
from harness.load.place import show
from harness.load.table import Table

_ROWS = 4096  # in one piece, at most
_PIECE = 64_000_000  # bytes of one piece, by what the file says of itself
_MEMBER = 8  # bytes that a member of a list takes at the least


def read_parquet(path: Path, budget: Budget) -> Table:
    """Read the columns of a Parquet file; those whose lists or objects hold further ones are passed over.

    Numbers of classes in lists become their names where `datasets` wrote these into the file.

    Raises:
        TaskError: the file cannot be read, holds no rows, or is out of bounds.
    """
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and seldom needed
    import pyarrow.parquet as pq  # noqa: PLC0415

    check_file(path, TaskError, MAX_BYTES)
    origin = show(path)
    try:
        with pq.ParquetFile(path) as file:
            _check_head(file, origin, budget)
            # Text comes as a dictionary and numbers into it, so that a value that is repeated is held once until it is counted.
            leaves = (file.schema.column(i) for i in range(len(file.schema)))
            texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY" and leaf.logical_type.type == "STRING"]
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            return _read(file, path, budget)
    # What Arrow raises for bytes that are not what they claim to be; ValueError is also of values that Python has no form for.
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError, TypeError) as error:
        why = next(iter(str(error).splitlines()), type(error).__name__)
        msg = f"not a readable parquet file: {why}"
        raise TaskError(msg, where=origin, hint="write it again, or name another file") from error


def _check_head(file: Any, origin: str, budget: Budget) -> None:  # noqa: ANN401 - pyarrow ships no types
    """Refuse by what the file says of itself, before anything is unpacked."""
    head, names = file.metadata, file.schema_arrow.names
    check_columns(max(head.num_columns, len(names)), origin)
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    if twice:
        msg = f'two columns are called "{min(twice)}"'
        raise TaskError(msg, where=origin, hint="rename one")
    if not head.num_rows or not names:
        msg = "the file holds no rows"
        raise TaskError(msg, where=origin, hint="put the rows into it, or name another file")
    budget.add_rows(head.num_rows, origin)
    size = sum(head.row_group(group).total_byte_size for group in range(head.num_row_groups))
    Budget().add_bytes(max(size, 0), origin)
    # A list's members may take no room in the file at all.
    groups = [head.row_group(group) for group in range(head.num_row_groups)]
    cells = sum(max(group.column(i).num_values, 0) for group in groups for i in range(group.num_columns))
    Budget().add_bytes(_MEMBER * cells, origin)


def _read(file: Any, path: Path, budget: Budget) -> Table:  # noqa: ANN401 - pyarrow ships no types
    head, origin = file.metadata, show(path)
    size = sum(head.row_group(group).total_byte_size for group in range(head.num_row_groups))
    rows = max(1, min(_ROWS, _PIECE * head.num_rows // max(size, 1)))
    columns: dict[str, list[object]] = {}
    nested, classes = [], _class_names(file.schema_arrow.metadata or {})
    for field in file.schema_arrow:
        if not _is_plain(field.type):
            nested.append(field.name)
            continue
        values: list[object] = []
        for piece in _pieces(file, field.name, rows):
            _count(piece, f"{origin}, column {field.name}", budget)
            values += piece.dictionary_decode().to_pylist() if hasattr(piece, "dictionary_decode") else piece.to_pylist()
        names = classes.get(field.name)
        columns[field.name] = [_name(value, names) for value in values] if names else values
    if {len(values) for values in columns.values()} - {head.num_rows}:
        msg = "not a readable parquet file: its columns have other numbers of rows than it says"
        raise TaskError(msg, where=origin, hint="write it again, or name another file")
    return Table(origin, columns, range(1, head.num_rows + 1), path.parent, nested=tuple(nested))


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, list[object]]:
    """Return the names of classes of which columns hold lists of numbers, as `datasets` writes them into a file."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"].items()
        members = {name: feature["feature"] for name, feature in features if isinstance(feature, dict) and "feature" in feature}
        return {name: list(one["names"]) for name, one in members.items() if one.get("_type") == "ClassLabel"}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _name(value: object, names: Sequence[object]) -> object:
    """Return a list of class numbers as names; a number that is none stays."""
    if not isinstance(value, list):
        return value
    return [str(names[one]) if isinstance(one, int) and 0 <= one < len(names) else one for one in value]


def _pieces(file: Any, name: str, rows: int) -> Iterator[Any]:  # noqa: ANN401 - pyarrow ships no types
    """Yield the arrays of one column."""
    import pyarrow.types as kinds  # noqa: PLC0415 - as above

    for batch in file.iter_batches(batch_size=rows, columns=[name], use_threads=False):
        [column] = batch.columns
        yield (
            column.cast(column.type.value_type)
            if kinds.is_dictionary(column.type) and not _is_text(column.type.value_type)
            else column
        )


def _count(piece: Any, place: str, budget: Budget) -> None:  # noqa: ANN401 - pyarrow ships no types
    """Count what the values will take as Python's own, before they are made."""
    import pyarrow.types as kinds  # noqa: PLC0415 - as above

    budget.add_bytes(64 * len(piece), place)
    if kinds.is_struct(piece.type):
        for part in piece.flatten():
            _count(part, place, budget)
    elif _is_list(piece.type):
        _count(piece.flatten(), place, budget)
    elif kinds.is_dictionary(piece.type) or _is_text(piece.type):
        _check_longest(_lengths(piece, "utf8_length"), place, MAX_FIELD, unit="characters")
        budget.add_bytes(_total(_lengths(piece, "binary_length")), place)
    elif kinds.is_binary(piece.type) or kinds.is_large_binary(piece.type):
        _check_longest(_lengths(piece, "binary_length"), place, MAX_PICTURE_BYTES, unit="bytes")
        budget.add_bytes(_total(_lengths(piece, "binary_length")), place)


def _lengths(piece: Any, measure: str) -> Any:  # noqa: ANN401 - pyarrow ships no types
    """Return the length of each value; of a dictionary's values each is measured once."""
    from pyarrow import compute  # noqa: PLC0415 - as above

    if hasattr(piece, "dictionary"):
        return compute.call_function(measure, [piece.dictionary]).take(piece.indices)
    return compute.call_function(measure, [piece])


def _total(lengths: Any) -> int:  # noqa: ANN401 - pyarrow ships no types
    from pyarrow import compute  # noqa: PLC0415 - as above

    return int(compute.sum(lengths).as_py() or 0)


def _check_longest(lengths: Any, place: str, limit: int, *, unit: str) -> None:  # noqa: ANN401 - pyarrow ships no types
    from pyarrow import compute  # noqa: PLC0415 - as above

    longest = compute.max(lengths).as_py() or 0
    if longest > limit:
        msg = f"there is a value of {longest:,} {unit}; the limit is {limit:,}"
        raise TaskError(msg, where=place, hint=SHORTEN if unit == "characters" else "store it smaller, or leave the row out")


def _is_text(kind: Any) -> bool:  # noqa: ANN401 - pyarrow ships no types
    import pyarrow.types as kinds  # noqa: PLC0415 - as above

    return bool(kinds.is_string(kind) or kinds.is_large_string(kind))


def _is_list(kind: Any) -> bool:  # noqa: ANN401 - pyarrow ships no types
    import pyarrow.types as kinds  # noqa: PLC0415 - as above

    return bool(kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind))


def _is_plain(kind: Any) -> bool:  # noqa: ANN401 - pyarrow ships no types
    """Tell whether a cell holds one value, a list of such, or an object of either, as a picture's `bytes` and `path` are."""
    import pyarrow.types as kinds  # noqa: PLC0415 - as above

    parts = [field.type for field in kind] if kinds.is_struct(kind) else [kind]
    return not any(kinds.is_nested(part.value_type if _is_list(part) else part) for part in parts)
