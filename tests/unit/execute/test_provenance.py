from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import pytest

from harness.core.card import Card
from harness.core.run import Settings
from harness.execute import provenance
from harness.execute.plan import limits_of

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c")


def test_the_workspace_is_described_by_its_commit(tmp_path: Path) -> None:
    assert provenance.describe(tmp_path, {}).commit == ""
    (tmp_path / "a").write_text("one")
    for arguments in (("init", "-q"), ("add", "a"), ("commit", "-qm", "first")):
        subprocess.run([*GIT, *arguments], cwd=tmp_path, check=True)
    found = provenance.describe(tmp_path, {})
    assert len(found.commit) == 40
    assert not found.changed
    (tmp_path / "a").write_text("two")
    assert provenance.describe(tmp_path, {}).changed


def test_only_listed_variables_are_kept_and_no_password(tmp_path: Path) -> None:
    environ = {"HF_ENDPOINT": "https://me:swordfish@mirror.example", "HF_TOKEN": "hf_x", "HOME": "/h", "OMP_NUM_THREADS": "2"}
    found = provenance.describe(tmp_path, environ).variables
    assert set(found) == {"HF_ENDPOINT", "OMP_NUM_THREADS"}
    assert "swordfish" not in found["HF_ENDPOINT"]
    assert "mirror.example" in found["HF_ENDPOINT"]


def test_versions_and_machine_tell_runs_apart() -> None:
    found = provenance.versions()
    assert {"python", "numpy", "torch", "foundation-model-bench"} <= set(found)
    assert all(name in found for name in ("peft", "accelerate") if importlib.util.find_spec(name))
    facts = {"processor": "p", "cores": 2, "memory_gb": 8.0}
    one = provenance.digest(found, facts)
    assert one == provenance.digest(dict(reversed(found.items())), facts | {"memory_gb": 9.0})
    assert one != provenance.digest(found | {"torch": "0"}, facts)
    assert one != provenance.digest(found, facts | {"processor": "q"})
    assert provenance.digest(found, facts, {}) != provenance.digest(found, facts, {"OMP_NUM_THREADS": "7"})


def test_limits_grow_with_model_and_rows_and_give_way_to_the_user() -> None:
    free = (10_000, 1_000)
    small, large = Card(name="s", parameters=10_000_000), Card(name="l", parameters=1_000_000_000)
    plain = limits_of(small, Settings(), 1000, free)
    assert plain.memory_bytes == 9000
    assert plain.disk_bytes == 500
    assert limits_of(Card(name="n"), Settings(), 1000, free).seconds == 600 + 1000 * (1 + 0.1)
    assert (plain.seconds or 0) < (limits_of(large, Settings(), 1000, free).seconds or 0)
    assert (plain.seconds or 0) < (limits_of(small, Settings(), 9000, free).seconds or 0)
    assert limits_of(Card(name="n"), Settings(), 100, free, answers=7).seconds == pytest.approx(600 + 100 * (1.1 + 7 * 0.07))
    said = limits_of(small, Settings(trial_timeout_s=3, memory_limit_bytes=7), 1000, free)
    assert (said.seconds, said.memory_bytes) == (3, 7)
