from __future__ import annotations

import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.techniques import search
from harness.techniques.search import Index


def brute(documents: NDArray[np.float32], queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """All cosines in float64, sorted whole; equal ones in the order of the corpus."""
    left, right = (v.astype(np.float64) / np.linalg.norm(v.astype(np.float64), axis=1, keepdims=True) for v in (queries, documents))
    cosines = np.round(left @ right.T, 7)
    return np.stack([np.lexsort((np.arange(len(documents)), -row))[:count] for row in cosines])


def vectors(number: int, width: int = 24, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(number, width)).astype(np.float32)


@pytest.mark.parametrize("with_torch", [True, False])
def test_the_nearest_are_those_of_a_whole_comparison(monkeypatch: pytest.MonkeyPatch, *, with_torch: bool) -> None:
    if with_torch:
        import torch

        assert sys.modules["torch"] is torch
    else:
        monkeypatch.delitem(sys.modules, "torch", raising=False)
    documents, queries = vectors(700), vectors(90, seed=1)
    np.testing.assert_array_equal(Index(documents.copy()).search(queries, 10), brute(documents, queries, 10))


@pytest.mark.parametrize("cells", [1, 500, 3000, 10**6])
def test_the_size_of_blocks_changes_nothing(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    documents, queries = vectors(333), vectors(70, seed=1)
    expected = Index(documents.copy()).search(queries, 20)
    monkeypatch.setattr(search, "QUERIES", 1 + cells % 40)
    np.testing.assert_array_equal(Index(documents.copy(), cells=cells).search(queries, 20), expected)
    alone = [Index(documents.copy(), cells=cells).search(query[None], 20)[0] for query in queries[:5]]
    np.testing.assert_array_equal(alone, expected[:5])


@pytest.mark.parametrize("cells", [1, 700, 10**6])
def test_equal_documents_stand_in_the_order_of_the_corpus(cells: int) -> None:
    """Few features, as a plugin may have, make many documents equal."""
    generator = np.random.default_rng(0)
    documents = generator.integers(0, 2, (400, 3)).astype(np.float32) + 1
    queries = generator.integers(1, 4, (30, 3)).astype(np.float32)
    np.testing.assert_array_equal(Index(documents.copy(), cells=cells).search(queries, 50), brute(documents, queries, 50))


def test_a_vector_of_zeros_is_near_to_nothing_and_breaks_nothing() -> None:
    documents = np.array([[0, 0], [1, 0], [-1, 0]], np.float32)
    found = Index(documents).search(np.array([[2, 0], [0, 0]], np.float32), 3)
    assert found.tolist() == [[1, 0, 2], [0, 1, 2]]


def test_a_small_corpus_is_returned_whole() -> None:
    assert Index(vectors(3)).search(vectors(2, seed=1), 100).shape == (2, 3)


def test_the_index_takes_its_vectors_alone() -> None:
    documents = vectors(1000, 256)
    index = Index(documents)
    assert index.directions is documents
    assert index.size_mb == pytest.approx(1000 * 256 * 4 / 2**20)
    np.testing.assert_allclose(np.linalg.norm(index.directions, axis=1), 1, atol=1e-6)
