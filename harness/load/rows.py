"""From table cells to labelled rows: what is missing is left out and counted, what is wrong is a fault."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.core.bounds import MAX_DIGITS
from harness.core.data import Choice, Input, Label, Pair, Rows
from harness.core.kinds import Target
from harness.core.task import Task
from harness.errors import TaskError
from harness.load.characters import is_missing, mend
from harness.load.columns import Columns
from harness.load.labels import Right, read_labels
from harness.load.picture import Picture, read_picture
from harness.load.table import Opaque, Table, kind_of

MOST_DROPPED = 0.2
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Row:
    """A row that has both content and label; `group` is empty where the task knows none."""

    content: Input
    digest: str
    label: Right
    group: str = ""


def read_rows(table: Table, columns: Columns, task: Task, noticed: list[str]) -> list[Row]:
    """Return the complete rows of a table in its order; what was left out is added to `noticed`.

    Raises:
        TaskError: when a cell is of a wrong type, too many rows are incomplete, or pictures are broken that the task does not skip.
    """
    labels = read_labels(table, columns.label, task)
    contents = table.columns[columns.content]
    parts = [contents, table.columns[columns.pair]] if columns.pair else [contents]
    missing = [index for index in range(len(table)) if labels[index] is None or any(is_missing(part[index]) for part in parts)]
    report_missing(missing, table, (columns.content, columns.pair, columns.label), noticed)
    gone = set(missing)
    kept = [index for index in range(len(table)) if index not in gone]
    if task.modality == "image":
        read = read_pictures(table, [contents[index] for index in kept])
        kept, read = keep_sound(table, kept, read, noticed, skip=task.data.skip_broken)
        told: list[tuple[Input, str]] = [(picture.content, picture.digest) for picture in read]
    else:
        texts = [_whole([to_text(part[index], table, index) for index in kept], table, noticed) for part in parts]
        inputs: list[Input] = [Pair(*both) for both in zip(*texts, strict=True)] if columns.pair else list(texts[0])
        told = [(one, digest_row(one)) for one in inputs]
    groups = [read_group(table, columns.group, index) for index in kept]
    right = [label for index in kept if (label := labels[index]) is not None]
    return [Row(*one, label=label, group=group) for one, label, group in zip(told, right, groups, strict=True)]


def digest_row(row: Input) -> str:
    """Return what a text, a pair of texts, or a question with its options is told by."""
    text = json.dumps(row) if isinstance(row, Pair | Choice) else str(row)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def assemble(rows: Sequence[Row], classes: Sequence[str], target: Target = "class") -> Rows:
    """Put rows into the table the rest of bench reads; a repeated content gets `-2`, `-3` behind its id."""
    ids = tuple(number_repeated(row.digest for row in rows))
    numbers = {name: number for number, name in enumerate(classes)}
    grouped = any(row.group for row in rows)
    # A row that belongs to no group is a group of its own.
    groups = tuple(row.group or f"row {ident}" for row, ident in zip(rows, ids, strict=True)) if grouped else ()
    labels = tuple(_index(row.label, numbers) for row in rows)
    return Rows(ids, tuple(row.content for row in rows), labels, tuple(classes), groups, target)


def _index(right: Right, numbers: Mapping[str, int]) -> Label:
    """Write names as their numbers; a value stays."""
    if isinstance(right, float):
        return right
    return tuple(sorted(numbers[name] for name in right)) if isinstance(right, tuple) else numbers[right]


def sort_classes(labels: Iterable[Right]) -> tuple[str, ...]:
    """Return each class once, in order; numbers by their value. Where values are told there are no classes.

    >>> sort_classes(["10", "9", "10"]), sort_classes([("b", "a"), (), ("b",)]), sort_classes([0.5])
    (('9', '10'), ('a', 'b'), ())
    """
    names = {name for label in labels if not isinstance(label, float) for name in ([label] if isinstance(label, str) else label)}
    if all(name.removeprefix("-").isdecimal() and len(name) <= MAX_DIGITS for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def number_repeated(digests: Iterable[str]) -> Iterator[str]:
    """Yield each digest; when it comes again, with `-2`, `-3` behind it."""
    seen: Counter[str] = Counter()
    for digest in digests:
        seen[digest] += 1
        yield digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def to_text(value: object, table: Table, index: int) -> str:
    """Return the text that a cell holds.

    Raises:
        TaskError: it holds something else.
    """
    if isinstance(value, str | int | float):
        return str(value)
    msg = f"the text is {kind_of(value)}"
    raise TaskError(msg, where=table.place(index), hint="name another column as the text")


def read_group(table: Table, column: str, index: int) -> str:
    """Return the group of a row, empty where it has none.

    Raises:
        TaskError: it is no single value.
    """
    value = table.columns[column][index] if column else None
    if is_missing(value):
        return ""
    if isinstance(value, Opaque) and not value.text:
        msg = f"the group is {value.kind}"
        raise TaskError(msg, where=table.place(index), hint="name another column as the group")
    return mend(str(value))


def _whole(texts: list[str], table: Table, noticed: list[str]) -> list[str]:
    """Mend texts, and say how many needed it."""
    mended = [mend(text) for text in texts]
    number = sum(one != other for one, other in zip(mended, texts, strict=True))
    if number:
        noticed.append(f"{table.origin}: {number} texts hold half a character (a lone surrogate), which is read as U+FFFD")
    return mended


def report_missing(missing: Sequence[int], table: Table, parts: Sequence[str], noticed: list[str]) -> None:
    """Note which rows lack what they should have.

    Raises:
        TaskError: they are too many.
    """
    if not missing:
        return
    lines = ", ".join(str(table.lines[index]) for index in missing[:_SHOWN]) + (", …" if len(missing) > _SHOWN else "")
    what = f"{len(missing)} of {len(table)} rows lack {' or '.join(filter(None, parts))}"
    if len(missing) > MOST_DROPPED * len(table):
        raise TaskError(what, where=f"{table.origin}, {table.unit} {lines}", hint="name other columns, or fill the rows in")
    noticed.append(f"{table.origin}: {what}; they are left out ({table.unit} {lines})")


def read_pictures(table: Table, values: Sequence[object]) -> list[Picture]:
    """Read all pictures, several at a time: decoding them is what takes long."""
    from PIL import Image  # noqa: PLC0415 - only image tasks pay for it

    def read(value: object) -> Picture:
        return read_picture(value, table.base, table.fence)

    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        # A picture so large that Pillow warns of it is refused; what else it warns of does not matter here.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return list(pool.map(read, values))


def keep_sound(
    table: Table, kept: Sequence[int], read: Sequence[Picture], noticed: list[str], *, skip: bool
) -> tuple[list[int], list[Picture]]:
    """Leave broken pictures out if the task says so."""
    broken = [(index, picture) for index, picture in zip(kept, read, strict=True) if picture.problem]
    sound = [(index, picture) for index, picture in zip(kept, read, strict=True) if not picture.problem]
    if broken:
        shown = [f"{_picture_name(table, index, picture)} ({picture.problem})" for index, picture in broken[:_SHOWN]]
        more = "" if len(broken) <= _SHOWN else f" and {len(broken) - _SHOWN} more"
        what = f"{len(broken)} of {len(read)} pictures are broken"
        if not skip:
            hint = "mend or remove them, or set `skip_broken: true` under `data:` in task.yaml"
            raise TaskError(what, where=", ".join(shown) + more, hint=hint)
        noticed.append(f"{what} and left out: {', '.join(shown)}{more}")
    return [index for index, _ in sound], [picture for _, picture in sound]


def _picture_name(table: Table, index: int, picture: Picture) -> str:
    if isinstance(picture.content, bytes):
        return table.place(index)
    path = Path(picture.content)
    return str(path.relative_to(table.base)) if path.is_relative_to(table.base) else str(path)
