"""Linear probe: multinomial logistic regression on frozen features, with the layer and the regularisation tuned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, softmax
from sklearn.linear_model import LogisticRegression

from harness.core.data import stratify, target_of
from harness.core.kinds import Target
from harness.core.table import Selected, Table, blocks
from harness.techniques.inner_split import inner_folds, thin
from harness.techniques.inputs import Inputs
from harness.techniques.label_probe import choose_strength, fit_logistic
from harness.techniques.number_probe import choose_penalty, fit_ridge, spectrum
from harness.techniques.technique import Recipe

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
_PENALTIES = (10.0, 100.0, 1000.0, 10000.0)
_ROWS_FOR_LAYER = 3000
# The solver holds a copy of the features, and two tables of rows × classes: what bounds its memory is the number of rows.
MOST_ROWS = 100_000

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Truth = NDArray[Any]
Fold = tuple[Ints, Ints]


@dataclass(frozen=True, slots=True)
class ProbeHead:
    """A fitted probe: standardise, project, and read as shares of classes, as probabilities of labels, or as the value."""

    view: int
    mean: Floats
    scale: Floats
    weights: Floats
    bias: Floats
    recipe: Recipe
    target: Target = "class"

    def predict(self, inputs: Inputs, rows: Ints) -> Floats:
        """Return probabilities `(len(rows), classes)` or values `(len(rows), 1)`; memory beside them: one block of rows."""
        width, classes = self.weights.shape
        shares = np.empty((len(rows), classes), np.float32)
        for part in blocks(len(rows), 4 * (width + classes)):
            standard = _standardize(inputs.features[self.view][rows[part]], self.mean, self.scale)
            shares[part] = activate(standard @ self.weights + self.bias, self.target)
        return shares


def activate(margins: Floats, target: Target) -> Floats:
    """Return what a linear layer's outputs `(n, k)` mean: shares that add up to 1, probabilities, or values as they are."""
    found: Floats = softmax(margins, axis=1) if target == "class" else expit(margins) if target == "labels" else margins
    return found


class LinearProbe:
    """Chooses the layer by a ridge regression, then the strength of the regularisation, both inside the training rows.

    Of more than 100,000 training rows it learns from so many, drawn by class, and its recipe says so.
    """

    def fit(self, inputs: Inputs, rows: Ints, labels: Truth, classes: int, *, folds: Sequence[Fold] = ()) -> ProbeHead:
        """Tune, then fit on all the given rows, or on as many as the solver takes.

        `folds` are positions among the rows, of classes, to learn from and to check the regularisation by; else they are drawn.
        """
        given, kept = len(rows), thin(stratify(labels), MOST_ROWS)
        rows, labels = rows[kept], labels[kept]
        view, target = choose_view(inputs, rows, labels, classes), target_of(labels)
        table = Selected(inputs.features[view], rows)
        strength = _choose_strength(table, labels, folds) if target == "class" else _tune(table, labels)
        features = inputs.features[view][rows]
        mean, scale = _standard(features)
        fit = _FITS[target]
        weights, bias = fit(_standardize(features, mean, scale), labels, strength, classes)
        recipe: Recipe = {"layer": inputs.view_name(view), "penalty" if target == "number" else "C": strength}
        if len(rows) < given:
            recipe = {**recipe, "rows": f"{len(rows)} of {given}"}
        return ProbeHead(view, mean, scale, weights, bias, recipe, target)


def _fit_classes(features: Floats, labels: Truth, strength: float, classes: int) -> tuple[Floats, Floats]:
    model = _logistic(strength, 1e-4).fit(features, labels)
    weights = np.zeros((features.shape[1], classes), np.float32)
    # A class that these rows lack must never win.
    bias = np.full(classes, -1e9, np.float32)
    coefficients, intercept = _both_classes(model.coef_), _both_classes(model.intercept_)
    weights[:, model.classes_] = coefficients.T
    bias[model.classes_] = intercept
    return weights, bias


def _fit_labels(features: Floats, labels: Truth, strength: float, classes: int) -> tuple[Floats, Floats]:
    del classes
    return fit_logistic(features, labels, strength)


def _fit_numbers(features: Floats, labels: Truth, strength: float, classes: int) -> tuple[Floats, Floats]:
    del classes
    return fit_ridge(features, labels[:, None].astype(np.float64), strength)


_FITS = {"class": _fit_classes, "labels": _fit_labels, "number": _fit_numbers}


