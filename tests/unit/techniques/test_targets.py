"""Techniques where numbers or several labels are told, against scikit-learn's own solutions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor

from harness.errors import CandidateError
from harness.techniques.catalogue import create
from harness.techniques.inputs import Inputs
from harness.techniques.label_probe import STRENGTHS, fit_logistic
from harness.techniques.number_probe import PENALTIES, choose_penalty, fit_ridge, spectrum

DRAW = np.random.default_rng(0)
FEATURES = DRAW.normal(size=(160, 12)).astype(np.float32)
VALUES = FEATURES @ DRAW.normal(size=12) + 0.3 * DRAW.normal(size=160) + 40
LABELS = (FEATURES[:, :3] + 0.5 * DRAW.normal(size=(160, 3)) > 0.4).astype(np.float32)
LEARN, ASK = np.arange(120), np.arange(120, 160)
NOISE = DRAW.normal(size=FEATURES.shape).astype(np.float32)
INPUTS = Inputs.of_layers(np.stack([NOISE, FEATURES, NOISE]))


def test_ridge_is_that_of_scikit_learn() -> None:
    weights, bias = fit_ridge(FEATURES - FEATURES.mean(0), VALUES[:, None], 10.0)
    known = Ridge(alpha=10.0).fit(FEATURES - FEATURES.mean(0), VALUES)
    np.testing.assert_allclose(weights[:, 0], known.coef_, atol=1e-4)
    assert bias[0] == pytest.approx(known.intercept_, rel=1e-6)


def test_the_penalty_is_that_of_the_least_held_out_error() -> None:
    known, asked = (part - FEATURES[:80].mean(0) for part in (FEATURES[:80], FEATURES[80:]))
    penalty, error = choose_penalty([(known, asked, np.arange(80), np.arange(80, 160))], VALUES[:, None])
    errors = [
        np.mean((Ridge(alpha=a).fit(FEATURES[:80], VALUES[:80]).predict(FEATURES[80:]) - VALUES[80:]) ** 2) for a in PENALTIES
    ]
    assert error == pytest.approx(min(errors), rel=1e-4)
    assert penalty == PENALTIES[int(np.argmin(errors))]


def test_with_fewer_rows_than_features_the_same_is_found() -> None:
    wide = np.random.default_rng(1).normal(size=(40, 90)).astype(np.float32)
    values, vectors = spectrum(wide)
    known, _ = np.linalg.eigh((wide.T @ wide).astype(float))
    np.testing.assert_allclose(np.sort(values), known[-len(values) :], rtol=1e-3)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(len(values)), atol=1e-3)
    targets = wide[:, :2] + 1
    _, error = choose_penalty([(wide[:30], wide[30:], np.arange(30), np.arange(30, 40))], targets)
    center = targets[:30].mean(0)
    told = [
        Ridge(alpha=a, fit_intercept=False).fit(wide[:30], targets[:30] - center).predict(wide[30:]) + center for a in PENALTIES
    ]
    assert error == pytest.approx(min(((one - targets[30:]) ** 2).mean() for one in told), rel=1e-3)


def test_logistic_regression_of_all_labels_together_is_that_of_each_alone() -> None:
    weights, bias = fit_logistic(FEATURES, LABELS, 0.1)
    for i in range(3):
        known = LogisticRegression(C=0.1, tol=1e-8).fit(FEATURES, LABELS[:, i])
        np.testing.assert_allclose(weights[:, i], known.coef_[0], atol=5e-3)
        assert bias[i] == pytest.approx(known.intercept_[0], abs=5e-3)


@pytest.mark.parametrize("name", ["linear-probe", "knn"])
def test_numbers_are_learned_from_the_layer_that_holds_them(name: str) -> None:
    head = create(name).fit(INPUTS, LEARN, VALUES[LEARN], 1)
    told = head.predict(INPUTS, ASK)
    assert told.shape == (40, 1)
    assert np.corrcoef(told[:, 0], VALUES[ASK])[0, 1] > {"linear-probe": 0.98, "knn": 0.75}[name]
    assert told.mean() == pytest.approx(40, abs=2)
    assert head.recipe["layer"] in {"2 of 3", "mean of 3"}


@pytest.mark.parametrize("name", ["linear-probe", "knn"])
def test_each_label_is_told_by_itself(name: str) -> None:
    head = create(name).fit(INPUTS, LEARN, LABELS[LEARN], 3)
    told = head.predict(INPUTS, ASK)
    assert told.shape == (40, 3)
    assert ((told >= 0) & (told <= 1)).all()
    assert ((told > 0.5) == LABELS[ASK]).mean() > {"linear-probe": 0.8, "knn": 0.7}[name]
    if name == "linear-probe":
        assert head.recipe["C"] in STRENGTHS


@pytest.mark.parametrize("truth", [VALUES, LABELS])
@pytest.mark.parametrize("name", ["linear-probe", "knn"])
def test_rows_outside_the_training_rows_change_nothing(name: str, truth: np.ndarray) -> None:
    other = np.stack([NOISE, FEATURES, NOISE])
    other[:, 120:] = 1e3
    width = 1 if truth.ndim == 1 else 3
    first = create(name).fit(INPUTS, LEARN, truth[LEARN], width).predict(INPUTS, ASK)
    again = create(name).fit(Inputs.of_layers(other), LEARN, truth[LEARN], width).predict(INPUTS, ASK)
    np.testing.assert_array_equal(first, again)


def test_neighbors_of_numbers_are_those_of_scikit_learn_by_cosine() -> None:
    directions = FEATURES / np.linalg.norm(FEATURES, axis=1, keepdims=True)
    head = create("knn").fit(Inputs.of_layers(FEATURES[None]), LEARN, VALUES[LEARN], 1)
    known = KNeighborsRegressor(int(head.recipe["k"]), metric="cosine", weights=lambda d: 1 - d + 1.001)
    expected = known.fit(directions[LEARN], VALUES[LEARN]).predict(directions[ASK])
    np.testing.assert_allclose(head.predict(Inputs.of_layers(FEATURES[None]), ASK)[:, 0], expected, rtol=1e-5)


def test_a_label_of_no_row_is_never_told() -> None:
    truth = np.concatenate([LABELS, np.zeros((160, 1), np.float32)], axis=1)
    told = create("linear-probe").fit(INPUTS, LEARN, truth[LEARN], 4).predict(INPUTS, ASK)
    assert told[:, 3].max() < 0.05


class OnlyNumbers:
    def fit_numbers(self, inputs: object, values: np.ndarray) -> None:
        del inputs
        self.mean = float(values.mean())

    def predict_numbers(self, inputs: list[object]) -> np.ndarray:
        return np.full(len(inputs), self.mean)


def test_a_model_that_learns_numbers_alone_is_fitted_to_these_and_to_nothing_else() -> None:
    inputs = Inputs((), raw=["a text"] * 160, model=OnlyNumbers())
    told = create("fit").fit(inputs, LEARN, VALUES[LEARN], 1).predict(inputs, ASK)
    assert told.shape == (40, 1)
    assert told[0, 0] == pytest.approx(VALUES[LEARN].mean())
    with pytest.raises(CandidateError, match="cannot be fitted") as caught:
        create("fit").fit(inputs, LEARN, LABELS[LEARN], 3)
    assert "`fit_labels` and `predict_labels`" in caught.value.hint


def test_cosine_compares_both_sides_and_learns_nothing() -> None:
    sides = (FEATURES, FEATURES + 0.5 * NOISE)
    head = create("cosine").fit(Inputs((), sides=sides), LEARN, VALUES[LEARN], 1)
    expected = (sides[0] * sides[1]).sum(1) / np.linalg.norm(sides[0], axis=1) / np.linalg.norm(sides[1], axis=1)
    np.testing.assert_allclose(head.predict(Inputs((), sides=sides), ASK)[:, 0], expected[ASK], atol=1e-6)
    with pytest.raises(CandidateError, match="no pairs"):
        create("cosine").fit(INPUTS, LEARN, VALUES[LEARN], 1)
