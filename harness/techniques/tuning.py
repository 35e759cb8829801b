"""What every technique that trains a model offers: it says which weights learn, and how fast."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from harness.errors import CandidateError
from harness.techniques.technique import Recipe

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from harness.core.card import Card
    from harness.core.data import Input
    from harness.core.kinds import Target
    from harness.models.trainable import Trainable

# Parameters as torch's optimizers take them: `params`, `weight_decay`, and `scale`, what the learning rate is multiplied by.
Group = dict[str, Any]

_TEXT_ONLY = ("prompt-tuning",)


class DoesNotApply(CandidateError):  # noqa: N818 - a reason to skip, not a fault
    """The technique cannot be used with this model."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """The rows that are learned from; `labels` are as `Rows.truth` gives them, of so many `classes` some may have no row here.

    Where values are told, `classes` is 1. Where texts are written (`writes`), inputs are pairs of a prompt and its answer, and
    labels are zeros. Where documents are found, inputs are pairs of a query and a right document, labels the documents' places, and
    `right` holds of each query the places of all that are. `kept` is the file of a probe that is fitted on these rows once, for all
    trainings of one model.
    """

    inputs: Sequence[Input]
    labels: NDArray[Any]
    classes: int
    writes: bool = False
    right: Sequence[Set[int]] = ()
    kept: Path | None = None

    @property
    def target(self) -> Target | None:
        """Return what is told of a row where labels do not show it."""
        return "text" if self.writes else "documents" if self.right else None


class Tuning(Protocol):
    """A way to train a model."""

    def prepare(self, trainable: Trainable, recipe: Recipe, lesson: Lesson) -> list[Group]:
        """Freeze, wrap and begin as the technique does, and return what is trained; draws come from torch's generator.

        Raises:
            DoesNotApply: the model has no place for it.
        """
        ...


def applies(technique: str, card: Card) -> str:
    """Return nothing where a technique that trains can be used on a card's model, else why not, as far as the card tells."""
    if technique in _TEXT_ONLY and card.adapter != "transformers":
        return f"{technique} puts tokens before a text; {card.adapter} reads pictures"
    if technique in _TEXT_ONLY and "text" not in card.modality:
        return f"{technique} puts tokens before a text; this model reads pictures"
    return ""


def groups(module: torch.nn.Module, weight_decay: float, scale: Callable[[str], float]) -> list[Group]:
    """Return the parameters that learn, grouped by scale; biases and norms are not decayed.

    Source: Devlin et al. 2019, whose released code excludes both from weight decay.
    """
    found: dict[tuple[float, float], Group] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            decay = 0.0 if parameter.ndim < 2 or name.endswith("bias") else weight_decay
            key = (scale(name), decay)
            found.setdefault(key, {"params": [], "scale": key[0], "weight_decay": decay})["params"].append(parameter)
    return list(found.values())


def number(recipe: Recipe, key: str, default: float) -> float:
    """Return a number of a recipe."""
    return float(recipe.get(key, default))
