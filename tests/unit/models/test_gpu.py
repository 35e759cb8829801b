"""What differs on an accelerator: `make test-gpu` on a machine that has one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.core.card import Card
from harness.measure.latency import throughput
from harness.measure.memory import PeakMemory
from harness.models.torch_module import pick_device
from harness.models.transformers_text import load

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")]


def test_features_on_cuda_equal_those_on_the_cpu(tiny_bert: Path) -> None:
    card = Card(name="tiny", adapter="transformers", source=str(tiny_bert))
    texts = ["hello", "where is my parcel please", "the card was stolen"]
    there, here = (load(card, tiny_bert, device).embed_text(texts) for device in (pick_device("auto"), "cpu"))
    np.testing.assert_allclose(there, here, atol=1e-3)


def test_300_mb_on_the_device_are_300_mb() -> None:
    peak = PeakMemory("cuda")
    block = torch.ones(300 * 2**20, dtype=torch.uint8, device="cuda")
    assert peak.added_mb() == pytest.approx(300, rel=0.05)
    assert block.sum() > 0


def test_a_batch_that_does_not_fit_is_halved_and_the_device_is_left_clean(tiny_bert: Path) -> None:
    """The allocator is held to 64 MB more than it has; the whole batch would take over 500 MB."""
    card = Card(name="tiny", adapter="transformers", source=str(tiny_bert))
    texts = [("the card was stolen " * (1 + i % 7)).strip() for i in range(40_000)]
    model = load(card, tiny_bert, "cuda")
    expected = model.embed_text(texts)
    model.batches.budget = 2**24
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    whole = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 64 * 2**20) / whole)
    try:
        found = model.embed_text(texts)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert model.batches.budget < 2**23
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert torch.cuda.memory_allocated() <= before + 2**20


def test_throughput_counts_the_batches_that_fit() -> None:
    whole = torch.cuda.get_device_properties(0).total_memory

    def call(rows: Sequence[int]) -> None:
        torch.empty(whole // 16 * len(rows), dtype=torch.uint8, device="cuda")
        torch.cuda.synchronize()

    _, size = throughput(call, rows=200)
    assert size in {1, 8}
    assert torch.cuda.memory_reserved() < whole // 16
