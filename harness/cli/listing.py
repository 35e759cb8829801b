"""Plain text for people: columns and nouns, the same on a terminal and in a pipe."""

from __future__ import annotations

from collections.abc import Sequence

import yaml
from pydantic import BaseModel


def align(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return lines with columns as wide as their widest cell.

    >>> print(align(["name", "kind"], [["intents", "text"]]))
    name     kind
    intents  text
    """
    table = [header, *rows]
    widths = [max(len(row[place]) for row in table) for place in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table)


def describe(noun: BaseModel, facts: dict[str, str]) -> str:
    """Return a noun as its file would state it, without what is left at its default, and then where it comes from."""
    content = yaml.safe_dump(noun.model_dump(mode="json", exclude_defaults=True), sort_keys=False, allow_unicode=True, width=120)
    return content + "\n".join(f"# {name}: {value}" for name, value in facts.items())


def compact(count: int | None) -> str:
    """Return a count in three digits.

    >>> compact(22713216), compact(950), compact(None)
    ('22.7M', '950', '?')
    """
    if count is None:
        return "?"
    for size, letter in ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K")):
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return str(count)
