"""What one worker process is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from harness.core.candidate import Registered
from harness.core.data import Dataset
from harness.core.trial import Trial
from harness.core.trust import CAUTIOUS, Trust
from harness.execute.limits import NO_LIMITS, Limits


@dataclass(frozen=True, slots=True)
class Job:
    """Trials of one candidate that share one process: all that learn on its features, its memory, or one training.

    `checkpoint` is the folder in which a training leaves what the next round goes on from; with `trains`, trainings may follow,
    whose cost is foreseen from the speed of embedding. `key` is what the candidate's server asks for: no other process is given it,
    and no plugin.
    """

    candidate: Registered
    folder: Path | None
    trials: tuple[Trial, ...]
    data: Dataset
    metric: str
    is_image: bool
    device: str
    predictions: Path
    log: Path
    trust: Trust = CAUTIOUS
    limits: Limits = NO_LIMITS
    checkpoint: Path | None = None
    trains: bool = False
    key: str = field(default="", repr=False)
