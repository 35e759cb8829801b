"""How the learning rate goes over a training, as a function of the step alone, so that a training can be stopped and continued."""

from __future__ import annotations


def factor(step: int, steps: int, warmup: float) -> float:
    """Return what the learning rate is multiplied by at a step, counted from 0, of so many.

    It rises in a straight line over the share `warmup` of the steps, then falls to 0.

    >>> [factor(step, 10, 0.2) for step in (0, 1, 2, 9)]
    [0.5, 1.0, 1.0, 0.125]
    """
    rising = round(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    return max(0.0, (steps - step) / max(1, steps - rising))


def steps_until(epochs: float, steps_per_epoch: int) -> int:
    """Return after how many steps so many epochs are done, one at least."""
    return max(1, round(epochs * steps_per_epoch))
