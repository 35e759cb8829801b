from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import BenchError, Faults, TaskError, WorkspaceError
from harness.load.tasks import list_tasks, load_task
from harness.load.workspace import Workspace

TASK = "name: {name}\nkind: text-classification\ndata: {{train: a.csv}}\n"


@pytest.fixture
def spaces(tmp_path: Path) -> list[Workspace]:
    return [Workspace(name, tmp_path / name) for name in ("user", "builtin")]


def add(space: Workspace, folder: str, text: str) -> Path:
    path = space.root / "tasks" / folder / "task.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_tasks_of_all_workspaces_are_listed(spaces: list[Workspace]) -> None:
    add(spaces[1], "b", TASK.format(name="b"))
    add(spaces[0], "z", TASK.format(name="a"))
    add(spaces[0], "_off", "broken: [")
    assert [(t.task.name, t.workspace) for t in list_tasks(spaces)] == [("a", "user"), ("b", "builtin")]


def test_a_task_is_found_by_its_name_or_its_folders(spaces: list[Workspace]) -> None:
    path = add(spaces[0], "folder", TASK.format(name="intents"))
    found = load_task("intents", spaces)
    assert (found.task.name, found.path, found.folder, found.workspace) == ("intents", path, path.parent, "user")
    for place in (path, path.parent):
        assert load_task(str(place), spaces) == found


def test_a_path_outside_every_workspace_works(tmp_path: Path, spaces: list[Workspace]) -> None:
    path = add(Workspace("x", tmp_path / "elsewhere"), "t", TASK.format(name="t"))
    assert load_task(str(path), spaces).workspace == "path"


def test_an_unknown_task_is_met_with_the_nearest(spaces: list[Workspace]) -> None:
    add(spaces[0], "a", TASK.format(name="support-intents"))
    with pytest.raises(TaskError) as caught:
        load_task("suport-intents", spaces)
    assert (
        str(caught.value) == 'unknown task "suport-intents"\nwhere: --task\ndo:    use "support-intents" (known: support-intents)'
    )


def test_a_path_that_leads_nowhere(spaces: list[Workspace]) -> None:
    with pytest.raises(TaskError, match="there is no task at") as caught:
        load_task("tasks/none", spaces)
    assert "task.yaml" in caught.value.hint


def test_without_any_task_the_way_out_is_shown(spaces: list[Workspace]) -> None:
    with pytest.raises(TaskError) as caught:
        load_task("x", spaces)
    assert "bench init" in caught.value.hint


def test_the_same_name_in_two_workspaces(spaces: list[Workspace]) -> None:
    add(spaces[0], "a", TASK.format(name="t"))
    add(spaces[1], "b", TASK.format(name="t"))
    with pytest.raises(WorkspaceError, match='"t" is defined 2 times') as caught:
        load_task("t", spaces)
    assert caught.value.where.count("task.yaml") == 2
    assert "builtin:t" in caught.value.hint
    assert load_task("builtin:t", spaces).workspace == "builtin"
    assert load_task("user:t", spaces).workspace == "user"
    assert len(list_tasks(spaces)) == 2


def test_the_same_name_twice_in_one_workspace(spaces: list[Workspace]) -> None:
    add(spaces[0], "a", TASK.format(name="t"))
    add(spaces[0], "b", TASK.format(name="t"))
    with pytest.raises(WorkspaceError, match="defined 2 times"):
        list_tasks(spaces)
    with pytest.raises(WorkspaceError, match="defined 2 times"):
        load_task("t", spaces)


def test_a_fault_in_one_task_does_not_stop_another(spaces: list[Workspace]) -> None:
    add(spaces[0], "a", "name: a\nkind: [")
    add(spaces[0], "b", TASK.format(name="b"))
    assert load_task("b", spaces).task.name == "b"
    with pytest.raises(TaskError, match="not valid YAML"):
        load_task("a", spaces)


def test_all_faults_of_all_tasks_come_at_once(spaces: list[Workspace]) -> None:
    add(spaces[0], "a", TASK.format(name="a") + "metric: f1\nx: 1\n")
    add(spaces[1], "b", "- 1\n")
    with pytest.raises(Faults) as caught:
        list_tasks(spaces)
    assert len(caught.value.faults) == 3
    with pytest.raises(BenchError, match="expected keys and values"):
        load_task("b", spaces)
