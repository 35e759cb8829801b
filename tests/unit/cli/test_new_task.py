"""`bench tasks new`: a task is written whole or not at all, never over another, and what is said of it is so."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from harness import cli
from harness.core.task import Task
from harness.load.data import load_dataset
from harness.load.tasks import load_task
from harness.load.workspace import Workspace

ROWS = [(f"message {i} about {'cards' if i % 2 else 'parcels'}", "ab"[i % 2]) for i in range(40)]


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace, which is the current folder, with rows in a folder of their own and in a task's."""
    for folder in (tmp_path / "rows", tmp_path / "tasks" / "mine"):
        folder.mkdir(parents=True)
        with (folder / "train.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("message", "team"), *ROWS])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(space: Path) -> list[str]:
    return sorted(str(path.relative_to(space)) for path in (space / "tasks").rglob("*") if path.is_file())


def test_rows_in_the_task_folder(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["tasks", "new", "mine", "--data", "tasks/mine/train.csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "wrote tasks/mine/task.yaml"
    assert lines[1] == 'kind    text-classification: column "message" has texts, column "team" has 2 different values in 40 rows'
    assert lines[2] == "test    20% of the rows are set aside by class"
    assert lines[3] == "metric  macro_f1, the usual one of this kind"
    assert lines[-2:] == ["now: bench tasks check mine", "     bench compare --task mine"]
    loaded = load_task("mine", [Workspace("user", space)])
    assert loaded.task.data.train == "train.csv"
    assert len(load_dataset(loaded.task, loaded.folder, override=None, seed=0, offline=True).rows) == 40
    assert cli.run(["tasks", "check", "mine", "--quiet"]) == 0


def test_rows_elsewhere_are_copied_if_asked(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["tasks", "new", "far", "--data", "rows"]
    assert cli.run(words) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 3
    assert files(space) == ["tasks/mine/train.csv"]
    assert cli.run([*words, "--copy", "--quiet"]) == 0
    assert capsys.readouterr().out == "wrote tasks/far/task.yaml\n"
    assert files(space) == ["tasks/far/task.yaml", "tasks/far/train.csv", "tasks/mine/train.csv"]
    assert cli.run(["tasks", "check", "far", "--quiet"]) == 0


def test_one_document(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--workspace", str(space), "--metric", "accuracy", "--json"]
    assert cli.run(["tasks", "new", "mine", "--data", str(space / "tasks" / "mine"), *words]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "bench.new-task/1"
    task = Task.model_validate(document["task"])
    assert task == load_task("mine", [Workspace("user", space)]).task
    assert (task.metric, document["found"]["metric"]) == ("accuracy", "as asked")
    assert Path(document["file"]).is_file()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["mine", "--data", "tasks/mine/train.csv"], "the file exists already"),
        (["mine", "--data", "rows", "--copy"], "the file exists already"),
        (["other", "--data", "tasks/mine/train.csv", "--copy"], 'there is a task or suite "other" already'),
        (["support-intents", "--data", "rows", "--copy"], "there is a task or suite"),
        (["full", "--data", "rows", "--copy"], "the folder is not empty"),
        (["new", "--data", ".", "--copy"], "holds the workspace"),
        (["new", "--data", "rows/train.csv", "--copy", "--label", "message"], "neither classes nor numbers"),
        (["new", "--data", "torn.csv", "--copy"], "a single class"),
        (["new", "--data", "rows", "--copy", "--workspace", "nowhere"], "there is no folder"),
    ],
)
def test_nothing_is_written_where_something_is_wrong(
    space: Path, words: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (space / "tasks" / "mine" / "task.yaml").write_text("name: other")
    (space / "tasks" / "full").mkdir()
    (space / "tasks" / "full" / "notes.txt").write_text("")
    (space / "torn.csv").write_text("text,label\n" + "".join(f"message {i},a\n" for i in range(40)))
    before = files(space)
    assert cli.run(["tasks", "new", *words]) == 2
    assert what in capsys.readouterr().err
    assert files(space) == before
    assert (space / "tasks" / "mine" / "task.yaml").read_text() == "name: other"
    assert [path.name for path in (space / "tasks").iterdir() if path.name.startswith(".")] == []


def test_a_column_that_no_file_can_name(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.dumps({"a\ud800": text, "label": label}) for text, label in ROWS]
    (space / "tasks" / "mine" / "rows.jsonl").write_text("\n".join(lines))
    assert cli.run(["tasks", "new", "mine", "--data", "tasks/mine/rows.jsonl"]) == 2
    assert "the names of the columns cannot be written" in capsys.readouterr().err
    assert not (space / "tasks" / "mine" / "task.yaml").exists()


def test_an_unknown_task_with_rows_is_told_how_to_make_one(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["compare", "--task", "tickets", "--data", "my rows.csv"]) == 2
    assert "do:    bench tasks new tickets --data 'my rows.csv' writes one" in capsys.readouterr().err
    for words in (["--task", "tickets"], ["--task", "suport-intents", "--data", "rows"], ["--task", "a/b", "--data", "rows"]):
        assert cli.run(["compare", *words]) == 2
        assert "tasks new" not in capsys.readouterr().err
    (space / "tasks" / "all").mkdir()
    (space / "tasks" / "all" / "suite.yaml").write_text("name: all\ntasks: [support-intents]\n")
    assert cli.run(["compare", "--task", "tickets", "--data", "rows"]) == 2
    assert "bench tasks new tickets --data rows writes one" in capsys.readouterr().err
