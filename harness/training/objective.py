"""What training makes small: cross entropy of classes, tags, labels or the tokens of texts, or the squared error of values.

Of queries and their documents it stands in contrast.py: there the loss of a row depends on those beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from harness.core.data import target_of
from harness.core.kinds import Target
from harness.training.batching import class_weights

Floats = NDArray[np.float32]
_TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, slots=True)
class Objective:
    """How outputs of a head are read and judged.

    Values are learned in units of their deviation `scale` around their mean `center`: so a learning rate suits any unit. Where
    texts are written, the model itself gives of each row the mean cross entropy of the tokens of its answer, `(n, 1)`. `smoothing`
    is the share of a class's right answer that is spread over all classes (Szegedy et al. 2016).
    """

    target: Target
    weights: Floats | None = None
    center: float = 0.0
    scale: float = 1.0
    smoothing: float = 0.0

    @classmethod
    def of(cls, truth: NDArray[Any], classes: int, smoothing: float = 0.0) -> Objective:
        """Return the objective for rows whose right answers these are; classes are weighed where they are imbalanced."""
        target = target_of(truth)
        if target == "class":
            return cls(target, class_weights(truth, classes), smoothing=smoothing)
        return cls(target) if target in {"labels", "tags"} else cls(target, None, float(truth.mean()), float(truth.std()) or 1.0)

    def inner(self, truth: NDArray[Any]) -> NDArray[Any]:
        """Return right answers as `loss` takes them."""
        return ((truth - self.center) / self.scale).astype(np.float32) if self.target == "number" else truth

    def loss(self, outputs: torch.Tensor, truth: NDArray[Any], total: float) -> torch.Tensor:
        """Return the summed loss of rows as a share of the batch's, whose size is `total` as `size` gives it."""
        device = outputs.device
        if self.target in {"class", "tags"}:
            truth = _flat(truth)
            right = torch.from_numpy(truth).to(device)
            losses = cross_entropy(outputs.float(), right, reduction="none", label_smoothing=self.smoothing)
            # torch would weigh the share that is spread by the classes it goes to, and so teach the rare ones in every row.
            found = (losses if self.weights is None else losses * torch.from_numpy(self.weights).to(device)[right]).sum()
        elif self.target == "text":
            found = outputs.float().sum()
        elif self.target == "labels":
            right = torch.from_numpy(truth).to(device)
            found = binary_cross_entropy_with_logits(outputs.float(), right, reduction="sum") / truth.shape[1]
        else:
            found = ((outputs.float()[:, 0] - torch.from_numpy(truth).to(device)) ** 2).sum()
        return found / total

    def plain(self, outputs: torch.Tensor, truth: NDArray[Any], total: float) -> float:
        """Return the same loss without smoothing, as it can be compared with that of other rows."""
        return float(replace(self, smoothing=0.0).loss(outputs.detach(), truth, total))

    def size(self, truth: NDArray[Any]) -> float:
        """Return what the summed loss of rows is divided by: their number, that of their words, or their classes' weight."""
        truth = _flat(truth)
        return float(len(truth) if self.weights is None else self.weights[truth].sum())

    def answers(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return probabilities of classes, tags or labels, values in their own unit, or losses of texts, `(n, outputs)`.

        Where documents are found they are the vectors themselves, `(n, d)`.
        """
        if self.target in {"text", "documents"}:
            return outputs.float()
        if self.target in {"class", "tags"}:
            return outputs.float().softmax(1)
        return outputs.float().sigmoid() if self.target == "labels" else outputs.float() * self.scale + self.center

    def of_answers(self, answers: Floats, truth: NDArray[Any]) -> float:
        """Return the mean loss of answers, without weights; of values in units of their deviation, squared."""
        if self.target in {"class", "tags"}:
            truth = _flat(truth)
            chosen = answers[np.arange(len(truth)), truth]
            return float(-np.log(chosen.clip(min=_TINY)).mean())
        if self.target == "text":
            return float(answers.mean())
        if self.target == "labels":
            return float(-np.log(np.where(truth > 0, answers, 1 - answers).clip(min=_TINY)).mean())
        return float((((answers[:, 0] - truth) / self.scale) ** 2).mean())


def _flat(truth: NDArray[Any]) -> NDArray[Any]:
    """Return the tags of all words one after the other; classes stay as they are."""
    return np.concatenate(truth) if truth.dtype == object and len(truth) else truth
