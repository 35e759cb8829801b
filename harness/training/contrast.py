"""Learning from pairs: each query is drawn to its document, and away from the documents of the other queries beside it."""

from __future__ import annotations

from collections.abc import Sequence, Set

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy, normalize

from harness.errors import CandidateError
from harness.models.trainable import Trainable
from harness.models.transformers_searcher import Couple
from harness.techniques.tuning import Lesson, Tuning, number
from harness.training.batching import epoch_batches
from harness.training.session import Plan, Session

Ints = NDArray[np.int64]
# Cosines are multiplied by it; 20 is what sentence-transformers takes.
SCALE = 20.0


def contrast(queries: torch.Tensor, documents: torch.Tensor, others: torch.Tensor, scale: float = SCALE) -> torch.Tensor:
    """Return the loss of each query `(n,)`: the cross entropy of its own document among all of the batch, by scaled cosines.

    Vectors are `(n, d)`, document i being that of query i. `others` `(n, n)` is true where document j is right for query i as well,
    and so is no negative of it.

    Source: Henderson et al. 2017, section 4.4; van den Oord et al. 2018, equation 4. `MultipleNegativesRankingLoss` of
    sentence-transformers is its mean.
    """
    cosines = scale * normalize(queries.float(), dim=1) @ normalize(documents.float(), dim=1).T
    own = torch.arange(len(cosines), device=cosines.device)
    return cross_entropy(cosines.masked_fill(others, -torch.inf), own, reduction="none")


def find_others(labels: Sequence[int], right: Sequence[Set[int]]) -> torch.Tensor:
    """Return `(n, n)`, true where the document of another row is right for this row's query, too.

    >>> find_others([3, 4, 3], [{3}, {3, 4}, {3}]).int().tolist()
    [[0, 0, 1], [1, 0, 1], [1, 0, 0]]
    """
    found = torch.tensor([[place in mine for place in labels] for mine in right], dtype=torch.bool).reshape(len(right), len(labels))
    return found.fill_diagonal_(fill_value=False)


class PairSession(Session):
    """Trains on pairs. Batches are drawn at random: of pairs alike in length, the same ones would meet again and again."""

    def __init__(self, trainable: Trainable, tuning: Tuning, lesson: Lesson, plan: Plan) -> None:
        """Prepare the model as the technique does.

        Raises:
            DoesNotApply: the technique has no place in this model.
        """
        super().__init__(trainable, tuning, lesson, plan)
        self._right, self._scale = lesson.right, number(plan.recipe, "scale", SCALE)

    def _draw_batches(self, epoch: int) -> list[Ints]:
        return epoch_batches([1] * len(self._rows), self.batch, self.plan.seed, epoch)

    def _accumulate(self, rows: Ints) -> float:
        """Add up the gradients of a batch; where memory takes a part of it at once, every part still meets all of it.

        First the vectors of all parts are made without a graph, then each part again with the gradient that its vectors have.
        Source: Gao et al. 2021 (GradCache), section 3.
        """
        parts = np.array_split(np.arange(len(rows)), -(-len(rows) // self.progress.micro))
        if len(parts) == 1:
            loss = self._loss(self._vectors(rows, 0), rows)
            self._accelerator.backward(loss)
        else:
            with torch.no_grad():
                known = torch.cat([self._vectors(rows[part], place) for place, part in enumerate(parts)])
            known.requires_grad_()
            loss = self._loss(known, rows)
            [gradient] = torch.autograd.grad(loss, known)
            for place, part in enumerate(parts):
                self._accelerator.backward((self._vectors(rows[part], place) * gradient[part]).sum())
        for part in parts:
            self._count(rows[part])
        return float(loss.detach())

    def _vectors(self, rows: Ints, place: int) -> torch.Tensor:
        """Return `(n, 2, d)`; what dropout leaves out depends on the step and the part alone."""
        torch.manual_seed(int(np.random.SeedSequence([self.plan.seed, self.progress.step, place]).generate_state(1)[0]))
        with self._accelerator.autocast():
            found = self.trainable.logits([self._rows[i] for i in rows])
        return found.float()

    def _loss(self, vectors: torch.Tensor, rows: Ints) -> torch.Tensor:
        others = find_others(self._labels[rows].tolist(), [self._right[i] for i in rows]).to(vectors.device)
        return contrast(vectors[:, 0], vectors[:, 1], others, self._scale).mean()

    def _count(self, rows: Ints) -> None:
        """Count tokens, and what they take with padding; queries and documents are padded by themselves."""
        couples: list[Couple] = [self._rows[i] for i in rows]
        sides = [[len(one.query) for one in couples], [len(one.document) for one in couples]]
        self.progress.cells += sum(len(couples) * max(side) for side in sides)
        self.progress.tokens += sum(map(sum, sides))

    def _too_large(self, length: int) -> CandidateError:
        what = f"out of memory at batch size 1: a query and its document, of {length} tokens together, do not fit"
        said = f"{what} into the memory of device {self.plan.device} in training"
        return CandidateError(said, hint="set a smaller context in the card, or use lora or a smaller model")


def begin_session(trainable: Trainable, tuning: Tuning, lesson: Lesson, plan: Plan) -> Session:
    """Return a session for what there is to learn.

    Raises:
        DoesNotApply: the technique has no place in this model.
    """
    kind = PairSession if lesson.right else Session
    return kind(trainable, tuning, lesson, plan)
