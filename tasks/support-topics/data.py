"""Messages that ask for one thing or for two: those of the task support-intents, some of them joined."""

from __future__ import annotations

import csv
from pathlib import Path

_MESSAGES = Path(__file__).parents[1] / "support-intents" / "messages.csv"
_ALONE = 280


def load() -> dict[str, list[str]]:
    """Return the first 280 messages as they are and the others joined by twos; two labels stand with `|` between them."""
    with _MESSAGES.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    groups = [[row] for row in rows[:_ALONE]]
    groups += [list(two) for two in zip(rows[_ALONE::2], rows[_ALONE + 1 :: 2], strict=True)]
    return {
        "message": [" ".join(row["message"] for row in group) for group in groups],
        "topics": ["|".join(sorted({row["intent"] for row in group})) for group in groups],
    }
