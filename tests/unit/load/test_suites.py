from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import BenchError, Faults, TaskError, WorkspaceError
from harness.load.suites import LoadedSuite, assign_data, find_target, gather_tasks, list_suites, load_suite
from harness.load.tasks import LoadedTask, list_tasks
from harness.load.workspace import Workspace, load_workspaces

TASK = "name: {name}\nkind: text-classification\ndata: {{train: a.csv}}\n"


@pytest.fixture
def spaces(tmp_path: Path) -> list[Workspace]:
    found = [Workspace(name, tmp_path / name) for name in ("user", "builtin")]
    for name in ("a", "b", "c"):
        add(found[0], name, TASK.format(name=name), "task.yaml")
    return found


def add(space: Workspace, folder: str, text: str, file: str = "suite.yaml") -> Path:
    path = space.root / "tasks" / folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def lines_of(spaces: list[Workspace], text: str) -> list[str]:
    """Return what is said of a faulty suite, one text a fault."""
    add(spaces[0], "s", text)
    with pytest.raises(BenchError) as caught:
        load_suite("s", spaces)
    return [str(fault) for fault in (caught.value.faults if isinstance(caught.value, Faults) else [caught.value])]


def test_tasks_have_weights_and_a_name_alone_weighs_one(spaces: list[Workspace]) -> None:
    path = add(spaces[0], "s", "name: s\ndescription: Two.\ntasks:\n- a\n- {task: user:b, weight: 2.5}\n")
    found = load_suite("s", spaces)
    assert [(member.task, member.weight) for member in found.suite.tasks] == [("a", 1.0), ("user:b", 2.5)]
    assert [task.task.name for task in found.tasks] == ["a", "b"]
    assert (found.path, found.workspace, found.suite.description) == (path, "user", "Two.")
    for place in (path, path.parent):
        assert load_suite(str(place), spaces) == found
    assert [(suite.name, space) for suite, space in list_suites(spaces)] == [("s", "user")]
    assert {task.task.name for task in list_tasks(spaces)} == {"a", "b", "c"}, "a suite is no task"


def test_paths_are_relative_to_the_suite(spaces: list[Workspace], tmp_path: Path) -> None:
    add(Workspace("x", tmp_path / "else"), "t", TASK.format(name="t"), "task.yaml")
    path = add(Workspace("x", tmp_path / "else"), "s", "name: s\ntasks: [../t, a]\n")
    assert [task.task.name for task in load_suite(str(path.parent), spaces).tasks] == ["t", "a"]


def test_all_faults_of_a_suite_at_once_with_their_lines(spaces: list[Workspace]) -> None:
    told = lines_of(spaces, "name: s\ntasks:\n- a\n- {task: b, wieght: 2}\n- {task: c, weight: -1}\n- {weight: 2}\n- 3\nmargn: 1\n")
    assert [text.splitlines()[0] for text in told] == [
        'unknown key "wieght"',
        '"weight" should be greater than 0',
        'the key "task" is missing',
        "expected keys and values, found 3",
        'unknown key "margn"',
    ]
    assert [text.splitlines()[1].partition("suite.yaml, ")[2] for text in told] == [
        "line 4, key tasks.1.wieght",
        "line 5, key tasks.2.weight",
        "line 6, key tasks.3.task",
        "line 7, key tasks.4",
        "line 8, key margn",
    ]
    assert told[0].splitlines()[2] == 'do:    use "weight" (known: task, weight)'


def test_no_task_and_a_task_listed_twice(spaces: list[Workspace]) -> None:
    assert "at least 1 item" in lines_of(spaces, "name: s\ntasks: []\n")[0]
    (told,) = lines_of(spaces, "name: s\ntasks:\n- a\n- a\n")
    assert told.splitlines()[0] == 'the task "a" is listed twice'
    assert "list it once" in told


def test_faults_of_all_tasks_are_told_where_they_are(spaces: list[Workspace]) -> None:
    add(spaces[0], "b", "name: b\nkind: text-clasification\n", "task.yaml")
    told = lines_of(spaces, "name: s\ntasks:\n- aa\n- b\n- ../no\n")
    assert [text.splitlines()[0] for text in told] == [
        'unknown task "aa"',
        'the key "data" is missing',
        'unknown kind "text-clasification"',
        told[3].splitlines()[0],
    ]
    assert "suite.yaml, line 3, key tasks.0" in told[0]
    assert 'use "a"' in told[0]
    assert "task.yaml, line 2, key kind" in told[2]
    assert told[3].startswith("there is no task at")
    assert "suite.yaml, line 5, key tasks.2" in told[3]


