"""k nearest neighbours by cosine on frozen features; the layer and k are tuned by leaving one row out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.techniques.inputs import Inputs
from harness.techniques.technique import Recipe

NEIGHBORS = (1, 3, 5, 10, 20)
_ROWS_FOR_TUNING = 3000
_BLOCK = 1024

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class KnnHead:
    """The training rows' directions and labels."""

    view: int
    directions: Floats
    labels: Ints
    classes: int
    neighbors: int
    recipe: Recipe

    def predict(self, inputs: Inputs, rows: Ints) -> Floats:
        """Return each class's share of the neighbours' similarity, `(len(rows), classes)`."""
        asked = _directions(inputs.features[self.view][rows])
        parts = []
        for start in range(0, len(asked), _BLOCK):
            near, similarity = _nearest(asked[start : start + _BLOCK] @ self.directions.T, self.neighbors)
            parts.append(_votes(self.labels[near], similarity, self.classes, self.neighbors))
        return np.concatenate(parts)


class NearestNeighbors:
    """Tunes by leave-one-out on at most 3,000 of the training rows, then keeps them all."""

    def fit(self, inputs: Inputs, rows: Ints, labels: Ints, classes: int) -> KnnHead:
        """Choose layer and k, then remember the given rows."""
        kept = np.sort(np.random.default_rng(0).permutation(len(rows))[:_ROWS_FOR_TUNING])
        best = (-1.0, 0, 1)
        for view in range(inputs.views):
            scores = _leave_one_out(_directions(inputs.features[view][rows[kept]]), labels[kept], classes)
            for neighbors, score in zip(NEIGHBORS, scores, strict=True):
                best = max(best, (score, view, neighbors))
        _, view, neighbors = best
        directions = _directions(inputs.features[view][rows])
        recipe: Recipe = {"layer": inputs.view_name(view), "k": neighbors}
        return KnnHead(view, directions, labels, classes, min(neighbors, len(rows)), recipe)


def _leave_one_out(directions: Floats, labels: Ints, classes: int) -> list[float]:
    """Return the accuracy at each k in `NEIGHBORS` when every row is asked of all the others."""
    right = np.zeros(len(NEIGHBORS))
    most = min(NEIGHBORS[-1], len(labels) - 1)
    for start in range(0, len(labels), _BLOCK):
        block = directions[start : start + _BLOCK] @ directions.T
        own = np.arange(len(block))
        block[own, start + own] = -np.inf
        near, similarity = _nearest(block, most)
        for i, neighbors in enumerate(NEIGHBORS):
            votes = _votes(labels[near], similarity, classes, min(neighbors, most))
            right[i] += (votes.argmax(1) == labels[start : start + _BLOCK]).sum()
    return [float(r) / len(labels) for r in right]


def _nearest(similarity: Floats, count: int) -> tuple[Ints, Floats]:
    """Return positions and similarities of the `count` largest of each row, largest first; equal ones in order of position."""
    count = min(count, similarity.shape[1])
    near = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
    values = np.take_along_axis(similarity, near, axis=1)
    order = np.lexsort((near, -values), axis=1)
    return np.take_along_axis(near, order, axis=1), np.take_along_axis(values, order, axis=1)


def _votes(labels: Ints, similarity: Floats, classes: int, neighbors: int) -> Floats:
    """Sum the first neighbours' similarities (shifted to be positive) by class, as shares."""
    votes = np.zeros((len(labels), classes), np.float32)
    for i in range(neighbors):
        votes[np.arange(len(labels)), labels[:, i]] += similarity[:, i] + 1.001
    shares: Floats = votes / votes.sum(1, keepdims=True)
    return shares


def _directions(features: Floats) -> Floats:
    directions: Floats = features / np.linalg.norm(features, axis=1, keepdims=True).clip(min=1e-12)
    return directions
