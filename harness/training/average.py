"""The mean of a model's weights along its training: what it would be about if its learning rate fell now.

Halfway, a learning rate is high and the newest weights are as the last few rows left them; their mean tells better where a training
leads (Sandler et al. 2023; Hägele et al. 2024).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

# Later steps weigh more, by about this power of their number; it needs no step at which the training is to be judged.
_POWER = 2


class WeightAverage:
    """A mean in which a step counts for the more the later it is.

    Source: Shamir and Zhang 2013, polynomial-decay averaging (section 4).
    """

    def __init__(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Begin with weights as they are."""
        self.tensors = {name: one.detach().clone() for name, one in weights.items()}

    def add(self, weights: Mapping[str, torch.Tensor], step: int) -> None:
        """Take in the weights after a step, the first being 1.

        >>> mean = WeightAverage({"w": torch.zeros(1)})
        >>> for step, value in ((1, 1.0), (2, 2.0)):
        ...     mean.add({"w": torch.tensor([value])}, step)
        >>> mean.tensors["w"].item()
        1.75
        """
        kept = 1 - (1 + _POWER) / (step + _POWER)
        get_ema_multi_avg_fn(kept)(list(self.tensors.values()), [weights[name] for name in self.tensors], step)  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def put_into(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Put the mean in the weights' place."""
        for name, mean in self.tensors.items():
            weights[name].copy_(mean)
