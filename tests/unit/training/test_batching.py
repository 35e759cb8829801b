from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from harness.techniques.catalogue import TRAINED
from harness.training.batching import class_weights, epoch_batches, steps_per_epoch
from harness.training.recipes import batch_size_for, epochs_for, recipes
from harness.training.schedule import factor, steps_until

BANKING = Path("../shared/data/banking77/train.csv")


def padding(lengths: list[int], batches: list[np.ndarray]) -> float:
    cells = sum(len(rows) * max(lengths[i] for i in rows) for rows in batches)
    return 1 - sum(lengths) / cells


@pytest.mark.parametrize(("rows", "batch"), [(1, 8), (7, 8), (65, 32), (2000, 32), (5000, 16)])
def test_every_row_once_an_epoch_and_no_tiny_batch(rows: int, batch: int) -> None:
    lengths = np.random.default_rng(0).integers(3, 80, rows).tolist()
    found = epoch_batches(lengths, batch, 0, 3)
    assert sorted(np.concatenate(found).tolist()) == list(range(rows))
    assert len(found) == steps_per_epoch(rows, batch)
    assert max(map(len, found)) <= batch
    assert max(map(len, found)) - min(map(len, found)) <= 1


def test_an_epoch_depends_on_seed_and_number_alone() -> None:
    lengths = np.random.default_rng(0).integers(3, 80, 500).tolist()
    drawn = {(seed, epoch): [r.tolist() for r in epoch_batches(lengths, 16, seed, epoch)] for seed in (0, 1) for epoch in (0, 1)}
    assert drawn[0, 1] == [r.tolist() for r in epoch_batches(lengths, 16, 0, 1)]
    assert len({str(one) for one in drawn.values()}) == 4


def test_the_largest_batch_comes_first_of_all() -> None:
    lengths = [5] * 300 + [60] + [5] * 300
    assert 300 in epoch_batches(lengths, 16, 0, 0)[0]


def test_under_a_tenth_is_padding_where_lengths_vary_as_in_real_texts() -> None:
    draw = np.random.default_rng(0)
    lengths = np.clip(draw.lognormal(2.6, 0.5, 2000), 5, 100).astype(int).tolist()
    assert padding(lengths, epoch_batches(lengths, 32, 0, 1)) < 0.1
    shuffled = np.array_split(draw.permutation(2000), 63)
    assert padding(lengths, shuffled) > 0.4


@pytest.mark.skipif(not BANKING.is_file(), reason="real data is not here")
def test_under_a_tenth_is_padding_in_2000_real_questions() -> None:
    with BANKING.open(encoding="utf-8") as file:
        lengths = [2 + len(row["text"].split()) for row in csv.DictReader(file)][:2000]
    assert padding(lengths, epoch_batches(lengths, 32, 0, 1)) < 0.1


def test_weights_only_where_one_class_is_over_three_times_another() -> None:
    assert class_weights(np.repeat([0, 1], [30, 10]), 2) is None
    weights = class_weights(np.repeat([0, 2], [31, 10]), 3)
    assert weights is not None
    assert weights[0] * 31 == pytest.approx(weights[2] * 10)
    assert weights[1] == 1


def test_the_rate_rises_then_falls_to_nothing() -> None:
    rates = [factor(step, 100, 0.1) for step in range(100)]
    assert rates.index(max(rates)) in {9, 10}
    assert rates[0] == pytest.approx(0.1)
    assert 0 < rates[-1] < 0.02
    assert steps_until(0.5, 7) == 4
    assert steps_until(0.01, 7) == 1


@pytest.mark.parametrize("technique", TRAINED)
@pytest.mark.parametrize("parameters", [None, 4_000_000, 22_000_000, 110_000_000, 335_000_000])
def test_recipes_differ_and_name_all_that_is_needed(technique: str, parameters: int | None) -> None:
    found = recipes(technique, parameters, 800)
    assert 2 <= len({str(one) for one in found}) == len(found) <= 3
    for one in found:
        assert {"learning_rate", "epochs", "batch_size", "weight_decay", "warmup"} <= set(one)
    assert ("rank" in found[0]) == (technique == "lora")
    assert ("virtual_tokens" in found[0]) == (technique == "prompt-tuning")


def test_small_sets_are_gone_through_more_often() -> None:
    epochs = [epochs_for(rows) for rows in (10, 200, 500, 1000, 2000, 5000, 10**6)]
    assert epochs == sorted(epochs, reverse=True)
    assert (epochs[0], epochs[-1]) == (20, 3)
    assert [batch_size_for(rows) for rows in (50, 500, 5000)] == [8, 16, 32]
    rates = [recipes("full", n, 100)[0]["learning_rate"] for n in (1e6, 3e7, 1e8, 1e9)]
    assert rates == sorted(rates, reverse=True)
