"""A training that was stopped: what it had learned and how far it was, in one file of tensors that is there whole or not at all."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from harness.atomic import write_bytes
from harness.training.average import WeightAverage

FILE = "checkpoint.safetensors"
# What AdamW keeps of each parameter.
MOMENTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass(slots=True)
class Progress:
    """How far a training is. `micro` is how many rows fit in memory at once; `points` are those of the curve."""

    step: int = 0
    micro: int = 0
    seconds: float = 0.0
    rows: int = 0
    cells: int = 0
    tokens: int = 0
    loss: float = 0.0
    loss_steps: int = 0
    memory_mb: float = 0.0
    stopped_at: int = 0
    points: list[dict[str, float]] = field(default_factory=list)


def gather(
    learning: Mapping[str, torch.Tensor], optimizer: torch.optim.Optimizer, average: WeightAverage | None
) -> dict[str, torch.Tensor]:
    """Return the tensors of a training: the weights that learn, what the optimizer knows of each, and their mean if it is kept."""
    tensors = {f"weight {name}": one for name, one in learning.items()}
    for name, one in learning.items():
        tensors |= {f"{moment} {name}": optimizer.state[one][moment] for moment in MOMENTS}
    if average is not None:
        tensors |= {f"average {name}": one for name, one in average.tensors.items()}
    return tensors


@torch.no_grad()
def put_back(
    tensors: Mapping[str, torch.Tensor],
    learning: Mapping[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    average: WeightAverage | None,
) -> bool:
    """Put tensors back where they came from; false, with nothing changed, where they are of other weights or lack a mean."""
    wanted = {f"weight {name}" for name in learning} | {f"average {name}" for name in (average.tensors if average else ())}
    if {name for name in tensors if name.startswith("weight ")} - wanted or wanted - tensors.keys():
        return False
    for name, one in learning.items():
        one.copy_(tensors[f"weight {name}"])
        for moment in MOMENTS:
            optimizer.state[one][moment].copy_(tensors[f"{moment} {name}"])
        if average is not None:
            average.tensors[name].copy_(tensors[f"average {name}"])
    return True


def write(folder: Path, tensors: dict[str, torch.Tensor], progress: Progress, identity: str) -> None:
    """Keep a training; `identity` says of what, so that it is not continued as another."""
    about = {"progress": json.dumps(dataclasses.asdict(progress)), "identity": identity}
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / FILE, save({name: one.detach().contiguous().cpu() for name, one in tensors.items()}, about))


def read(folder: Path, identity: str) -> tuple[dict[str, torch.Tensor], Progress] | None:
    """Return what was kept of a training with this identity; None where nothing was, or where the file is damaged."""
    if not (folder / FILE).is_file():
        return None
    try:
        with safe_open(folder / FILE, "pt") as file:
            about = file.metadata() or {}
            if about.get("identity") != identity:
                return None
            return {name: file.get_tensor(name) for name in file.keys()}, Progress(**json.loads(about["progress"]))  # noqa: SIM118 - not a mapping
    except (SafetensorError, KeyError, ValueError, TypeError):
        return None
