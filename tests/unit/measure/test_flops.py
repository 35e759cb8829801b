from __future__ import annotations

import torch

from harness.measure.flops import count_flops


def test_a_matrix_product_is_two_operations_a_cell() -> None:
    left, right = torch.ones(3, 5), torch.ones(5, 7)
    assert count_flops(lambda: left @ right) == 2 * 3 * 5 * 7


def test_nothing_counted_is_not_zero() -> None:
    assert count_flops(lambda: None) is None
