from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import TaskError
from harness.load.place import inside, show, where


def test_paths_below_the_current_folder_are_shown_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert show(tmp_path / "a" / "b.yaml") == str(Path("a") / "b.yaml")
    assert show(Path("/elsewhere/b.yaml")) == "/elsewhere/b.yaml"


def test_what_is_not_known_is_left_out() -> None:
    assert where(Path("t.yaml")) == "t.yaml"
    assert where(Path("t.yaml"), None, ("a", 0)) == "t.yaml, key a.0"


@pytest.mark.parametrize("name", ["../x.csv", "/etc/hosts", "a/../../x", "~/x.csv"])
def test_a_name_may_not_leave_the_task_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(TaskError, match="leaves the task folder") as caught:
        inside(tmp_path, name)
    assert "--data" in caught.value.hint


def test_a_link_may_not_leave_the_task_folder(tmp_path: Path) -> None:
    task = tmp_path / "task"
    task.mkdir()
    (tmp_path / "secret.csv").write_text("a")
    (task / "train.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(TaskError, match="leaves"):
        inside(task, "train.csv")
    assert inside(task, "data/x.csv") == task.resolve() / "data" / "x.csv"
