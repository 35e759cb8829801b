"""On which terms a model is looked for and run."""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.trust import CAUTIOUS, Trust


@dataclass(frozen=True, slots=True)
class Terms:
    """The device that is wished for, whether anything may be fetched, and what the model's files may do."""

    device: str = "auto"
    offline: bool = False
    trust: Trust = CAUTIOUS
