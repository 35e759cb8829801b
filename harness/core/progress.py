"""What an observer is told while a comparison runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.core.trial import Record


@dataclass(frozen=True, slots=True)
class Progress:
    """One moment: a message before the trials, a candidate's new stage, or a finished trial."""

    kind: Literal["message", "stage", "record"]
    text: str = ""
    candidate: str = ""
    done: int = 0
    total: int = 0
    record: Record | None = None
