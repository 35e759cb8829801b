from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness.core.data import Dataset
from harness.core.task import Task
from harness.errors import BenchError, TaskError
from harness.load.data import load_dataset
from harness.load.tasks import load_task


def draw(folder: Path, number: int) -> str:
    (folder / "images").mkdir(exist_ok=True)
    name = f"images/{number}.png"
    Image.fromarray(np.full((4, 5, 3), number, np.uint8)).save(folder / name)
    return name


def load(folder: Path, rows: Sequence[Mapping[str, Any]], test: Sequence[Mapping[str, Any]] = (), **data: Any) -> Dataset:
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    if test:
        (folder / "test.jsonl").write_text("\n".join(map(json.dumps, test)))
        data["test"] = "test.jsonl"
    task = Task.model_validate({"name": "t", "kind": "image-text-retrieval", "data": {"train": "rows.jsonl", **data}})
    return load_dataset(task, folder, override=None, seed=0, offline=True)


def test_captions_stand_in_lists_or_in_rows_of_their_own(tmp_path: Path) -> None:
    names = [draw(tmp_path, number) for number in range(10)]
    lists = [{"image": name, "captions": [f"one {i}", f"two {i}", ""]} for i, name in enumerate(names)]
    found = load(tmp_path, lists)
    assert "columns inferred: image=image, text=captions" in found.notes
    assert (len(found.rows), found.corpus and len(found.corpus.documents), found.rows.target) == (10, 20, "captions")
    assert found.corpus
    for row, mine in enumerate(found.corpus.grades):
        assert {found.corpus.documents[place] for place in mine} == {f"one {row}", f"two {row}"}
    single = [{"file_name": name, "caption": f"{word} {i}"} for word in ("one", "two") for i, name in enumerate(names)]
    again = load(tmp_path, single)
    assert again.rows.ids == found.rows.ids
    assert again.corpus == found.corpus
    assert not found.warnings


def test_a_caption_of_several_pictures_is_right_for_each(tmp_path: Path) -> None:
    rows = [{"image": draw(tmp_path, number), "text": f"thing {number // 2}"} for number in range(10)]
    found = load(tmp_path, rows)
    assert found.corpus
    assert len(found.corpus.documents) == 5
    assert found.corpus.grades[0] == found.corpus.grades[1]
    assert "5 of 5 captions are of several pictures, each of which counts as right" in found.warnings


def test_test_rows_are_those_that_are_given(tmp_path: Path) -> None:
    rows = [{"image": draw(tmp_path, number), "text": f"thing {number}"} for number in range(12)]
    found = load(tmp_path, rows[:9], rows[8:])
    assert [found.rows.inputs[place] for place in found.split.test] == [str(tmp_path / row["image"]) for row in rows[8:]]
    assert found.rows.ids[9] == f"{found.rows.ids[8]}-2"
    assert any(warning.startswith("1 pictures stand in both training and test rows") for warning in found.warnings)


@pytest.mark.parametrize(
    ("change", "data", "what"),
    [
        (lambda rows: [row | {"image": None} for row in rows], {}, "10 of 10 rows lack image or text"),
        (lambda rows: [row | {"text": [" "]} for row in rows], {}, "10 of 10 rows lack image or text"),
        (lambda rows: [*rows[:9], rows[9] | {"image": "images/none.png"}], {}, "1 of 10 pictures are broken"),
        (lambda rows: [row | {"text": {"a": 1}} for row in rows], {}, "a caption is dict, not a text"),
        (lambda rows: rows[:4], {}, "there are 4 different pictures with a caption; 5 are the least"),
        (lambda rows: [row | {"text": "the same"} for row in rows], {}, "all pictures have the same caption"),
        (lambda rows: rows, {"text": "txt"}, 'there is no column "txt"'),
    ],
)
def test_bad_rows(tmp_path: Path, change: Any, data: dict[str, str], what: str) -> None:
    rows = [{"image": draw(tmp_path, number), "text": f"thing {number}"} for number in range(10)]
    with pytest.raises(TaskError) as caught:
        load(tmp_path, change(rows), **data)
    assert what in caught.value.what
    assert caught.value.where
    assert caught.value.hint


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("data: {train: a.jsonl, label: x}", "data.label is not for pictures with captions"),
        ("data: {train: a.jsonl}\nmetric: evaluate:bleu", "evaluate:bleu compares what is told of rows"),
        ("data: {train: a.jsonl}\nprompts: ['a {}']", "classes, prompts and ask are of labels"),
        ("data: {train: a.jsonl}\nmetric: recall@1", 'unknown metric "recall@1"'),
    ],
)
def test_keys_that_are_not_for_it(tmp_path: Path, more: str, what: str) -> None:
    (tmp_path / "task.yaml").write_text(f"name: t\nkind: image-text-retrieval\n{more}\n")
    with pytest.raises(BenchError) as caught:
        load_task(str(tmp_path / "task.yaml"), ())
    assert what in caught.value.what
    assert caught.value.hint
