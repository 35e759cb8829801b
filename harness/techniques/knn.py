"""k nearest neighbours by cosine on frozen features; the layer and k are tuned by leaving one row out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.data import target_of
from harness.core.table import BLOCK_BYTES, Table, blocks
from harness.techniques.inputs import Inputs
from harness.techniques.technique import Recipe

NEIGHBORS = (1, 3, 5, 10, 20)
_ROWS_FOR_TUNING = 3000
_BLOCK = 1024
# Similarities at once, and training rows that a block of them looks at.
_CELLS = 2**22
_COLUMNS = 2**14
# Up to here the training rows' directions are kept; beyond, they are computed from the features whenever they are needed.
_KEPT_BYTES = 2**28
# A row with more new candidates than this in a block is worth a selection of its own.
_FEW = 64
# What makes every similarity positive.
_SHIFT = 1.001

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Known:
    """The rows that are asked, in a table that may hold others too: these have the label -1 and are passed over.

    Where values or several labels are told, a row's label is its place among the training rows.
    """

    table: Table
    labels: Ints
    lengths: Floats | None = None

    @classmethod
    def of(cls, table: Table, rows: Ints, labels: Ints) -> Known:
        """Copy the rows' directions where they are few; else leave the rows where they are, and keep their lengths."""
        if 4 * len(rows) * table.shape[1] <= _KEPT_BYTES:
            return cls(_directions(table[rows]), labels)
        everywhere = np.full(table.shape[0], -1)
        everywhere[rows] = labels
        lengths = [_lengths(table[part]) for part in blocks(table.shape[0], 4 * table.shape[1])]
        return cls(table, everywhere, np.concatenate(lengths)[:, 0])

    @property
    def columns(self) -> int:
        """Return how many rows are looked at at once."""
        return min(len(self.labels), _COLUMNS, max(1, BLOCK_BYTES // (4 * self.table.shape[1])))

    def similarity(self, asked: Floats, part: slice) -> Floats:
        """Return the cosine of directions to a part of the rows, `(asked, rows)`; minus infinity to what is no training row."""
        found: Floats = asked @ self.table[part].T
        if self.lengths is not None:
            found /= self.lengths[part]
            found[:, self.labels[part] < 0] = -np.inf
        return found

    def nearest(self, asked: Floats, count: int) -> tuple[Ints, Floats]:
        """Return positions and similarities of the `count` nearest rows of each direction, nearest first."""
        near, values = np.empty((len(asked), 0), np.int64), np.empty((len(asked), 0), np.float32)
        for part in blocks(len(self.labels), 1, limit=self.columns):
            near, values = _merge(near, values, self.similarity(asked, part), start=part.start, count=count)
        return near, values


@dataclass(frozen=True, slots=True)
class KnnHead:
    """The training rows' directions and labels; where values or several labels are told, `right` holds them, `(rows, outputs)`."""

    view: int
    known: Known
    classes: int
    neighbors: int
    recipe: Recipe
    right: Floats | None = None

    def predict(self, inputs: Inputs, rows: Ints) -> Floats:
        """Return each class's share of the neighbours' similarity, `(len(rows), classes)`; memory beside it: one block.

        Of values it is their mean, weighted by similarity.
        """
        shares = np.empty((len(rows), self.classes), np.float32)
        for part in blocks(len(rows), 1, limit=min(_BLOCK, _CELLS // self.known.columns)):
            near, similarity = self.known.nearest(_directions(inputs.features[self.view][rows[part]]), self.neighbors)
            shares[part] = _answer(self.known.labels[near], similarity, self.classes, self.neighbors, right=self.right)
        return shares


class NearestNeighbors:
    """Tunes by leave-one-out on at most 3,000 of the training rows, then keeps them all."""

    def fit(self, inputs: Inputs, rows: Ints, labels: NDArray[Any], classes: int) -> KnnHead:
        """Choose layer and k, then remember the given rows."""
        right = None if target_of(labels) == "class" else labels.reshape(len(labels), -1).astype(np.float32)
        labels = labels if right is None else np.arange(len(labels))
        kept = np.sort(np.random.default_rng(0).permutation(len(rows))[:_ROWS_FOR_TUNING])
        best = (-np.inf, 0, 1)
        for view in range(inputs.views):
            scores = _leave_one_out(_directions(inputs.features[view][rows[kept]]), labels[kept], classes, right)
            for neighbors, score in zip(NEIGHBORS, scores, strict=True):
                best = max(best, (score, view, neighbors))
        _, view, neighbors = best
        recipe: Recipe = {"layer": inputs.view_name(view), "k": neighbors}
        return KnnHead(view, Known.of(inputs.features[view], rows, labels), classes, min(neighbors, len(rows)), recipe, right)


def _leave_one_out(directions: Floats, labels: Ints, classes: int, right: Floats | None) -> list[float]:
    """Return the accuracy at each k in `NEIGHBORS` when every row is asked of all the others; of values less the squared error."""
    total = np.zeros(len(NEIGHBORS))
    most = min(NEIGHBORS[-1], len(labels) - 1)
    for start in range(0, len(labels), _BLOCK):
        block = directions[start : start + _BLOCK] @ directions.T
        own = np.arange(len(block))
        block[own, start + own] = -np.inf
        near, similarity = _nearest(block, most)
        for i, neighbors in enumerate(NEIGHBORS):
            told = _answer(labels[near], similarity, classes, min(neighbors, most), right=right)
            own = labels[start : start + _BLOCK]
            total[i] += (told.argmax(1) == own).sum() if right is None else -((told - right[own]) ** 2).sum()
    return [float(one) / len(labels) for one in total]


def _answer(labels: Ints, similarity: Floats, classes: int, neighbors: int, *, right: Floats | None) -> Floats:
    """Return shares of classes by the first neighbours' labels, or the mean of what is right for them."""
    if right is None:
        return _votes(labels, similarity, classes, neighbors)
    weights = similarity[:, :neighbors] + _SHIFT
    found: Floats = np.einsum("nk,nko->no", weights, right[labels[:, :neighbors]]) / weights.sum(1, keepdims=True)
    return found


def _nearest(similarity: Floats, count: int) -> tuple[Ints, Floats]:
    """Return positions and similarities of the `count` largest of each row, largest first; equal ones in order of position."""
    count = min(count, similarity.shape[1])
    near = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
    values = np.take_along_axis(similarity, near, axis=1)
    order = np.lexsort((near, -values), axis=1)
    return np.take_along_axis(near, order, axis=1), np.take_along_axis(values, order, axis=1)


def _merge(near: Ints, values: Floats, block: Floats, *, start: int, count: int) -> tuple[Ints, Floats]:
    """Return the `count` largest of what was found so far and of a block of similarities whose first column is row `start`."""
    if not start:
        return _nearest(block, count)
    row, column = np.nonzero(block > values[:, -1:])
    new = np.bincount(row, minlength=len(block))
    if new.max(initial=0) > _FEW:
        column, found = _nearest(block, count)
        candidates, similarity = np.concatenate([near, column + start], axis=1), np.concatenate([values, found], axis=1)
    else:
        slot = values.shape[1] + np.arange(len(row)) - np.repeat(np.cumsum(new) - new, new)
        space = ((0, 0), (0, int(new.max(initial=0))))
        candidates, similarity = np.pad(near, space), np.pad(values, space, constant_values=-np.inf)
        candidates[row, slot], similarity[row, slot] = column + start, block[row, column]
    order = np.lexsort((candidates, -similarity), axis=1)[:, :count]
    return np.take_along_axis(candidates, order, axis=1), np.take_along_axis(similarity, order, axis=1)


def _votes(labels: Ints, similarity: Floats, classes: int, neighbors: int) -> Floats:
    """Sum the first neighbours' similarities (shifted to be positive) by class, as shares."""
    votes = np.zeros((len(labels), classes), np.float32)
    for i in range(neighbors):
        votes[np.arange(len(labels)), labels[:, i]] += similarity[:, i] + _SHIFT
    shares: Floats = votes / votes.sum(1, keepdims=True)
    return shares


def _directions(features: Floats) -> Floats:
    """Give every row the length 1, in place, and return the rows."""
    for part in blocks(len(features), 4 * features.shape[1]):
        features[part] /= _lengths(features[part])
    return features


def _lengths(features: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(features, axis=1, keepdims=True).clip(min=1e-12)
    return lengths
