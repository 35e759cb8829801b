"""The wheel: what it holds, and that it works where there is no checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.builtin import builtin_root

ROOT = builtin_root()
BUILTIN = "harness/_builtin/"
FOLDERS = ("candidates", "tasks", "reports/templates")
REASON = "the wheel is built from a checkout"
pytestmark = pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason=REASON)


@dataclass(frozen=True)
class Installed:
    """An environment of its own that holds the wheel, and sees everything else in the environment of these tests."""

    folder: Path

    @property
    def packages(self) -> Path:
        """Where the wheel was unpacked."""
        return Path(sysconfig.get_path("purelib", vars={"base": str(self.folder), "platbase": str(self.folder)}))

    @property
    def scripts(self) -> Path:
        """Where its commands lie."""
        return Path(sysconfig.get_path("scripts", vars={"base": str(self.folder)}))

    def run(self, *words: str) -> str:
        """Run the environment's own `bench` from `/` and return what it prints."""
        hidden = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        return call([str(self.scripts / "bench"), *words], cwd="/", environment=environment)


def call(command: Sequence[str], cwd: str | Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    # Isolation would fetch hatchling from a network.
    call([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)], cwd=folder)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install the wheel alone, then let the environment see the dependencies that are installed beside these tests.

    A folder that a `.pth` file names is searched after the environment's own, and its own `.pth` files (an editable install of
    bench among them) are not read.
    """
    found = Installed(tmp_path_factory.mktemp("elsewhere") / "env")
    venv.create(found.folder, with_pip=False, symlinks=os.name != "nt")
    python = str(found.scripts / Path(sys.executable).name)
    call([sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], cwd="/")
    outer = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (found.packages / "outer.pth").write_text("\n".join(outer))
    return found


def test_it_holds_the_package_and_nothing_else(names: list[str]) -> None:
    strange = [name for name in names if not name.startswith("harness/") and ".dist-info/" not in name]
    assert strange == []
    unwanted = ("test", "conftest", ".pyc", "__pycache__", "shared", "reports/latest", "records.jsonl", ".git")
    found = [name for name in names if any(word in name.lower() for word in unwanted)]
    assert found == ["harness/testing.py"]  # the checks for authors of plugins
    assert len(names) == len(set(names))


def test_it_holds_every_module_and_example(names: list[str]) -> None:
    suffixes = {".py", ".yaml", ".csv", ".md", ".txt", ".typed"}
    here = {p.relative_to(ROOT).as_posix() for p in (ROOT / "harness").rglob("*") if p.suffix in suffixes}
    assert here - set(names) == set()


def test_it_holds_the_built_in_workspace(names: list[str]) -> None:
    visible = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file())
    here = {path.relative_to(ROOT).as_posix() for path in visible if "__pycache__" not in path.parts}
    assert {name.removeprefix(BUILTIN) for name in names if name.startswith(BUILTIN)} == here
    assert {"candidates/baselines.py", "candidates/demo.yaml", "tasks/digits/data.py", "tasks/support-intents/messages.csv"} <= here
    assert {"reports/templates/report.html.j2", "reports/templates/report.md.j2", "reports/templates/report.css"} <= here


def test_it_brings_the_license_and_the_command(wheel: Path, names: list[str]) -> None:
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)
    [points] = [name for name in names if name.endswith("dist-info/entry_points.txt")]
    with zipfile.ZipFile(wheel) as archive:
        assert "bench = harness.__main__:main" in archive.read(points).decode()


def test_the_package_comes_from_the_environment_and_not_from_the_checkout(installed: Installed) -> None:
    shown = installed.run("tasks", "show", "digits")
    assert "# workspace: builtin" in shown
    assert f"# file: {str(installed.packages / BUILTIN).lstrip('/')}" in shown.replace("# file: /", "# file: ")
    assert str(ROOT) not in shown


def test_tasks_are_found_from_elsewhere(installed: Installed) -> None:
    shown = {line.split()[0] for line in installed.run("tasks", "list").splitlines()[1:]}
    assert shown == {path.parent.name for name in ("task", "suite") for path in (ROOT / "tasks").glob(f"*/{name}.yaml")}


def test_candidates_are_found_from_elsewhere(installed: Installed) -> None:
    shown = {card["name"] for card in json.loads(installed.run("candidates", "list", "--json"))}
    assert {"minilm-l6-v2", "baseline-tfidf", "dinov2-small"} <= shown
    listed = installed.run("candidates", "show", "baseline-tfidf")
    assert f"{BUILTIN}candidates/baselines.py" in listed
    assert str(ROOT) not in listed


def test_a_workspace_is_made_from_elsewhere(installed: Installed, tmp_path: Path) -> None:
    installed.run("init", str(tmp_path / "new"))
    assert "example" in installed.run("tasks", "list", "--workspace", str(tmp_path / "new"))


@pytest.mark.slow
def test_a_comparison_runs_from_elsewhere(installed: Installed, tmp_path: Path) -> None:
    workspace = tmp_path / "new"
    installed.run("init", str(workspace))
    options = ("--task", "example", "--candidates", "hashing", "--offline", "--workspace", str(workspace))
    assert "Recommended: " in installed.run("compare", *options)
    report = workspace / "reports" / "example" / "latest" / "report.html"
    assert "<!doctype html" in report.read_text(encoding="utf-8").lower()
