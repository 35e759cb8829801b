"""The draws of the bootstrap."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core import resample
from harness.core.resample import RESAMPLES, resamples


def whole(rows: int, groups: tuple[str, ...] = (), seed: int = 0, number: int = 50) -> np.ndarray:
    return np.concatenate(list(resamples(rows, groups, seed, number)))


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(0, 5), st.integers(1, 40))
def test_each_resample_draws_as_many_rows_as_there_are(rows: int, seed: int, number: int) -> None:
    weights = whole(rows, seed=seed, number=number)
    assert weights.shape == (number, rows)
    assert weights.dtype == np.float32
    assert (weights.sum(axis=1) == rows).all()
    assert (weights == weights.astype(int)).all()
    assert (weights >= 0).all()


def test_groups_are_drawn_whole_and_as_many_as_there_are() -> None:
    groups = ("b", "a", "b", "c", "a", "b")
    weights = whole(6, groups, number=200)
    for key in "abc":
        members = [i for i, g in enumerate(groups) if g == key]
        assert (weights[:, members] == weights[:, members[:1]]).all()
    assert (weights[:, [1, 0, 3]].sum(axis=1) == 3).all()


def test_the_draw_depends_on_rows_groups_and_seed_alone() -> None:
    assert (whole(30) == whole(30)).all()
    assert (whole(30) != whole(30, seed=1)).any()
    assert (whole(6, ("x", "y", "z", "x", "y", "z")) == whole(6, ("1", "2", "3", "1", "2", "3"))).all()


def test_blocks_are_bounded_and_do_not_change_the_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    one = whole(101, number=37)
    monkeypatch.setattr(resample, "_BLOCK_CELLS", 500)
    blocks = list(resamples(101, (), 0, 37))
    assert all(block.size <= 500 for block in blocks)
    assert (np.concatenate(blocks) == one).all()


def test_weights_have_the_moments_of_the_bootstrap() -> None:
    """A row's weight is binomial with n draws of chance 1/n: mean 1, variance 1 − 1/n; 100,000 weights estimate them to 0.02."""
    weights = whole(50, number=RESAMPLES)
    assert weights.mean() == 1
    assert weights.var() == pytest.approx(1 - 1 / 50, abs=0.02)


def test_no_rows_are_no_problem() -> None:
    assert whole(0, number=3).shape == (3, 0)


def test_a_long_group_key_costs_no_memory_for_the_other_rows() -> None:
    """As an array of fixed width these keys would take 4 GB."""
    groups = ("x" * 1_000_000, "y") * 500
    tracemalloc.start()
    try:
        weights = whole(1000, groups, number=3)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert (weights == whole(1000, ("x", "y") * 500, number=3)).all()
