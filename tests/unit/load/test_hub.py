from __future__ import annotations

from pathlib import Path
from typing import Never

import datasets
import pytest
from huggingface_hub import constants
from PIL import Image

from harness.core.task import Data, Task
from harness.errors import TaskError
from harness.load import budget
from harness.load.data import load_dataset
from harness.load.hub import read_hub

# `datasets` reads a local folder through the same code as a repository of the Hub, so its path stands for the id here.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def test_class_numbers_become_names_and_missing_labels_stay_missing(tmp_path: Path) -> None:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])})
    datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, 0, -1]}, features=features).to_parquet(
        tmp_path / "train.parquet"
    )
    table = read_hub(str(tmp_path), "train", Data(train="x"), offline=True)
    assert table.columns == {"text": ["a", "b", "c"], "label": ["good", "bad", None]}


def test_pictures_stay_encoded(tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / "train" / label).mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(tmp_path / "train" / label / "x.png")
    table = read_hub(str(tmp_path), "train", Data(train="x"), offline=True)
    assert sorted(map(str, table.columns["label"])) == ["a", "b"]
    assert all(set(cell) == {"bytes", "path"} for cell in table.columns["image"])


def test_a_path_in_a_row_leads_nowhere_but_to_what_was_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(Path(datasets.config.HF_DATASETS_CACHE) / "hub"))
    Image.new("RGB", (4, 4)).save(tmp_path / "x.png")
    rows = "".join(f"{tmp_path / 'x.png'},{'ab'[i % 2]}\n" for i in range(20))
    (tmp_path / "train.csv").write_text("image,label\n" + rows)
    original = datasets.load_dataset
    monkeypatch.setattr(datasets, "load_dataset", lambda _path, **named: original(str(tmp_path), **named))
    task = Task(name="t", kind="image-classification", data=Data(train="org/set"))
    with pytest.raises(TaskError, match="leaves the task folder"):
        load_dataset(task, tmp_path / "task", override=None, seed=0, offline=True)


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.csv").write_text("text,label\n" + "a,b\n" * 20)
    monkeypatch.setattr(budget, "MAX_ROWS", 10)
    with pytest.raises(TaskError, match="at least 20 rows; the limit is 10"):
        read_hub(str(tmp_path), "train", Data(train="x"), offline=True)


def test_splits_of_one_data_set_make_train_and_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for split, number in (("train", 40), ("validation", 10)):
        lines = "".join(f"{split} {i},{'ab'[i % 2]}\n" for i in range(number))
        (tmp_path / f"{split}.csv").write_text("text,label\n" + lines)
    original = datasets.load_dataset
    monkeypatch.setattr(datasets, "load_dataset", lambda _path, **named: original(str(tmp_path), **named))
    task = Task(name="t", kind="text-classification", data=Data(train="org/set", test_split="validation"))
    data = load_dataset(task, tmp_path / "task", override=None, seed=0, offline=True)
    assert (len(data.rows), len(data.split.test), data.source) == (50, 10, "org/set (train)")
    assert any("not pinned" in warning for warning in data.warnings)
    whole = task.model_copy(update={"data": task.data.model_copy(update={"test_split": None})})
    assert len(load_dataset(whole, tmp_path / "task", override=None, seed=0, offline=True).split.test) == 8


@pytest.mark.parametrize("name", ["private", "private/letters", "imagefolder", "csv", "private.jsonl"])
def test_a_name_never_means_a_file_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    here = tmp_path / "here"
    (here / "private" / "letters").mkdir(parents=True)
    for folder in (here, here / "private", here / "private" / "letters"):
        (folder / "train.csv").write_text("text,label\n" + "secret,a\nsecret,b\n" * 20)
    (here / "private.jsonl").write_text("{}\n")
    (tmp_path / "task").mkdir()
    monkeypatch.chdir(here)
    task = Task(name="t", kind="text-classification", data=Data(train=name))
    with pytest.raises(TaskError, match=r"lies in the current folder|a loader of files|there is no file") as caught:
        load_dataset(task, tmp_path / "task", override=None, seed=0, offline=True)
    assert caught.value.hint
    assert caught.value.where


def test_a_split_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,label\na,b\n")
    with pytest.raises(TaskError, match="cannot be read") as caught:
        read_hub(str(tmp_path), "tset", Data(train="x"), offline=True)
    assert "split tset" in caught.value.where


def test_offline_sends_no_request_and_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_arguments: object, **_named: object) -> Never:
        raise AssertionError("a request was sent")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE, datasets.is_progress_bar_enabled()
    with pytest.raises(TaskError, match="the network is not to be used") as caught:
        read_hub("nobody/no-such-data-set", "train", Data(train="x"), offline=True)
    assert "--data PATH" in caught.value.hint
    assert (datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE, datasets.is_progress_bar_enabled()) == before
