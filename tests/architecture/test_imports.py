"""What may import what, and what must be instant: counted in modules, since clocks differ between machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.builtin import builtin_root

ROOT = builtin_root()
BIN = Path(sys.executable).parent
HEAVY = ("torch", "transformers", "timm", "open_clip", "sklearn", "evaluate", "datasets")
SLOW = (*HEAVY, "pandas", "pyarrow", "altair", "vl_convert", "scipy")
BLOCK = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ImportError(f"{{name}} is blocked")

sys.meta_path.insert(0, Absent())
"""


def run(*command: str, cwd: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=os.environ | changes, capture_output=True, text=True, check=False, timeout=300)


def modules_after(code: str, cwd: Path = ROOT) -> set[str]:
    """Every module that is loaded once some code has run in a fresh interpreter."""
    report = "import json, sys; print('\\n' + json.dumps(sorted(sys.modules)))"
    done = run(sys.executable, "-c", f"{code}\n{report}", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def without_models(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PYTHONPATH with which no library that runs models can be imported."""
    folder = tmp_path_factory.mktemp("blocked")
    (folder / "sitecustomize.py").write_text(BLOCK.format(names=HEAVY))
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


def test_imports_run_one_way() -> None:
    done = run(str(BIN / "lint-imports"), "--no-logo", "--no-cache", cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kept, 0 broken" in done.stdout


# Each row of modules, and the libraries that importing them all must leave alone.
QUIET = {
    "harness harness.cli harness.builtin harness.errors": (*SLOW, "numpy", "pydantic"),
    "core.card core.task core.trial core.measurement core.ranking core.report core.metric core.run": (*SLOW, "numpy"),
    "load.candidates load.tasks load.data load.workspace load.overrides": (*SLOW, "numpy"),
    "rank.ranking report.summarise report.document store.runs store.journal store.predictions": HEAVY,
    "past.history past.difference past.gate cli.history cli.diff cli.gate": HEAVY,
    "comparison suites cli.compare cli.report cli.live cli.summary": HEAVY,
    # What starts in a process for each candidate, which may need none of them.
    "conformance.answers conformance.audit": HEAVY,
    "execute.worker execute.search_worker execute.caption_worker execute.writing_worker": HEAVY,
}


@pytest.mark.parametrize("names", QUIET)
def test_imports_leave_slow_libraries_alone(names: str) -> None:
    modules = [name if name.startswith("harness") else f"harness.{name}" for name in names.split()]
    assert modules_after(f"import {', '.join(modules)}") & set(QUIET[names]) == set()


def test_help_costs_at_most_a_quarter_of_importing_torch() -> None:
    shown = modules_after("from harness.cli import run; run(['--help'])")
    assert len(shown) <= len(modules_after("import torch")) / 4


def test_the_libraries_are_really_blocked(tmp_path: Path, without_models: str) -> None:
    code = f"""
for name in {HEAVY}:
    try:
        __import__(name)
    except ImportError as error:
        print(error)
"""
    done = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=without_models)
    assert done.stdout.splitlines() == [f"{name} is blocked" for name in HEAVY]


EXPECTED = {
    "--help": "Usage: bench",
    "compare --help": "--task",
    "report --help": "--format",
    "history": "no run yet",
    "diff --help": "Another run of the same task",
    "gate --help": "--min-quality",
    "candidates list": "minilm-l6-v2",
    "candidates list --json": '"name": "minilm-l6-v2"',
    "candidates show minilm-l6-v2": "adapter: transformers",
    "tasks list": "support-intents",
    "tasks show digits": "kind: image-classification",
    "schema card": '"pretraining"',
    "schema task": '"constraints"',
    "schema suite": '"weight"',
    "schema report": '"title"',
    "init new": "wrote new",
}
ALL = """
import contextlib, io, json, sys
from harness.cli import run

found = {}
for words in sys.argv[1:]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(words.split())
    found[words] = [code, err.getvalue(), out.getvalue()]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, without_models: str) -> dict[str, tuple[int, str, str]]:
    """The exit code, stderr and stdout of each command, all given in one process."""
    done = run(sys.executable, "-c", ALL, *EXPECTED, cwd=tmp_path_factory.mktemp("here"), PYTHONPATH=without_models)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, tuple[int, str, str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("words", EXPECTED)
def test_commands_that_run_no_model_need_no_library_for_it(words: str, answers: dict[str, tuple[int, str, str]]) -> None:
    code, err, out = answers[words]
    assert (code, err) == (0, "")
    assert EXPECTED[words] in out


@pytest.mark.parametrize("words", ["compare --task nothing", "report nothing", "gate nothing"])
def test_bad_input_is_told_without_any_model_library(words: str, tmp_path: Path, without_models: str) -> None:
    done = run(str(BIN / "bench"), *words.split(), cwd=tmp_path, PYTHONPATH=without_models)
    assert done.returncode == 2
    assert "do:" in done.stderr
