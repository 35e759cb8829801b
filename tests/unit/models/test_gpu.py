"""What differs on an accelerator: `make test-gpu` on a machine that has one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from harness.core.card import Card
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
