from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.core.task import Data, Task
from harness.errors import Faults, TaskError
from harness.load.columns import Columns, choose_columns
from harness.load.table import Table


def table(**columns: Any) -> Table:
    rows = len(next(iter(columns.values())))
    return Table("t.csv", {name.replace("_", " "): list(values) for name, values in columns.items()}, range(1, rows + 1), Path())


def choose(found: Any, *, lenient: bool = False, kind: str = "text-classification", **data: Any) -> Columns:
    return choose_columns(found, Task(name="t", kind=kind, data=Data(train="x", **data)), lenient=lenient)


LABELS = ["x", "y", "x", "y"]
WORDS = ["one two", "three four", "five six", "seven eight"]
LONG = [f"a rather long text, number {i}, that goes on for a while" for i in range(4)]


def test_named_columns_are_taken_without_a_word() -> None:
    found = choose(table(a=WORDS, b=LABELS, c=LABELS), text="a", label="b", group="c")
    assert (found.content, found.label, found.group, found.notes) == ("a", "b", "c", ())


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"text": WORDS, "category": LABELS}, ("text", "category")),
        ({"Message": WORDS, "Intent": LABELS}, ("Message", "Intent")),
        ({"text": WORDS, "title": LONG, "label": LABELS, "topic": LABELS}, ("text", "label")),
        ({"text": WORDS, "label": ["0", "1", "0", "1"], "label text": LABELS}, ("text", "label text")),
        ({"a": LABELS, "b": WORDS}, ("b", "a")),
        ({"id": ["1", "2", "3", "4"], "title": WORDS, "description": LONG, "kind": LABELS}, ("description", "kind")),
        ({"n": [1, 1, 2, 2], "words": WORDS}, ("words", "n")),
    ],
)
def test_inference_by_name_then_by_shape(columns: Any, expected: Any) -> None:
    found = choose(table(**columns))
    assert (found.content, found.label) == expected
    assert found.notes == (f"columns inferred: text={expected[0]}, label={expected[1]}",)


def test_only_what_is_left_out_is_inferred() -> None:
    assert choose(table(a=WORDS, b=LABELS), text="a").notes == ("columns inferred: label=b",)


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"review": WORDS, "content": WORDS, "label": LABELS}, 'which column is the text is ambiguous: "review" or "content"'),
        ({"text": WORDS, "intent": LABELS, "category": LABELS}, 'which column is the label is ambiguous: "category" or "intent"'),
        ({"q1": WORDS, "q2": WORDS, "label": LABELS}, 'which column is the text is ambiguous: "q1" or "q2"'),
        ({"text": WORDS, "other": WORDS}, "no column can be told to be the label"),
        ({"n": ["1", "2", "3", "4"], "label": LABELS}, "no column can be told to be the text"),
        ({"text": WORDS, "score": [0.5, 0.5, 0.1, 0.1]}, "no column can be told to be the label"),
    ],
)
def test_what_cannot_be_told_is_asked(columns: Any, what: str) -> None:
    with pytest.raises(TaskError) as caught:
        choose(table(**columns))
    assert caught.value.what == what
    assert "name it in task.yaml" in caught.value.hint
    assert all(f'"{name}"' in caught.value.hint for name in columns)


def test_missing_columns_are_told_together() -> None:
    with pytest.raises(Faults) as caught:
        choose(table(mesage=WORDS, label=LABELS), text="message", label="lable", group="customer")
    texts = [(f.what, f.where, f.hint.partition(" (")[0]) for f in caught.value.faults]
    assert texts == [
        ('there is no column "lable"', "t.csv, key data.label", 'use "label"'),
        ('there is no column "message"', "t.csv, key data.text", 'use "mesage"'),
        ('there is no column "customer"', "t.csv, key data.group", "known: label, mesage"),
    ]


def test_data_that_replaces_the_tasks_own_may_name_its_columns_otherwise() -> None:
    found = choose(table(text=WORDS, category=LABELS), lenient=True, text="message", label="intent", group="customer")
    assert (found.content, found.label, found.group) == ("text", "category", "")
    assert found.notes == ("columns inferred: text=text, label=category",)
    assert found.warnings == ('there is no column "customer" in t.csv, so rows are not grouped',)


def test_the_group_is_not_taken_for_the_label() -> None:
    assert choose(table(text=WORDS, customer=LABELS, kind=LABELS), group="customer").label == "kind"


def test_image_columns() -> None:
    paths = [f"{i}.PNG" for i in range(4)]
    assert choose(table(a=paths, b=LABELS), kind="image-classification").content == "a"
    assert choose(table(a=[b"1", b"2", b"3", b"4"], b=LABELS), kind="image-classification").content == "a"
    assert choose(table(img=WORDS, a=paths, label=LABELS), kind="image-classification").content == "img"
    with pytest.raises(TaskError, match="the image"):
        choose(table(a=WORDS, label=LABELS), kind="image-classification")
