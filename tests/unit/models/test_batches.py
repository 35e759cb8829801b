"""Batches that are halved where memory runs out: the same features, in the same order."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.core.card import Card
from harness.errors import CandidateError
from harness.models import timm_image
from harness.models.batches import Batches, is_out_of_memory
from harness.models.transformers_text import load

LENGTHS = [3, 9, 1, 9, 4, 2, 7, 5, 3, 8]
ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes."),
    RuntimeError("could not create a primitive"),
    RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
]


def explain(row: int) -> CandidateError:
    return CandidateError(f"row {row} of length {LENGTHS[row]}", hint="less")


class Device:
    """Computes ten times each position, and runs out of memory above a number of cells."""

    def __init__(self, cells: int, error: Exception) -> None:
        self.cells = cells
        self.error = error
        self.tried: list[list[int]] = []

    def __call__(self, rows: list[int]) -> np.ndarray:
        self.tried.append(rows)
        if len(rows) * max(LENGTHS[i] for i in rows) > self.cells:
            raise self.error
        return 10 * np.array(rows, np.float32)[None, :, None]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("cells", [9, 20, 50, 1000])
def test_the_same_features_in_the_same_order_whatever_fits(cells: int, error: Exception) -> None:
    device, batches = Device(cells, error), Batches(1000)
    assert batches.run(LENGTHS, device, explain)[0, :, 0].tolist() == [10 * i for i in range(10)]
    assert device.tried[0] == [1, 3, 9, 6, 7, 4, 0, 8, 5, 2]
    sizes = [len(rows) * LENGTHS[rows[0]] for rows in device.tried]
    failed = [size for size in sizes if size > cells]
    assert sizes[: len(failed)] == failed
    assert all(size <= failed[-1] / 2 for size in sizes[len(failed) :] if failed)


def test_a_budget_that_was_found_stays() -> None:
    cells = 20
    device, batches = Device(cells, MemoryError()), Batches(1000)
    batches.run(LENGTHS, device, explain)
    tries, budget = len(device.tried), batches.budget
    assert budget <= cells
    batches.run(LENGTHS, device, explain)
    assert batches.budget == budget
    assert all(len(rows) * LENGTHS[rows[0]] <= cells for rows in device.tried[tries:])


def test_a_row_that_does_not_fit_alone_is_an_error_of_the_candidate() -> None:
    with pytest.raises(CandidateError, match="row 1 of length 9"):
        Batches(1000).run(LENGTHS, Device(8, MemoryError()), explain)


@pytest.mark.parametrize("error", [RuntimeError("shapes cannot be multiplied"), ValueError("out of memory"), KeyError("a")])
def test_other_errors_pass_at_once(error: Exception) -> None:
    device = Device(8, error)
    with pytest.raises(type(error)):
        Batches(1000).run(LENGTHS, device, explain)
    assert len(device.tried) == 1
    assert not is_out_of_memory(error)


def test_no_rows_are_no_batch() -> None:
    assert Batches(10).run([], Device(8, MemoryError()), explain).shape == (1, 0, 0)


def test_what_a_failed_call_held_is_gone_before_the_next() -> None:
    held: list[weakref.ref[np.ndarray]] = []

    def forward(rows: list[int]) -> np.ndarray:
        assert not any(ref() is not None for ref in held)
        block = np.zeros(100)
        held.append(weakref.ref(block))
        if len(rows) > 1:
            raise MemoryError
        return np.zeros((1, 1, 1), np.float32)

    gc.disable()
    try:
        Batches(100).run(LENGTHS, forward, explain)
    finally:
        gc.enable()
    assert len(held) > len(LENGTHS)


def limit(allowed: Callable[[torch.Tensor], bool], key: str) -> Callable[[torch.nn.Module, tuple, dict], None]:
    def hook(_: torch.nn.Module, positional: tuple, named: dict) -> None:
        if not allowed(named[key] if key else positional[0]):
            raise torch.OutOfMemoryError

    return hook


def text_card(folder: Path) -> Card:
    return Card(name="tiny", adapter="transformers", source=str(folder))


TEXTS = [("the card was stolen " * (1 + i % 7)).strip() for i in range(40)]


def test_texts_have_the_same_features_where_two_rows_fit(tiny_bert: Path) -> None:
    model = load(text_card(tiny_bert), tiny_bert, "cpu")
    expected = model.embed_text(TEXTS)
    model.model.register_forward_pre_hook(limit(lambda ids: len(ids) <= 2, "input_ids"), with_kwargs=True)
    np.testing.assert_allclose(model.embed_text(TEXTS), expected, atol=1e-6)


def test_a_text_that_does_not_fit_says_what_would(tiny_bert: Path) -> None:
    model = load(text_card(tiny_bert), tiny_bert, "cpu")
    model.model.register_forward_pre_hook(limit(lambda ids: ids.shape[1] <= 10, "input_ids"), with_kwargs=True)
    with pytest.raises(CandidateError, match="a single text of 30 tokens does not fit") as caught:
        model.embed_text(TEXTS)
    assert caught.value.hint.startswith("7 tokens fit: set context: 7 in the card")


def test_pictures_have_the_same_features_where_three_fit() -> None:
    pictures = [Image.fromarray(np.random.default_rng(i).integers(0, 255, (24, 24, 3), dtype=np.uint8)) for i in range(10)]
    card = Card(name="a", adapter="timm", source="random:mobilenetv3_small_050", control=True)
    model = timm_image.load(card, None, "cpu")
    expected = model.embed_image(pictures)
    model.module.register_forward_pre_hook(limit(lambda pixels: len(pixels) <= 3, ""), with_kwargs=True)
    np.testing.assert_allclose(model.embed_image(pictures), expected, atol=1e-6)
    model.module.register_forward_pre_hook(limit(lambda _: False, ""), with_kwargs=True)
    with pytest.raises(CandidateError, match="a single picture of 24 × 24 pixels does not fit"):
        model.embed_image(pictures)


LIMITED = """
import json, resource, sys
from pathlib import Path
import numpy as np, torch
from harness.core.card import Card
from harness.models.transformers_text import load

folder = Path(sys.argv[1])
model = load(Card(name="tiny", adapter="transformers", source=str(folder)), folder, "cpu")
texts = [("the card was stolen " * (1 + i % 7)).strip() for i in range(16_000)]
expected = model.embed_text(texts)
model.batches.budget = 2**20
pages = int(Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 48 * 2**20,) * 2)
found = model.embed_text(texts)
print(json.dumps({"budget": model.batches.budget, "difference": float(np.abs(found - expected).max())}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_with_little_memory_finds_a_batch_that_fits(tiny_bert: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tiny_bert)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert 30 <= found["budget"] < 2**19
    assert found["difference"] <= 1e-6
