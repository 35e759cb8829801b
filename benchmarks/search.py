"""Exact search of 1,000 queries among 100,000 documents, against sentence-transformers' own `semantic_search`."""

from __future__ import annotations

import numpy as np
import torch
from claim import Claim, ratio
from sentence_transformers.util import semantic_search

from harness.techniques.search import Index

_QUERIES, _DOCUMENTS, _WIDTH, _COUNT = 1_000, 100_000, 384, 100


def measure() -> list[Claim]:
    """Compare speed and what is found; vectors are drawn by lot, as far apart as any."""
    draw = np.random.default_rng(0)
    queries, documents = (draw.standard_normal((rows, _WIDTH)).astype(np.float32) for rows in (_QUERIES, _DOCUMENTS))
    index = Index(documents.copy())
    asked, held = torch.from_numpy(queries), torch.from_numpy(documents)
    theirs = [[one["corpus_id"] for one in found] for found in semantic_search(asked, held, top_k=_COUNT)]
    same = float((index.search(queries, _COUNT) == np.asarray(theirs)).mean())
    faster = ratio(lambda: semantic_search(asked, held, top_k=_COUNT), lambda: index.search(queries, _COUNT), rounds=5)
    return [
        Claim("exact search among 100,000 documents, times sentence-transformers' speed", faster, 1 / 1.2, at_least=True, unit="×"),
        # Cosines that float32 cannot tell apart may change places.
        Claim("share of 100 places each with the same document", same, 0.999, at_least=True),
    ]
