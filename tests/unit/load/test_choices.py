from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.core.data import Choice, Dataset
from harness.core.task import Task
from harness.errors import BenchError, TaskError
from harness.load.data import load_dataset
from harness.load.tasks import load_task

RIGHT = [number * 7 % 4 for number in range(20)]
BASE = [
    {"question": f"What is twice {number}?", "choices": [str(2 * number + place - right) for place in range(4)]}
    for number, right in zip(range(10, 30), RIGHT, strict=True)
]


def load(folder: Path, rows: Sequence[Mapping[str, Any]], test: Sequence[Mapping[str, Any]] = (), **data: Any) -> Dataset:
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    if test:
        (folder / "test.jsonl").write_text("\n".join(map(json.dumps, test)))
        data["test"] = "test.jsonl"
    task = Task.model_validate({"name": "t", "kind": "multiple-choice", "data": {"train": "rows.jsonl", **data}})
    return load_dataset(task, folder, override=None, seed=0, offline=True)


def answered(answers: Sequence[object]) -> list[dict[str, Any]]:
    return [row | {"answer": answer} for row, answer in zip(BASE, answers, strict=True)]


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([BASE[i]["choices"][right] for i, right in enumerate(RIGHT)], ""),
        (["ABCD"[right] for right in RIGHT], ""),
        (["abcd"[right] for right in RIGHT], ""),
        (RIGHT, "numbers counted from 0"),
        ([float(right) for right in RIGHT], "numbers counted from 0"),
        ([right + 1 for right in RIGHT], "numbers counted from 1"),
    ],
)
def test_an_answer_is_a_text_a_letter_or_a_number(tmp_path: Path, answers: list[object], told: str) -> None:
    found = load(tmp_path, answered(answers))
    assert found.rows.labels == tuple(RIGHT)
    assert found.rows.classes == ("A", "B", "C", "D")
    assert found.rows.inputs[0] == Choice(str(BASE[0]["question"]), tuple(BASE[0]["choices"]))
    assert any(told in warning for warning in found.warnings) if told else not found.warnings
    assert "columns inferred: text=question, options=choices, label=answer" in found.notes


def test_numbers_without_a_0_are_counted_from_1(tmp_path: Path) -> None:
    found = load(tmp_path, answered([1 + number % 3 for number in range(20)]))
    assert found.rows.labels == tuple(number % 3 for number in range(20))
    assert any("numbers counted from 1" in warning for warning in found.warnings)


def test_one_reading_of_numbers_holds_for_training_and_test_rows(tmp_path: Path) -> None:
    rows = answered([right + 1 for right in RIGHT])
    # These alone could be counted from 0.
    test = [row for row in rows if row["answer"] in {2, 3}]
    found = load(tmp_path, rows, [row | {"question": row["question"] + " Think."} for row in test])
    assert [found.rows.labels[i] for i in found.split.test] == [row["answer"] - 1 for row in test]


def test_objects_name_their_options(tmp_path: Path) -> None:
    rows = [
        {
            "question": row["question"],
            "choices": {"text": row["choices"], "label": ["1", "2", "3", "4"]},
            "answerKey": str(right + 1),
        }
        for row, right in zip(BASE, RIGHT, strict=True)
    ]
    assert load(tmp_path, rows).rows.labels == tuple(RIGHT)
    pd.DataFrame(rows).to_parquet(tmp_path / "rows.parquet")
    assert load(tmp_path, rows, train="rows.parquet").rows.labels == tuple(RIGHT)


def test_a_column_for_each_option_of_which_the_last_may_be_empty(tmp_path: Path) -> None:
    rows = [{"q": "Which?", "A": f"a{i}", "B": "b", "C": "c" if i % 2 else None, "label": "AB"[i % 3 % 2]} for i in range(12)]
    found = load(tmp_path, rows, text="q")
    assert "columns inferred: options=A, B, C, label=label" in found.notes
    assert [len(row.options) for row in found.rows.inputs if isinstance(row, Choice)] == [2, 3] * 6
    assert found.rows.classes == ("A", "B", "C")
    named = load(tmp_path, rows, text="q", options=["B", "A"])
    assert named.rows.inputs[0] == Choice("Which?", ("b", "a0"))


def test_where_the_first_option_is_always_right_they_are_put_in_another_order(tmp_path: Path) -> None:
    found = load(tmp_path, answered([0] * 20))
    assert len(set(found.rows.labels)) == 4
    assert "the right option stood first in every row, so options are put in another order" in found.warnings
    for row, label, base in zip(found.rows.inputs, found.rows.labels, BASE, strict=True):
        assert isinstance(row, Choice)
        assert row.options[int(label)] == base["choices"][0]  # type: ignore[arg-type]
    assert load(tmp_path, answered([0] * 20)[::-1]).rows.inputs[::-1] == found.rows.inputs


@pytest.mark.parametrize(
    ("given", "what", "where"),
    [
        ((answered(["E", *"ABCD" * 4, "A", "B", "C"]), {}), "1 of 20 answers are none of their row's options", "line 1"),
        (
            ([row | {"choices": ["one"]} for row in answered(RIGHT)], {}),
            "20 of 20 rows lack question or two options or answer",
            "line 1",
        ),
        (([{"question": "q", "label": 1}] * 10, {}), "no column can be told to hold the options", "rows.jsonl"),
        ((answered(RIGHT), {"options": "chices"}), 'there is no column "chices"', "key data.options"),
        (([row | {"choices": [["a"], "b"]} for row in answered(RIGHT)], {}), "an option is list, not a text", "line 1"),
        (([row | {"choices": {"text": "ab"}} for row in answered(RIGHT)], {}), "the options are an object without lists", "line 1"),
        ((answered([["A"]] * 20), {}), "the answer is list, not a text", "line 1"),
        ((answered([None] * 10 + RIGHT[10:]), {}), "10 of 20 rows lack", "line 1, 2"),
    ],
)
def test_bad_rows(tmp_path: Path, given: tuple[list[dict[str, Any]], dict[str, Any]], what: str, where: str) -> None:
    with pytest.raises(TaskError) as caught:
        load(tmp_path, given[0], **given[1])
    assert what in caught.value.what
    assert where in caught.value.where
    assert caught.value.hint


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("classes: {A: first}", "multiple-choice has options in each row"),
        ("multi_label: true", "multi_label is for classification"),
        ("ask: {template: '{text} {label} {letter}'}", "2 for the label"),
    ],
)
def test_keys_that_are_not_for_it(tmp_path: Path, more: str, what: str) -> None:
    (tmp_path / "task.yaml").write_text(f"name: t\nkind: multiple-choice\ndata: {{train: rows.jsonl}}\n{more}\n")
    with pytest.raises(BenchError) as caught:
        load_task(str(tmp_path / "task.yaml"), ())
    assert what in caught.value.what
    (tmp_path / "task.yaml").write_text(
        "name: t\nkind: text-classification\ndata: {train: rows.csv}\nask: {template: '{text} {options} {letter}'}\n"
    )
    with pytest.raises(BenchError, match="the rows are no questions with options"):
        load_task(str(tmp_path / "task.yaml"), ())
