from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.core.table import blocks
from harness.errors import CandidateError
from harness.techniques import answers, knn, linear_probe
from harness.techniques.answers import choose_classes
from harness.techniques.catalogue import TECHNIQUES, create
from harness.techniques.inner_split import inner_folds, thin
from harness.techniques.inputs import Chosen, Inputs
from harness.techniques.linear_probe import choose_view

EMBEDDING = [name for name, (need, *_) in TECHNIQUES.items() if need == "embed"]


def layers(rows: int, classes: int, signal: tuple[float, ...]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Layers whose classes are told apart by as much as `signal` says."""
    generator = np.random.default_rng(0)
    labels = np.arange(rows) % classes
    centers = generator.normal(size=(classes, 20))
    found = np.stack([generator.normal(size=(rows, 20)) + s * centers[labels] for s in signal])
    return found.astype(np.float32), labels


@pytest.mark.parametrize("name", EMBEDDING)
def test_learns_what_the_best_layer_holds(name: str) -> None:
    features, labels = layers(300, 3, (0.0, 2.0, 0.1))
    inputs, train, test = Inputs.of_layers(features), np.arange(200), np.arange(200, 300)
    head = create(name).fit(inputs, train, labels[train], 3)
    shares = head.predict(inputs, test)
    assert shares.shape == (100, 3)
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)
    assert (shares.argmax(1) == labels[test]).mean() > 0.9
    assert head.recipe["layer"] in {"2 of 3", "mean of 3"}


@pytest.mark.parametrize("name", EMBEDDING)
def test_rows_outside_the_training_rows_change_nothing(name: str) -> None:
    features, labels = layers(120, 3, (1.0, 0.5))
    train, test = np.arange(90), np.arange(90, 120)
    inputs = Inputs.of_layers(features)
    first = create(name).fit(inputs, train, labels[train], 3).predict(inputs, test)
    other = features.copy()
    other[:, 90:] = 1e3
    changed = create(name).fit(Inputs.of_layers(other), train, labels[train], 3).predict(inputs, test)
    np.testing.assert_array_equal(first, changed)


@pytest.mark.parametrize("name", EMBEDDING)
@pytest.mark.parametrize("classes", [2, 5])
def test_a_class_without_training_rows_never_wins(name: str, classes: int) -> None:
    features, labels = layers(60, classes, (1.0,))
    inputs, rows = Inputs.of_layers(features), np.arange(60)
    shares = create(name).fit(inputs, rows, labels, classes + 1).predict(inputs, rows)
    assert shares.shape == (60, classes + 1)
    assert (shares.argmax(1) < classes).all()


@pytest.mark.parametrize("name", EMBEDDING)
def test_one_row_at_a_time_answers_like_all_together(name: str) -> None:
    features, labels = layers(80, 3, (1.0, 0.5))
    inputs = Inputs.of_layers(features)
    head = create(name).fit(inputs, np.arange(60), labels[:60], 3)
    together = head.predict(inputs, np.arange(60, 80))
    single = [head.predict(Inputs.of_layers(features[:, i : i + 1]), np.array([0]))[0] for i in range(60, 80)]
    np.testing.assert_allclose(together, np.stack(single), atol=1e-5)


@pytest.mark.parametrize("name", EMBEDDING)
def test_constant_features_do_not_break(name: str) -> None:
    inputs, labels = Inputs.of_layers(np.ones((1, 30, 4), np.float32)), np.arange(30) % 3
    assert np.isfinite(create(name).fit(inputs, np.arange(30), labels, 3).predict(inputs, np.arange(30))).all()


def test_probe_equals_scikit_learn_at_the_strength_it_chose() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    features, labels = layers(200, 4, (0.7,))
    inputs, rows = Inputs.of_layers(features), np.arange(150)
    head = create("linear-probe").fit(inputs, rows, labels[rows], 4)
    scaler = StandardScaler().fit(features[0, :150])
    model = LogisticRegression(C=float(head.recipe["C"]), max_iter=2000, tol=1e-8).fit(
        scaler.transform(features[0, :150]), labels[:150]
    )
    expected = model.predict_proba(scaler.transform(features[0, 150:]))
    np.testing.assert_allclose(head.predict(inputs, np.arange(150, 200)), expected, atol=0.02)


def test_tuned_probe_beats_an_untuned_one_on_noisy_features() -> None:
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(1)
    labels = np.arange(400) % 4
    features = generator.normal(size=(400, 300)) + 0.1 * generator.normal(size=(4, 300))[labels]
    inputs, train = Inputs.of_layers(features[None].astype(np.float32)), np.arange(200)
    head = create("linear-probe").fit(inputs, train, labels[train], 4)
    tuned = (head.predict(inputs, np.arange(200, 400)).argmax(1) == labels[200:]).mean()
    untuned = LogisticRegression(C=10.0, max_iter=1000).fit(features[:200], labels[:200]).score(features[200:], labels[200:])
    assert head.recipe["C"] < 1
    assert tuned >= untuned


def test_choose_view_prefers_the_layer_with_the_signal() -> None:
    features, labels = layers(200, 3, (0.0, 0.0, 3.0, 0.0))
    assert choose_view(Inputs(features), np.arange(200), labels, 3) == 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=6, max_size=120))
def test_inner_folds_keep_apart_and_are_stratified(drawn: list[int]) -> None:
    labels = np.asarray(drawn)
    folds = inner_folds(labels)
    for learn, check in folds:
        assert not set(learn) & set(check)
        assert len(learn) + len(check) == len(labels)
        assert set(labels[check]) <= set(labels[learn])


def test_views_are_named() -> None:
    inputs = Inputs.of_layers(np.zeros((3, 2, 4), np.float32))
    assert [inputs.view_name(i) for i in range(inputs.views)] == ["1 of 3", "2 of 3", "3 of 3", "mean of 3"]
    assert Inputs.of_layers(np.zeros((1, 2, 4), np.float32)).view_name(0) == "1 of 1"


def test_chosen_is_a_view() -> None:
    chosen = Chosen(["a", "b", "c"], [2, 0])
    assert list(chosen) == ["c", "a"]
    assert chosen[1] == "a"
    assert len(chosen) == 2


@pytest.mark.parametrize("signal", [(0.6,), (0.6, 0.5, 0.1)])
def test_neighbors_in_blocks_are_the_nearest_of_all(signal: tuple[float, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Training rows left in their table among others, and asked a few at a time; duplicates make ties between blocks."""
    features, labels = layers(900, 3, signal)
    features[:, 300:400] = features[:, 0:100]
    inputs, rows = Inputs.of_layers(features), np.random.default_rng(1).permutation(900)
    train, test = np.sort(rows[:600]), rows[600:]
    head = create("knn").fit(inputs, train, labels[train], 3)
    one = head.predict(inputs, test)
    monkeypatch.setattr(knn, "_KEPT_BYTES", 0)
    monkeypatch.setattr(knn, "_COLUMNS", 50)
    monkeypatch.setattr(knn, "_CELLS", 1000)
    for few in (knn._FEW, 3):
        monkeypatch.setattr(knn, "_FEW", few)
        other = create("knn").fit(inputs, train, labels[train], 3)
        assert other.recipe == head.recipe
        np.testing.assert_allclose(other.predict(inputs, test), one, atol=1e-5)


def test_many_neighbors_take_memory_for_a_block() -> None:
    """Similarities of 600 rows to 150,000 would take 360 MB, a copy of the training rows 288 MB."""
    generator = np.random.default_rng(0)
    inputs = Inputs.of_layers(generator.standard_normal((1, 150_000, 480), np.float32))
    labels = np.arange(150_000) % 50
    tracemalloc.start()
    try:
        head = create("knn").fit(inputs, np.arange(150_000), labels, 50)
        shares = head.predict(inputs, np.arange(600))
        assert tracemalloc.get_traced_memory()[1] < 150_000_000
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)
    first = inputs.features[0][:20] / np.linalg.norm(inputs.features[0][:20], axis=1, keepdims=True)
    assert (head.known.nearest(first, 1)[0][:, 0] == np.arange(20)).all()


