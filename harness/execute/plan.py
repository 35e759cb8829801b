"""Which trials a comparison needs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.core.candidate import Registered
from harness.core.task import Task
from harness.core.trial import Trial
from harness.errors import WorkspaceError, raise_all, suggest
from harness.techniques.catalogue import TECHNIQUES


def check_techniques(names: Sequence[str]) -> None:
    """Accept known techniques only.

    Raises:
        WorkspaceError: one or more are unknown.
    """
    raise_all(
        [
            WorkspaceError(f'unknown technique "{n}"', where="--techniques", hint=suggest(n, TECHNIQUES))
            for n in names
            if n not in TECHNIQUES
        ]
    )


def plan(
    task: Task, candidates: Sequence[Registered], techniques: Sequence[str], digests: Mapping[str, str], *, device: str, seed: int
) -> tuple[Trial, ...]:
    """Return the trials in order: each candidate's techniques, then its memory.

    `digests` maps each candidate's name to the hash of its source, and the empty name to that of the data. Baselines fit; cards of
    adapters embed; of a plugin both are planned, and its worker drops what the model cannot do.
    """
    trials = []
    for candidate in candidates:
        card = candidate.card
        needs = {"fit"} if card.baseline else {"embed", "fit"} if candidate.is_plugin else {"embed"}
        wanted = [
            n for n, (need, *_) in TECHNIQUES.items() if need in needs and (need == "fit" or not techniques or n in techniques)
        ]
        trials += [
            Trial(
                candidate=card.name,
                technique=technique,
                task=task.name,
                task_digest=digests[""],
                source_digest=digests[card.name],
                measures="quality" if technique else "memory",
                device=device,
                seed=seed,
            )
            for technique in (*wanted, "")
        ]
    return tuple(trials)