def test_two_tasks_of_one_name(spaces: list[Workspace]) -> None:
    add(spaces[1], "a", TASK.format(name="a"), "task.yaml")
    (told,) = lines_of(spaces, "name: s\ntasks: [user:a, builtin:a]\n")
    assert told.startswith('two tasks are called "a"')


def test_the_suites_that_ship_with_bench(tmp_path: Path) -> None:
    spaces = load_workspaces(tmp_path)
    names = [suite.name for suite, _ in list_suites(spaces)]
    assert {"embedded", "enterprise"} <= set(names)
    for name in names:
        found = load_suite(name, spaces)
        assert found.suite.description
        assert (found.tasks[0].folder.parent / name / "README.md").is_file()


def test_what_a_name_means(spaces: list[Workspace]) -> None:
    add(spaces[1], "s", "name: field\ntasks: [a]\n")
    assert isinstance(find_target("a", spaces), LoadedTask)
    assert isinstance(find_target("field", spaces), LoadedSuite)
    assert isinstance(find_target("builtin:field", spaces), LoadedSuite)
    with pytest.raises(TaskError) as caught:
        find_target("feild", spaces)
    assert str(caught.value) == 'unknown task "feild"\nwhere: --task\ndo:    use "field" (known: a, b, c, field)'
    add(spaces[0], "field", TASK.format(name="field"), "task.yaml")
    with pytest.raises(WorkspaceError, match='"field" is both a suite and a task') as doubled:
        find_target("field", spaces)
    assert "suite.yaml and" in doubled.value.where
    assert isinstance(find_target("user:field", spaces), LoadedTask)


def test_a_suite_that_two_workspaces_have(spaces: list[Workspace]) -> None:
    for space in spaces:
        add(space, "s", "name: s\ntasks: [a]\n")
    with pytest.raises(WorkspaceError, match='the suite "s" is defined 2 times') as caught:
        load_suite("s", spaces)
    assert "user:s or builtin:s" in caught.value.hint
    add(spaces[0], "t", "name: s\ntasks: [a]\n")
    with pytest.raises(WorkspaceError, match="is defined 2 times"):
        list_suites(spaces[:1])
    with pytest.raises(TaskError, match='unknown suite "x"'):
        load_suite("x", spaces)


def test_tasks_named_one_by_one_are_a_suite(spaces: list[Workspace]) -> None:
    add(spaces[0], "s", "name: s\ntasks: [a]\n")
    found = gather_tasks(["b", "a"], spaces)
    assert (found.suite.name, found.path, [task.task.name for task in found.tasks]) == ("b-and-a", None, ["b", "a"])
    assert {member.weight for member in found.suite.tasks} == {1.0}
    with pytest.raises(TaskError, match='the task "a" is named twice'):
        gather_tasks(["a", "a", "s", "b"], spaces)
    with pytest.raises(TaskError, match='"s" is a suite, not a task') as caught:
        gather_tasks(["a", "s"], spaces)
    assert "compare_suite" in caught.value.hint
    add(spaces[0], "nested", "name: nested\ntasks: [s]\n")
    with pytest.raises(TaskError, match='"s" is a suite, not a task') as nested:
        load_suite("nested", spaces)
    assert "suite.yaml, line 2, key tasks.0" in nested.value.where
    long = [f"task-{number:02}-{'x' * 20}" for number in range(9)]
    for name in long:
        add(spaces[0], name, TASK.format(name=name), "task.yaml")
    title = gather_tasks(long, spaces).suite.name
    assert len(title) <= 100
    assert title != gather_tasks(long[::-1], spaces).suite.name


def test_rows_are_given_by_task() -> None:
    assert assign_data(["a=x.csv", "b=y=z.csv"], ["a", "b"]) == {"a": "x.csv", "b": "y=z.csv"}
    with pytest.raises(Faults) as caught:
        assign_data(["x.csv", "c=x.csv", "a=1", "a=2"], ["a", "b"])
    assert [fault.what for fault in caught.value.faults] == [
        '"x.csv" does not say whose rows it replaces',
        '"c" is none of the tasks',
        'the rows of "a" are given twice',
    ]
    assert {fault.where for fault in caught.value.faults} == {"--data"}
