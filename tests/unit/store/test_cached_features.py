"""What a worker calls: features from the cache, or computed and kept; and where the cache is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.errors import WorkspaceError
from harness.store.cache import LIMIT_BYTES, Cache, cached_features, find_cache
from tests.unit.core.test_feature import IDENTITY


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def features() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((2, 5, 3)).astype(np.float32)


def refuse() -> NDArray[np.float32]:
    msg = "computed though it was kept"
    raise AssertionError(msg)


def test_what_is_kept_is_not_computed_again(cache: Cache) -> None:
    first = cached_features(cache, IDENTITY, features)
    assert (first.from_cache, first.note) == (False, "")
    second = cached_features(cache, IDENTITY, refuse)
    assert second.from_cache
    assert np.array_equal(first.features, second.features)
    with pytest.raises(AssertionError):
        cached_features(cache, IDENTITY.model_copy(update={"dtype": "float16"}), refuse)


def test_features_of_files_that_changed_are_not_kept(cache: Cache) -> None:
    found = cached_features(cache, IDENTITY, features, is_unchanged=lambda: False)
    assert found.note == "the features were not kept for the next run: their files changed while they were computed"
    assert cache.entries() == ()


def test_without_a_cache_or_an_identity_it_computes(cache: Cache) -> None:
    for found in (
        cached_features(None, IDENTITY, features),
        cached_features(cache, None, features),
        cached_features(Cache(cache.folder, 0), IDENTITY, features),
    ):
        assert np.array_equal(found.features, features())
        assert (found.from_cache, found.note) == (False, "")
    assert not cache.folder.exists()


def test_a_cache_that_cannot_be_written_costs_a_note(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = cached_features(Cache(tmp_path / "file"), IDENTITY, features)
    assert np.array_equal(found.features, features())
    assert found.note.startswith("the features were not kept for the next run: ")


@pytest.mark.parametrize(
    ("environ", "folder", "limit"),
    [
        ({"BENCH_CACHE": "/a/b"}, "/a/b", LIMIT_BYTES),
        ({"BENCH_CACHE": "/a", "BENCH_CACHE_LIMIT": "5GB"}, "/a", 5 * 10**9),
        ({"BENCH_CACHE": "/a", "BENCH_CACHE_LIMIT": " 0 "}, "/a", 0),
        ({"BENCH_CACHE": "~/x"}, str(Path.home() / "x"), LIMIT_BYTES),
        ({"BENCH_CACHE": "x"}, str(Path.cwd() / "x"), LIMIT_BYTES),
    ],
)
def test_the_environment_says_where_and_how_much(environ: dict[str, str], folder: str, limit: int) -> None:
    assert find_cache(environ) == Cache(Path(folder) / "features", limit)


def test_a_limit_that_is_no_size_is_told() -> None:
    with pytest.raises(WorkspaceError) as caught:
        find_cache({"BENCH_CACHE_LIMIT": "much"})
    assert caught.value.where == "BENCH_CACHE_LIMIT"
