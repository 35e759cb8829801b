"""What a task or a card names stays in its folder; `--data`, which the user gives, may lie anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from harness.core.data import Dataset
from harness.core.task import Data, Task
from harness.errors import BenchError, TaskError
from harness.load.candidates import load_candidates
from harness.load.data import load_dataset
from harness.load.place import inside, to_path
from harness.load.tasks import list_tasks, load_task
from harness.load.workspace import Workspace


def load(folder: Path, *, kind: str = "text-classification", override: str | None = None, **data: Any) -> Dataset:
    return load_dataset(Task(name="t", kind=kind, data=Data(**data)), folder, override=override, seed=0, offline=True)


def write_rows(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("text,label\n" + "".join(f"message {i},{'ab'[i % 2]}\n" for i in range(40)))


def write_pictures(folder: Path) -> None:
    for i in range(24):
        path = folder / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (i, i, i)).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A task's folder, and beside it what the task must not reach."""
    write_rows(tmp_path / "outside" / "train.csv")
    write_pictures(tmp_path / "outside" / "pictures")
    (tmp_path / "task").mkdir()
    return tmp_path / "task"


@pytest.mark.parametrize(
    "name", ["../outside/train.csv", "{outside}/train.csv", "link.csv", "linked/train.csv", "a/../../outside/train.csv"]
)
def test_a_data_file(folder: Path, name: str) -> None:
    outside = folder.parent / "outside"
    (folder / "link.csv").symlink_to(outside / "train.csv")
    (folder / "linked").symlink_to(outside)
    for data in ({"train": name}, {"train": "inside.csv", "test": name}):
        write_rows(folder / "inside.csv")
        with pytest.raises(TaskError, match="leaves the task folder"):
            load(folder, **{key: value.format(outside=outside) for key, value in data.items()})
    assert len(load(folder, train="inside.csv", override=str(folder / "link.csv")).rows) == 40


def test_a_link_inside_a_folder_of_tables(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "train.csv").symlink_to(folder.parent / "outside" / "train.csv")
    with pytest.raises(TaskError, match="leaves the task folder"):
        load(folder, train="data")
    write_rows(folder / "rows.csv")
    (folder / "data" / "train.csv").unlink()
    (folder / "data" / "train.csv").symlink_to("../rows.csv")
    assert len(load(folder, train="data").rows) == 40


@pytest.mark.parametrize("layout", ["class", "file", "train"])
def test_a_link_inside_a_folder_of_pictures(folder: Path, layout: str) -> None:
    outside = folder.parent / "outside" / "pictures"
    write_pictures(folder / "pictures")
    match layout:
        case "class":
            (folder / "pictures" / "etc").symlink_to("/")  # to be refused, and above all not to be walked through
        case "file":
            (folder / "pictures" / "a" / "x.png").symlink_to(outside / "a" / "0.png")
        case _:
            (folder / "pictures" / "train").symlink_to(outside)
    with pytest.raises(TaskError, match="leaves the task folder"):
        load(folder, kind="image-classification", train="pictures")


@pytest.mark.parametrize("cell", ["../outside/pictures/a/0.png", "{outside}/a/0.png", "link.png", "/etc/x.png", "~/x.png"])
def test_a_path_in_a_cell(folder: Path, cell: str) -> None:
    outside = folder.parent / "outside" / "pictures"
    write_pictures(folder / "pictures")
    (folder / "link.png").symlink_to(outside / "a" / "0.png")
    names = [*(f"pictures/{'ab'[i % 2]}/{i}.png" for i in range(24)), cell.format(outside=outside)]
    for form in ("csv", "jsonl"):
        rows = [{"image": name, "label": "ab"[i % 2]} for i, name in enumerate(names)]
        lines = [json.dumps(row) for row in rows] if form == "jsonl" else ["image,label", *(",".join(row.values()) for row in rows)]
        (folder / f"rows.{form}").write_text("\n".join(lines))
        with pytest.raises(TaskError, match="leaves the task folder"):
            load(folder, kind="image-classification", train=f"rows.{form}")


def test_a_function_of_a_file_outside(folder: Path) -> None:
    (folder.parent / "outside" / "data.py").write_text("raise SystemExit(3)")
    (folder / "data.py").symlink_to("../outside/data.py")
    for name in ("../outside/data.py:load", "data.py:load"):
        with pytest.raises(TaskError, match="leaves the task folder"):
            load(folder, train=name)


@pytest.mark.parametrize("name", ["a\0b.csv", "x" * 300 + ".csv", "\ud800.csv", "~no-such-user/x.csv"])
def test_what_can_be_no_path(folder: Path, name: str) -> None:
    for attempt in (
        lambda: inside(folder, name),
        lambda: to_path(name, TaskError, "--data"),
        lambda: load(folder, train=name),
        lambda: load(folder, train="x.csv", override=name),
        lambda: load_task(name, (Workspace("user", folder),)),
    ):
        with pytest.raises(BenchError) as caught:
            attempt()
        assert len(str(caught.value).split("\n")) == 3
        str(caught.value).encode()


def test_a_card_whose_source_can_be_no_path(tmp_path: Path) -> None:
    (tmp_path / "candidates").mkdir()
    sources = "".join(
        f'- {{name: m{i}, adapter: timm, source: "{source}"}}\n' for i, source in enumerate(("./a\\0b", "~no-such-user/x", "./ok"))
    )
    (tmp_path / "candidates" / "cards.yaml").write_text(sources)
    with pytest.raises(BenchError) as caught:
        load_candidates((Workspace("user", tmp_path),))
    assert str(caught.value).count("where: ") == 2
    assert "line 2, key 1.source" in str(caught.value)


def test_a_task_file_that_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "tasks" / "t" / "task.yaml").mkdir(parents=True)
    with pytest.raises(TaskError, match="it is a folder"):
        list_tasks((Workspace("user", tmp_path),))
    with pytest.raises(TaskError, match="it is a folder"):
        load_task("t", (Workspace("user", tmp_path),))
