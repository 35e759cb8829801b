from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub.server import COMMIT, Hub, Repository

DRIVER = Path(__file__).with_name("driver.py")
Wish = dict[str, Any]


def model(seed: int = 0) -> dict[str, bytes]:
    """What a repository may hold; only a part of it is a model's."""
    return {
        "config.json": b'{"model_type": "bert"}',
        "tokenizer.json": b"{}",
        "model.safetensors": random.Random(seed).randbytes(200_000),
        "pytorch_model.bin": random.Random(seed).randbytes(30_000),
        "modeling_own.py": b"raise SystemExit\n",
        "onnx/model.onnx": b"onnx",
        "README.md": b"# A model",
        "everything.zip": b"PK",
    }


def wish(source: str, *, revision: str | None = COMMIT, **more: Any) -> Wish:
    card: dict[str, Any] = {"source": source, "revision": revision} | more.pop("card", {})
    return {"card": card} | more


@pytest.fixture
def hub() -> Iterator[Hub]:
    found = Hub({})
    yield found
    found.close()


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The environment of the code under test: caches of its own, and a token that must never be seen."""
    return {"HF_HOME": str(tmp_path / "hf"), "BENCH_CACHE": str(tmp_path / "bench"), "HF_TOKEN": "hf_" + "s" * 30}


@pytest.fixture
def look(hub: Hub, home: dict[str, str]) -> Callable[..., list[dict[str, Any]]]:
    """Look for weights in a fresh process; nothing but the outcomes may be printed, and no token."""

    def run(*wishes: Wish) -> list[dict[str, Any]]:
        done = subprocess.run([sys.executable, str(DRIVER), json.dumps(wishes)], timeout=120, check=False, **pipes(hub, home))
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert home["HF_TOKEN"] not in done.stdout
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    return run


def pipes(hub: Hub, home: dict[str, str]) -> dict[str, Any]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HTTP", "http"))}
    environment = {**kept, **home, "HF_ENDPOINT": hub.endpoint, "PYTHONWARNINGS": "error", "NO_PROXY": "127.0.0.1"}
    return {"env": environment, "capture_output": True, "text": True}


__all__ = ["Repository", "model", "wish"]
