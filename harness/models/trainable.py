"""What can be fine-tuned: a torch module with a new head for a task's classes, and the way from rows to its answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from harness.core.data import Input
from harness.core.kinds import Target
from harness.errors import CandidateError

if TYPE_CHECKING:
    import torch

# What one model makes of a row and only it reads: token ids of a text, or a picture that is decoded when it is needed.
Encoded: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Aim:
    """What a model is to tell: a number for each of the `names`, read as the target asks.

    `by_library` asks for the head that the model's library has for its architecture, and no other.
    """

    names: Sequence[str] = ()
    target: Target = "class"
    by_library: bool = False


class Trainable(Protocol):
    """A model that learns a task.

    `module` is what is trained; a technique may put a wrapper in its place. `head` holds the dotted names of the modules that no
    checkpoint brought, so that every technique trains and stores them. `cells` is how many tokens (of pictures: how many) are
    answered at once, to begin with.
    """

    module: torch.nn.Module
    head: tuple[str, ...]
    cells: int

    def reserve(self, tokens: int) -> None:
        """Keep room for tokens that a technique puts before each text; pictures have none."""
        ...

    def encode(self, inputs: Sequence[Input]) -> Sequence[Encoded]:
        """Turn texts into token ids, cut off at what the model reads; pictures stay as they are until they are needed."""
        ...

    def length(self, one: Encoded) -> int:
        """Return the number of tokens, 1 for a picture."""
        ...

    def logits(self, batch: Sequence[Encoded]) -> torch.Tensor:
        """Return `(n, classes)` on the device; whether gradients flow is up to the caller."""
        ...

    def save(self, folder: Path, labels: Sequence[str]) -> None:
        """Write what the model's own library loads without bench; weights are safetensors, preprocessing is included."""
        ...


def new_modules(missing: Iterable[str]) -> tuple[str, ...]:
    """Return the modules whose parameters are not in a checkpoint, without those inside one another.

    >>> new_modules(["classifier.dense.weight", "classifier.dense.bias", "classifier.weight"])
    ('classifier',)
    """
    owners = sorted({name.rpartition(".")[0] for name in missing} - {""})
    return tuple(one for one in owners if not any(one.startswith(f"{other}.") for other in owners))


def find_name(module: torch.nn.Module, part: torch.nn.Module) -> str:
    """Return the dotted name of a part of a module, empty where it is none."""
    return next((name for name, one in module.named_modules() if one is part), "")


def no_head(where: str) -> CandidateError:
    """Say that a model takes no classification head."""
    what = "its library has no classification head for this architecture"
    return CandidateError(what, where=where, hint="use it with frozen features: linear-probe or knn")
