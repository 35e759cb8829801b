from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from harness.measure.decisions import THRESHOLDS, choose_threshold, cross_decide, decide


def made(rows: int = 200) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    truth = (draw.random((rows, 5)) < 0.2).astype(np.float32)
    return np.clip(0.25 * truth + 0.3 * draw.random((rows, 5)), 0, 1).astype(np.float32), truth


def test_what_is_told() -> None:
    outputs = np.array([[0.2, 0.8], [0.6, 0.4]], np.float32)
    assert decide(outputs, "class").tolist() == [1, 0]
    assert decide(outputs, "labels", 0.4).tolist() == [[0, 1], [1, 1]]
    assert decide(outputs[:, :1], "number").tolist() == pytest.approx([0.2, 0.6])


def test_the_threshold_is_that_of_the_best_micro_f1() -> None:
    outputs, truth = made()
    scores = {t: f1_score(truth, outputs >= t, average="micro", zero_division=0) for t in THRESHOLDS}
    assert scores[choose_threshold(outputs, truth)] == pytest.approx(max(scores.values()))
    assert choose_threshold(outputs, truth) < 0.5


def test_where_all_are_equal_it_is_a_half() -> None:
    assert choose_threshold(np.array([[0.99], [0.01]], np.float32), np.array([[1], [0]], np.float32)) == 0.5
    assert choose_threshold(np.empty((0, 3), np.float32), np.empty((0, 3), np.float32)) == 0.5


def test_no_row_takes_part_in_choosing_what_is_told_of_it() -> None:
    outputs, truth = made()
    told = cross_decide(outputs, truth)
    for row in (0, 1, 77):
        other = truth.copy()
        other[row] = 1 - other[row]
        assert (cross_decide(outputs, other)[row] == told[row]).all()
    half = choose_threshold(outputs[1::2], truth[1::2])
    np.testing.assert_array_equal(told[::2], outputs[::2] >= half)