def _tune(features: Table, labels: Truth) -> float:
    """Return the strength of the regularisation where labels or values are told."""
    folds = _prepared(features, inner_folds(stratify(labels)))
    if target_of(labels) == "labels":
        return choose_strength(folds[:1], labels)
    return choose_penalty(folds, labels[:, None])[0]


def _prepared(features: Table, folds: Sequence[tuple[Ints, Ints]]) -> list[tuple[Floats, Floats, Ints, Ints]]:
    return [(*_prepare(features, learn, check), learn, check) for learn, check in folds]


def choose_view(inputs: Inputs, rows: Ints, labels: Truth, classes: int) -> int:
    """Return the view whose ridge regression onto the classes has the best held-out accuracy; later views win ties.

    Of labels and values it is the one with the least squared error. At most 3,000 rows are looked at. Cost: one decomposition of a
    `d × d` matrix a view.
    """
    if inputs.views == 1:
        return 0
    if len(rows) > _ROWS_FOR_LAYER:
        kept = np.sort(np.random.default_rng(0).permutation(len(rows))[:_ROWS_FOR_LAYER])
        rows, labels = rows[kept], labels[kept]
    folds = inner_folds(stratify(labels))

    def judge(view: int) -> float:
        features = inputs.features[view][rows]
        if target_of(labels) == "class":
            return _ridge_accuracy(features, labels, classes, folds)
        return -choose_penalty(_prepared(features, folds), labels.reshape(len(labels), -1))[1]

    scores = [judge(view) for view in range(inputs.views)]
    return max(range(inputs.views), key=lambda view: (scores[view], view))


def _ridge_accuracy(features: Floats, labels: Ints, classes: int, folds: Sequence[tuple[Ints, Ints]]) -> float:
    """Return the accuracy of the best penalty, averaged over folds; one eigendecomposition serves all penalties."""
    right = np.zeros(len(_PENALTIES))
    for learn, check in folds:
        known, asked = _prepare(features, learn, check)
        targets = np.eye(classes, dtype=np.float32)[labels[learn]]
        center = targets.mean(0)
        values, vectors = spectrum(known)
        projected = vectors.T @ (known.T @ (targets - center))
        asked = asked @ vectors
        for i, penalty in enumerate(_PENALTIES):
            answer = asked @ (projected / (values + penalty)[:, None]) + center
            right[i] += (answer.argmax(1) == labels[check]).mean()
    return float(right.max() / len(folds))


def _choose_strength(features: Table, labels: Ints, folds: Sequence[Fold] = ()) -> float:
    """Return the C with the least held-out log loss, walking from strong to weak and stopping once it rises twice.

    Memory: a copy of the features for each fold.
    """
    losses: list[float] = []
    folds = folds or inner_folds(labels)
    prepared = [_prepare(features, *fold) for fold in folds]
    models = [_logistic(STRENGTHS[0], 1e-3) for _ in folds]
    for strength in STRENGTHS:
        loss = 0.0
        for model, (known, asked), (learn, check) in zip(models, prepared, folds, strict=True):
            model.set_params(C=strength).fit(known, labels[learn])
            loss += _log_loss(model, asked, labels[check])
        losses.append(loss)
        if len(losses) >= 3 and losses[-1] > losses[-2] > losses[-3]:
            break
    return STRENGTHS[int(np.argmin(losses))]


def _prepare(features: Table, learn: Ints, check: Ints) -> tuple[Floats, Floats]:
    """Return the rows to learn from and the rows to check, standardized by the former."""
    known = features[learn]
    mean, scale = _standard(known)
    return _standardize(known, mean, scale), _standardize(features[check], mean, scale)


def _log_loss(model: LogisticRegression, features: Floats, labels: Ints) -> float:
    margins = _both_classes((features @ model.coef_.T + model.intercept_).T).T
    position = np.searchsorted(model.classes_, labels)
    return -float(log_softmax(margins, axis=1)[np.arange(len(labels)), position].mean())


def _logistic(strength: float, tolerance: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=300, tol=tolerance, warm_start=True)


def _standard(features: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each column, some columns at a time: a deviation needs a copy of its columns."""
    scale = np.concatenate([features[:, part].std(0) for part in blocks(features.shape[1], features.shape[0] * 4)])
    return features.mean(0), np.where(scale > 1e-8, scale, 1).astype(np.float32)


def _standardize(features: Floats, mean: Floats, scale: Floats) -> Floats:
    """Standardize in place and return the features."""
    features -= mean
    features /= scale
    return features


def _both_classes(array: Floats) -> Floats:
    """Write the single row of a two-class model as two opposite halves, so that a softmax reads it."""
    return np.concatenate([-array / 2, array / 2]) if len(array) == 1 else array
