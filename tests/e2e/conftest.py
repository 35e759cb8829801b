from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import run_bench, serve_training

PLUGIN = """
import numpy as np
from harness import Candidate, Card

class Lengths:
    def embed_text(self, texts):
        return np.array([[[len(t), t.count(" "), "?" in t, "parcel" in t, "card" in t] for t in texts]], np.float32)

card = Card(name="lengths", license="MIT", modality=("text",))
candidates = (Candidate(card, lambda device, dtype: Lengths()),)
"""


@pytest.fixture(scope="session")
def server() -> None:
    """One server of processes for all comparisons with encoders that are made in this process."""
    serve_training()


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace made by `bench init`, with a plugin of ours, one that breaks at import, and one that breaks at work."""
    folder = tmp_path_factory.mktemp("workspace")
    assert run_bench("init", folder, cwd=folder).returncode == 0
    (folder / "candidates" / "lengths.py").write_text(PLUGIN)
    (folder / "candidates" / "broken.py").write_text("import no_such_library\n")
    (folder / "candidates" / "nan.py").write_text(
        PLUGIN.replace('"lengths"', '"nan"').replace("np.float32)", "np.float32) * np.nan")
    )
    return folder


@pytest.fixture(scope="session")
def document(workspace: Path) -> dict[str, Any]:
    """What `bench compare --json` printed on the example task."""
    done = run_bench(
        "compare",
        "--task",
        "example",
        "--candidates",
        "hashing,lengths,nan,broken,bert-base-uncased",
        "--json",
        "--offline",
        cwd=workspace,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"stderr": done.stderr}
