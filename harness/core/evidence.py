"""What the ranker judges: the truth of the rows, and each contender's answers to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.core.trial import Record


@dataclass(frozen=True, slots=True)
class Truth:
    """The right answers, `int64` indices into the task's classes, and the group of each row where there are groups.

    Where no class is told, tallies hold what was right, and of these arrays the length counts alone.
    """

    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    validation_groups: tuple[str, ...] = ()
    test_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answers:
    """One contender's predictions for the rows of `Truth`, in its order: classes `(n,) int64`, or tallies `(n, s) float64`.

    `validation_sample` and `test_sample` hold the metric of every resample, `(resamples,)`, where the metric is one that only the
    worker can compute (`evaluate:NAME`); else they are None and the ranker computes them.
    """

    record: Record
    validation: NDArray[np.int64] | NDArray[np.float64]
    test: NDArray[np.int64] | NDArray[np.float64]
    validation_sample: NDArray[np.float64] | None = None
    test_sample: NDArray[np.float64] | None = None

    @property
    def confirms(self) -> bool:
        """Tell whether the test rows were to be predicted."""
        return self.record.trial.confirms


@dataclass(frozen=True, slots=True)
class RowNames:
    """Row ids in the order of the answers, and what is right of each row as a text; of classes the latter is empty.

    An id is a hash of the row's content. Where a content is repeated, `-2`, `-3` stand behind it.
    """

    ids: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
