"""What has been read of a task's data so far, and the refusal of what goes too far."""

from __future__ import annotations

from collections.abc import Iterable
from sys import getsizeof

from harness.core.bounds import MAX_BYTES, MAX_COLUMNS, MAX_DEPTH, MAX_DIGITS, MAX_FIELD, MAX_ROWS
from harness.errors import TaskError

SAMPLE = "give a sample of the rows: figures seldom change much beyond 100,000"
SHORTEN = "shorten it, or leave the row out; models read a few thousand characters at most"
_SLOT = 8  # bytes that a list takes for one of its members
_MAX_BITS = int(MAX_DIGITS * 3.33)


class Budget:
    """Rows and bytes of everything that one task reads; bytes are those that the values take in memory."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.rows = 0
        self.bytes = 0

    def add_rows(self, number: int, place: str) -> None:
        """Count rows.

        Raises:
            TaskError: there are more than the limit in all.
        """
        self.rows += number
        if self.rows > MAX_ROWS:
            msg = f"there are at least {self.rows:,} rows; the limit is {MAX_ROWS:,}"
            raise TaskError(msg, where=place, hint=SAMPLE)

    def add_bytes(self, number: int, place: str) -> None:
        """Count bytes of memory.

        Raises:
            TaskError: there are more than the limit in all.
        """
        self.bytes += number
        if self.bytes > MAX_BYTES:
            msg = f"the rows take at least {self.bytes:,} bytes once they are read; the limit is {MAX_BYTES:,}"
            raise TaskError(msg, where=place, hint=f"{SAMPLE}, and only the columns that count")

    def add_values(self, values: Iterable[object], place: str) -> None:
        """Count what values take, each of which must itself be within bounds.

        Raises:
            TaskError: one value is too large, or all together are.
        """
        total = 0
        for value in values:
            if isinstance(value, str) and len(value) <= MAX_FIELD:
                total += getsizeof(value)
            else:
                total += _weigh(value, place)
            total += _SLOT
        self.add_bytes(total, place)


def check_columns(number: int, place: str) -> None:
    """Refuse a table that is too wide.

    Raises:
        TaskError: it is.
    """
    if number > MAX_COLUMNS:
        msg = f"there are {number:,} columns; the limit is {MAX_COLUMNS:,}"
        raise TaskError(
            msg, where=place, hint="keep the columns that count: text or picture, label, group; is the separator right?"
        )


def _weigh(value: object, place: str) -> int:
    """Return about how many bytes a value takes with all that it holds."""
    if isinstance(value, str):
        _check_text(value, place)
    elif isinstance(value, dict | list | tuple):
        return _weigh_nested(value, place)
    elif isinstance(value, int) and value.bit_length() > _MAX_BITS:
        msg = f"there is a whole number of {value.bit_length():,} bits; the limit is {MAX_DIGITS} digits"
        raise TaskError(msg, where=place, hint="put it in quotes if it is a name, or correct it")
    return getsizeof(value, 0)


def _check_text(text: str, place: str) -> None:
    if len(text) > MAX_FIELD:
        msg = f"there is a text of {len(text):,} characters; the limit is {MAX_FIELD:,}"
        raise TaskError(msg, where=place, hint=SHORTEN)


def _weigh_nested(value: object, place: str) -> int:
    """Weigh lists and objects level by level, so that no depth exhausts the stack."""
    total, level = 0, [value]
    for _ in range(MAX_DEPTH + 1):
        total += sum(getsizeof(item, 0) for item in level)
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()
            elif isinstance(item, list | tuple):
                below += item
            elif isinstance(item, str | int):
                _weigh(item, place)
        if not below:
            return total
        level = below
    msg = f"lists and objects are more than {MAX_DEPTH} deep"
    raise TaskError(msg, where=place, hint="write the values that count as plain texts and numbers")
