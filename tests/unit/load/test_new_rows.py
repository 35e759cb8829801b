from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from harness.core.data import Pair
from harness.errors import TaskError
from harness.load.new_rows import read_new_rows


def test_rows_without_content_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("id,text\n1,hello there\n2,\n3,good bye\n")
    found = read_new_rows(file, "text", "")
    assert (found.column, found.where, found.inputs) == ("text", (0, 2), ("hello there", "good bye"))
    assert found.table.columns["id"] == ["1", "2", "3"]


def test_the_named_column_comes_first_then_the_usual_one(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"body": "one", "text": "two", "note": "three"}) + "\n")
    assert read_new_rows(file, "text", "note", "body").inputs == ("three",)
    assert read_new_rows(file, "text", "", "body").inputs == ("one",)
    assert read_new_rows(file, "text", "").inputs == ("two",)


def test_a_folder_of_pictures_needs_no_classes(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.png", "deep/a.PNG"):
        Image.new("RGB", (4, 4), "red").save(tmp_path / name, format="PNG")
    (tmp_path / "notes.txt").write_text("x")
    found = read_new_rows(tmp_path, "image", "")
    assert found.table.columns["image"] == ["b.png", "deep/a.PNG"]
    assert [Path(str(one)).name for one in found.inputs] == ["b.png", "a.PNG"]


@pytest.mark.parametrize(
    ("content", "column", "problem"),
    [
        ("text,label\na,b\n", "txet", 'no column "txet"'),
        ("sentence,comment\nhello there,good bye\n", "", "ambiguous"),
        ("a,b\n1,2\n", "", "can be told"),
        ("", "", "empty"),
    ],
)
def test_bad_files_are_told(content: str, column: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(content)
    with pytest.raises(TaskError, match=problem) as error:
        read_new_rows(file, "text", column)
    assert str(error.value).count("\n") == 2


def test_bad_places_are_told(tmp_path: Path) -> None:
    for path, part, problem in [
        (tmp_path / "none.csv", "text", "there is no"),
        (tmp_path, "text", "a folder is given"),
        (tmp_path, "image", "no pictures"),
    ]:
        with pytest.raises(TaskError, match=problem):
            read_new_rows(path, part, "")
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(TaskError, match="1 of 1 pictures are broken"):
        read_new_rows(tmp_path, "image", "")


def test_the_columns_of_a_pair_are_never_inferred(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("question1,question2,note\na,b,x\nc,,y\n")
    found = read_new_rows(file, "text", "", "question1", pair="question2")
    assert (found.column, found.where, found.inputs) == ("question1", (0,), (Pair("a", "b"),))
    assert read_new_rows(file, "text", "note", "question1", pair="question2").inputs == (Pair("x", "b"),)
    for column, usual, pair, problem in (
        ("question2", "question1", "question2", "second text"),
        ("", "question", "question2", "for the first text"),
        ("", "question1", "reply", "for the second text"),
    ):
        with pytest.raises(TaskError, match=problem):
            read_new_rows(file, "text", column, usual, pair=pair)
