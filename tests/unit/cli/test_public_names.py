from __future__ import annotations

import subprocess
import sys

import pytest

import harness


def test_the_public_names() -> None:
    assert harness.__all__ == [
        "BenchError", "Candidate", "CandidateError", "Card", "Comparison", "Links", "Measurement", "Options", "Pretraining",
        "Settings", "Task", "TaskError", "__version__", "compare", "compare_suite", "reopen",
    ]  # fmt: skip
    assert dir(harness) == sorted(harness.__all__)


def test_every_public_name_can_be_had() -> None:
    for name in harness.__all__:
        assert getattr(harness, name) is not None


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        harness.Nothing  # noqa: B018 - reading it is the test


def test_importing_the_package_is_instant() -> None:
    code = (
        "import sys; import harness;"
        "sys.exit(str([name for name in sys.modules if name.startswith(('harness.', 'pydantic', 'numpy'))]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "[]"
