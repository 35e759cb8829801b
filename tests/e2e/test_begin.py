"""The very first moments of the command."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.command import BENCH


@pytest.mark.parametrize("command", [[str(BENCH)], [sys.executable, "-m", "harness"]])
def test_ctrl_c_while_libraries_are_imported_ends_without_a_traceback(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    done = subprocess.run(
        [*command, "--help"],
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (130, "")


def test_the_command_is_a_module_too() -> None:
    done = subprocess.run([sys.executable, "-m", "harness", "--version"], check=False, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("bench ")
