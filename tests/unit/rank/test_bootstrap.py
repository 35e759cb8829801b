"""The joint bootstrap against a loop that does it row by row."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core import resample
from harness.core.metric import METRICS, score
from harness.core.resample import resamples
from harness.rank import bootstrap
from harness.rank.bootstrap import Reference, draw_scores


@pytest.mark.parametrize("metric", sorted(METRICS))
@pytest.mark.parametrize("grouped", [False, True])
def test_each_draw_is_the_metric_of_the_resampled_rows(metric: str, grouped: bool) -> None:  # noqa: FBT001 - a case of the test
    rng = np.random.default_rng(3)
    labels = rng.integers(3, size=40)
    told = [np.where(rng.random(40) < share, labels, rng.integers(3, size=40)) for share in (0.5, 0.9)]
    groups = tuple(f"g{i // 4}" for i in range(40)) if grouped else ()
    drawn = draw_scores(metric, Reference(labels, 3, groups), told, 7, number=20)
    (weights,) = resamples(40, groups, 7, 20)
    for i, row in enumerate(weights):
        chosen = np.repeat(np.arange(40), row.astype(int))
        for k, predicted in enumerate(told):
            assert drawn[i, k] == pytest.approx(score(metric, labels[chosen], predicted[chosen], 3), abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(4)))
def test_permuting_the_contenders_permutes_the_draws(order: list[int]) -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(3, size=60)
    told = [rng.integers(3, size=60) for _ in range(4)]
    drawn = draw_scores("macro_f1", Reference(labels, 3), told, 0, number=50)
    again = draw_scores("macro_f1", Reference(labels, 3), [told[i] for i in order], 0, number=50)
    assert (again == drawn[:, order]).all()


def test_the_seed_decides_and_blocks_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.arange(100) % 2
    told = [np.roll(labels, 1), labels, np.zeros(100, np.int64)]
    reference = Reference(labels, 2)
    one = draw_scores("accuracy", reference, told, 0, number=64)
    assert (draw_scores("accuracy", reference, told, 0, number=64) == one).all()
    assert (draw_scores("accuracy", reference, told, 1, number=64) != one).any()
    monkeypatch.setattr(resample, "_BLOCK_CELLS", 700)
    assert (draw_scores("accuracy", reference, told, 0, number=64) == one).all()


def test_units_are_groups_where_there_are_groups() -> None:
    labels = np.zeros(4, np.int64)
    assert Reference(labels, 1).units == 4
    assert Reference(labels, 1, ("a", "a", "b", "b")).units == 2


def test_many_rows_and_classes_take_memory_for_rows_only() -> None:
    """A table of rows × classes would take 800 MB here."""
    rng = np.random.default_rng(5)
    labels = rng.integers(1000, size=200_000)
    told = np.where(rng.random(len(labels)) < 0.5, labels, rng.integers(1000, size=len(labels)))
    tracemalloc.start()
    try:
        drawn = draw_scores("macro_f1", Reference(labels, 1000), [told], 0, number=12)
        assert tracemalloc.get_traced_memory()[1] < 80_000_000
    finally:
        tracemalloc.stop()
    (weights,) = (block[:1] for block in itertools.islice(resamples(len(labels), (), 0, 12), 1))
    chosen = np.repeat(np.arange(len(labels)), weights[0].astype(int))
    assert drawn[0, 0] == pytest.approx(score("macro_f1", labels[chosen], told[chosen], 1000), abs=1e-12)


def test_blocks_of_counts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, told = np.arange(90) % 9, np.arange(90) // 10
    one = draw_scores("macro_f1", Reference(labels, 9), [told], 0, number=40)
    monkeypatch.setattr(bootstrap, "_BLOCK_COUNTS", 20)
    assert (draw_scores("macro_f1", Reference(labels, 9), [told], 0, number=40) == one).all()