def test_the_probe_learns_from_a_bounded_number_of_rows_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = layers(900, 3, (1.0,))
    inputs, rows = Inputs.of_layers(features), np.arange(900)
    assert "rows" not in create("linear-probe").fit(inputs, rows, labels, 3).recipe
    monkeypatch.setattr(linear_probe, "MOST_ROWS", 150)
    head = create("linear-probe").fit(inputs, rows, labels, 3)
    assert head.recipe["rows"] == "150 of 900"
    assert (head.predict(inputs, rows).argmax(1) == labels).mean() > 0.9


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=150), st.integers(1, 60))
def test_thinned_rows_keep_every_class_and_its_share(drawn: list[int], most: int) -> None:
    labels = np.asarray(drawn)
    kept = thin(labels, most)
    assert (np.diff(kept) > 0).all()
    assert set(labels[kept]) == set(labels)
    assert min(most, len(labels)) <= len(kept) <= most + len(set(drawn))
    share = np.minimum(1, most / len(labels))
    assert (np.abs(np.bincount(labels[kept], minlength=7) - share * np.bincount(labels, minlength=7)) <= 2).all()


def test_classes_are_chosen_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = layers(300, 3, (1.0,))
    inputs, rows = Inputs.of_layers(features), np.arange(300)
    head = create("knn").fit(inputs, rows, labels, 3)
    expected = head.predict(inputs, rows[::-1]).argmax(1)
    monkeypatch.setattr(answers, "blocks", lambda rows, size: blocks(rows, size, limit=70 * size))
    assert (choose_classes(head, inputs, rows[::-1], 3) == expected).all()
    assert choose_classes(head, inputs, rows[:0], 3).shape == (0,)


def test_layers_are_not_copied() -> None:
    features = np.zeros((4, 50_000, 20), np.float32)
    tracemalloc.start()
    try:
        inputs = Inputs.of_layers(features)
        assert tracemalloc.get_traced_memory()[1] < 10_000
    finally:
        tracemalloc.stop()
    assert inputs.views == 5


def test_zero_shot_needs_words_and_no_labels() -> None:
    features, labels = layers(60, 3, (0.0, 3.0))
    centers = np.stack([features[1][labels == label].mean(0) for label in range(3)])
    prompts = tuple(np.stack([center, 2 * center]) for center in centers)
    inputs, rows = replace(Inputs.of_layers(features), prompts=prompts), np.arange(60)
    head = create("zero-shot").fit(inputs, rows[:0], labels[:0], 3)
    shares = head.predict(inputs, rows)
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)
    assert (shares.argmax(1) == labels).mean() > 0.95
    assert head.recipe == {"phrases": 6}
    with pytest.raises(CandidateError, match="no words"):
        create("zero-shot").fit(Inputs.of_layers(features), rows, labels, 3)


def test_zero_shot_reads_the_last_layer_alone() -> None:
    features, labels = layers(30, 2, (1.0, 1.0))
    prompts = tuple(features[1][labels == label][:1] for label in range(2))
    rows = np.arange(30)
    found = [
        create("zero-shot").fit(inputs, rows, labels, 2).predict(inputs, rows)
        for inputs in (replace(Inputs.of_layers(given), prompts=prompts) for given in (features, features[1:]))
    ]
    np.testing.assert_array_equal(*found)
