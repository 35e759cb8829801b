"""What a worker does with the cache: same features to the last bit, by any process, and nothing of files that changed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.models.identity import Source
from harness.models.pictures import decode
from harness.store.cache import Cache, Recalled, cached_features
from tests.cache.cases import ADAPTERS, PICTURES, Case, case_of, edit, flip_a_byte_of_the_weights

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_another_process_finds_the_same_keys(originals: Path) -> None:
    code = f"""
        from pathlib import Path
        from tests.cache.cases import ADAPTERS, case_of
        for name in ADAPTERS:
            print(case_of(name, Path({str(originals)!r}) / name).identify().key)
    """
    environ = os.environ | {"PYTHONHASHSEED": "7"}
    words = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)]
    done = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.split() == [case_of(name, originals / name).identify().key for name in ADAPTERS], done.stderr


@pytest.mark.parametrize("case", ADAPTERS, indirect=True)
def test_features_from_the_cache_are_those_of_the_model_to_the_last_bit(case: Case, tmp_path: Path) -> None:
    cache, calls = Cache(tmp_path / "cache"), []

    def work() -> Recalled:
        source = case.watch()
        model = case.load()

        def compute() -> np.ndarray[Any, np.dtype[np.float32]]:
            calls.append(1)
            return model.embed_image([decode(one) for one in case.inputs]) if case.is_image else model.embed_text(case.inputs)

        return cached_features(cache, case.identify(model), compute, is_unchanged=source.is_unchanged)

    cold, warm = work(), work()
    assert (cold.from_cache, warm.from_cache, len(calls)) == (False, True, 1)
    assert cold.features.tobytes() == warm.features.tobytes()
    flip_a_byte_of_the_weights(case)
    assert not work().from_cache


@pytest.mark.parametrize("what", ["weights", "configuration", "a new file", "a file less", "a picture"])
@pytest.mark.parametrize("case", ["vit"], indirect=True)
def test_files_that_change_during_a_run_are_seen(what: str, case: Case, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PICTURES[0])
    source = Source.watch(case.card, case.folder, (str(tmp_path / "a.png"), PICTURES[1]), is_image=True)
    assert source.is_unchanged()
    if what == "weights":
        flip_a_byte_of_the_weights(case)
    elif what == "configuration":
        edit(case.folder / "config.json", ("layer_norm_eps",), 1e-6)
    elif what == "a new file":
        (case.folder / "processor_config.json").write_text("{}")
    elif what == "a file less":
        (case.folder / "preprocessor_config.json").unlink()
    else:
        (tmp_path / "a.png").unlink()
    assert not source.is_unchanged()
