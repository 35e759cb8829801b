"""The command, run as a user runs it: installed, or in this process, where comparisons share one server of processes."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import cli
from harness.core.candidate import Registered
from harness.core.card import Card
from harness.execute import process

BENCH = Path(sys.executable).parent / "bench"


def run_bench(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command; the Hub is never reached."""
    command = [str(BENCH), *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1", **environment}
    )


def run_here(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process; candidates still work in processes of their own."""
    words, out, err = [str(word) for word in arguments], io.StringIO(), io.StringIO()
    with _offline(), contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.run(words)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def serve_training() -> None:
    """Start a server of processes with all that encoders of transformers, their training, and models of servers need.

    Importing these libraries takes longer than what the tests do with them.
    """
    card = Card(name="any", adapter="transformers", source="any/encoder", modality=("text", "image"))
    far = Card(name="far", adapter="openai", source="http://localhost/v1", remote={"model": "m", "offers": ["chat"]})
    with _offline():
        known = [Registered(one, "cards.yaml", "user", is_plugin=False) for one in (card, far)]
        process.preload(known, offline=True, trains=True)
        assert process.ask(len, "abc") == 3


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """Put back what a comparison that fetches nothing says to the libraries of its process."""
    with pytest.MonkeyPatch.context() as patch:
        for name in process._OFFLINE:
            patch.setenv(name, "1")
        yield
