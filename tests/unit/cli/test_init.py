from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness import cli
from harness.builtin import builtin_root
from harness.core.candidate import Registered
from harness.load.candidates import load_candidates, load_plugin, select
from harness.load.data import load_dataset
from harness.load.tasks import load_task
from harness.load.workspace import Workspace, load_workspaces


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    assert cli.run(["init", str(tmp_path / "new" / "ws"), "--quiet"]) == 0
    return tmp_path / "new" / "ws"


def test_every_room_has_something(workspace: Path) -> None:
    for name in ("candidates/hashing.py", "candidates/cards.yaml", "tasks/example/task.yaml", "reports/README.md", "README.md"):
        assert (workspace / name).is_file()
    assert not list(workspace.rglob("*.txt"))


def test_the_current_folder_is_filled_if_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["init"]) == 0
    assert (tmp_path / "candidates" / "hashing.py").is_file()


def test_nothing_is_overwritten_and_nothing_half_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tasks" / "example").mkdir(parents=True)
    (tmp_path / "tasks" / "example" / "task.yaml").write_text("mine")
    (tmp_path / "README.md").write_text("mine too")
    assert cli.run(["init", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert "2 of the files" in err
    assert "task.yaml" in err
    assert "README.md" in err
    assert (tmp_path / "README.md").read_text() == "mine too"
    assert not (tmp_path / "candidates").exists()


def test_the_example_plugin_is_short_and_does_what_bench_asks(workspace: Path) -> None:
    path = workspace / "candidates" / "hashing.py"
    code = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith(("#", '"""'))]
    assert len(code) <= 15
    [candidate] = load_plugin(path)
    model = candidate.load("cpu", "float32")
    texts = ["hello there", "", "HELLO there", "something else"]
    features = model.embed_text(texts)  # type: ignore[attr-defined]
    assert features.shape == (1, 4, 256)
    assert features.dtype == np.float32
    assert np.array_equal(features[0, 0], features[0, 2])
    assert np.array_equal(features[:, 3:], model.embed_text(texts[3:]))  # type: ignore[attr-defined]


def test_the_examples_are_found_and_sound(workspace: Path) -> None:
    spaces = load_workspaces(workspace)
    chosen = select(load_candidates(spaces), ["hashing"], "text")
    assert isinstance(chosen[0], Registered)
    assert chosen[0].warnings == ()
    task = load_task("example", spaces)
    data = load_dataset(task.task, task.folder, override=None, seed=0, offline=True)
    assert len(data.rows.classes) == 3
    assert len(data.rows) == 60
    assert data.warnings == ()


def test_the_example_names_are_not_taken() -> None:
    names = {item.card.name for item in load_candidates([Workspace("builtin", builtin_root())]).registered}
    assert not names & {"hashing", "my-minilm"}


def test_every_commented_key_of_the_example_task_is_real(workspace: Path) -> None:
    path = workspace / "tasks" / "example" / "task.yaml"
    text = path.read_text()
    for commented, real in (("  # test: test.csv", "  test: messages.csv"), ("  # group: customer", "  group: message")):
        assert commented in text
        text = text.replace(commented, real)
    head, marker, constraints = text.partition("# constraints:\n")
    assert marker
    path.write_text(head + "constraints:\n" + constraints.replace("# ", "", 5).replace("#   ", "  "))
    task = load_task("example", load_workspaces(workspace)).task
    assert task.constraints.parameters == 500_000_000
    assert task.constraints.min_quality == 0.8
    assert (task.data.test, task.data.group) == ("messages.csv", "message")


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert cli.run(["init", str(tmp_path / "file" / "ws")]) == 2
    assert "cannot be written" in capsys.readouterr().err
