"""Tables that are read a block at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.table import Mean, Selected, blocks

LAYERS = np.random.default_rng(0).normal(size=(3, 20, 4)).astype(np.float32)


@pytest.mark.parametrize("rows", [slice(None), slice(3, 9), np.array([7, 0, 7]), np.array([], np.int64)])
def test_the_mean_is_that_of_the_layers_to_the_last_digit(rows: slice | np.ndarray) -> None:
    kept = LAYERS.copy()
    assert (Mean(LAYERS)[rows] == LAYERS.mean(0)[rows]).all()
    assert Mean(LAYERS).shape == (20, 4)
    assert (kept == LAYERS).all()


def test_selected_rows_are_those_rows_in_that_order() -> None:
    rows = np.array([5, 2, 19, 2])
    found = Selected(Mean(LAYERS), rows)
    assert found.shape == (4, 4)
    assert (found[1:3] == LAYERS.mean(0)[[2, 19]]).all()
    assert (found[np.array([3, 0])] == LAYERS.mean(0)[[2, 5]]).all()


@given(st.integers(0, 200), st.integers(0, 50), st.integers(1, 400))
def test_blocks_cover_all_rows_once_and_are_bounded(rows: int, width: int, limit: int) -> None:
    parts = list(blocks(rows, width, limit=limit))
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(rows))
    assert all(part.stop - part.start == 1 or (part.stop - part.start) * width <= limit for part in parts)
