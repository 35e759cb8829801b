"""What the cells of a column hold that may be the label: classes, several labels, numbers, or whole numbers that may be either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.load.characters import is_missing
from harness.load.columns import is_numeric, is_repeated, is_usual

# So many different whole numbers may be classes, if the column is called like one, and so many marks, if it is called like these.
_CLASSES = 20
_MARKS = 50
_LONGEST = 40
_SAMPLE = 20_000
_SURE_SIGNS, _SIGNS = ("|", ";"), ("|", ";", ",")


@dataclass(frozen=True, slots=True)
class Cells:
    """What is told of a row, if a column is the label; `either` is a class or a number. `separator` parts several labels."""

    told: Literal["class", "labels", "number", "either", "nothing"]
    separator: str = ""


def read_cells(name: str, column: Sequence[object]) -> Cells:
    """Tell what a column holds by its values, and of whole numbers by its name, too."""
    values = [value for value in column[:: len(column) // _SAMPLE + 1] if not is_missing(value)]
    if any(isinstance(value, list | tuple) for value in values):
        return Cells("labels" if _are_lists_of_labels(values) else "nothing")
    if not all(isinstance(value, str | int | float) for value in values):
        return Cells("nothing")
    if not any(isinstance(value, bool) for value in values) and is_numeric(values):
        return Cells(_numbers(name, values))
    texts = [str(value) for value in values]
    separator = _find_separator(texts, _SIGNS if is_usual("labels", name) else _SURE_SIGNS)
    if separator:
        return Cells("labels", separator)
    is_class = is_repeated(texts) or (is_usual("label", name) and len(set(texts)) == 1)
    return Cells("class" if is_class else "nothing")


def _are_lists_of_labels(values: Sequence[object]) -> bool:
    """Tell whether what lists hold comes back; a text among them is a list of one."""
    members = [one for value in values for one in (value if isinstance(value, list | tuple) else [value])]
    return all(isinstance(one, str | int) for one in members) and is_repeated([str(one) for one in members])


def _numbers(name: str, values: Sequence[object]) -> Literal["class", "number", "either", "nothing"]:
    try:
        found = {float(str(value)) for value in values}
    except ValueError:  # numbers at first, and something else further down
        return "nothing"
    if not all(number.is_integer() for number in found):
        return "number"
    if is_usual("label", name) or is_usual("labels", name):
        is_few = len(found) <= _CLASSES or found == set(range(len(found)))
        return "class" if is_few and len(found) * 2 <= len(values) else "either"
    if len(found) == 2 and not is_usual("number", name):
        return "class"
    return "number" if len(found) > (_CLASSES if is_usual("number", name) else _MARKS) else "either"


def _find_separator(texts: Sequence[str], signs: Sequence[str]) -> str:
    """Return the sign that parts labels: most of what it parts stands in several different cells, as of labels it does."""
    cells = set(texts)
    for sign in signs:
        parts = Counter(part for cell in cells for part in {one.strip() for one in cell.split(sign)} if part)
        joined = any(sign in cell for cell in cells)
        if joined and 2 * sum(number > 1 for number in parts.values()) >= len(parts) > 1 and max(map(len, parts)) <= _LONGEST:
            return sign
    return ""
