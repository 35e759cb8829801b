from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from harness.core.data import Dataset
from harness.core.task import Data, Task
from harness.core.writing import Write, Writing
from harness.errors import BenchError, Faults
from harness.load.data import load_dataset
from harness.load.tasks import load_task

ROWS = [(f"What is {i} and {i % 7}?", f"It is {i + i % 7}.") for i in range(40)]


def load(folder: Path, write: Mapping[str, Any] | None = None, *, override: str | None = None, **data: Any) -> Dataset:
    task = Task(name="t", kind="generation", data=Data(**{"train": "rows.csv", **data}), write=Write(**(write or {})))
    return load_dataset(task, folder, override=override, seed=0, offline=True)


def table(path: Path, rows: Sequence[Sequence[str]] = ROWS, header: Sequence[str] = ("question", "answer")) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def lines(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def faults(*arguments: Any, **options: Any) -> list[str]:
    """Return what each fault says, having seen that each says where it is and what to do."""
    with pytest.raises(BenchError) as caught:
        load(*arguments, **options)
    each = caught.value.faults if isinstance(caught.value, Faults) else (caught.value,)
    assert all(fault.where and fault.hint for fault in each)
    return [fault.what for fault in each]


def written(data: Dataset) -> Writing:
    assert data.writing is not None
    return data.writing


def test_rows_are_put_into_the_usual_template_and_divided(tmp_path: Path) -> None:
    table(tmp_path / "rows.csv")
    data = load(tmp_path)
    found = written(data)
    assert data.notes[0] == "columns inferred: prompt=question, reference=answer"
    assert data.rows.inputs[1] == "What is 1 and 1?"
    assert found.prompts[1] == "Input: What is 1 and 1?\nOutput:"
    assert found.example(1) == "Input: What is 1 and 1?\nOutput: It is 2.\n\n"
    assert found.stop == ("\n\nInput:",)
    assert found.span == (1, 1, 9)
    assert sorted((*data.split.rest, *data.split.test)) == list(range(40))
    assert len(data.split.test) == 8
    assert data.rows.target == "text"


def test_a_template_names_any_columns_and_the_answers_place(tmp_path: Path) -> None:
    rows = [(f"Text {i}.", f"Who {i}?", f"him {i}") for i in range(12)]
    table(tmp_path / "rows.csv", rows, ("context", "question", "answer"))
    template = "{context}\nQ: {question} {{brief}}\nA:  {answer}."
    found = written(load(tmp_path, {"template": template, "instruction": "Answer.", "stop": []}))
    assert found.prompts[3] == "Text 3.\nQ: Who 3? {brief}\nA:"
    assert (found.space, found.tail, found.opening, found.stop) == ("  ", ".", "Answer.\n\n", ())
    assert written(load(tmp_path, {"template": template.replace("{answer}", "{reference}")})).example(3) == found.example(3)
    assert found.example(3).endswith("A:  him 3.\n\n")
    data = load(tmp_path, {"template": "{context} {question}"})
    assert written(data).prompts[3] == "Text 3. Who 3?\n"
    assert written(data).stop == ("\n\n",)
    assert data.rows.inputs[3] == "Text 3.\nWho 3?"


def test_a_row_can_have_several_references(tmp_path: Path) -> None:
    rows = [{"source": f"Long text {i}.", "target": [f"Text {i}", "Text", f"Text {i}", None]} for i in range(10)]
    lines(tmp_path / "rows.jsonl", [*rows, {"source": "None", "target": []}])
    data = load(tmp_path, train="rows.jsonl")
    assert written(data).references[4] == ("Text 4", "Text")
    assert written(data).span == (2, 2, 6)
    assert any("1 of 11 rows lack source or target" in what for what in data.warnings)


def test_what_a_result_depends_on_changes_the_digest(tmp_path: Path) -> None:
    table(tmp_path / "rows.csv")
    wishes: list[dict[str, Any]] = [
        {}, {"template": "{question}"}, {"instruction": "Go."}, {"limit": 3}, {"stop": ["x"]}, {"answer": r"\d+"},
    ]  # fmt: skip
    assert len({load(tmp_path, wish).digest for wish in wishes}) == len(wishes)
    assert load(tmp_path).digest == load(tmp_path).digest


def test_groups_and_copies_never_stand_on_both_sides(tmp_path: Path) -> None:
    rows = [(f"Question {i // 2}?", "yes" if i % 3 else "no", f"g{i // 4}") for i in range(60)]
    table(tmp_path / "rows.csv", rows, ("question", "answer", "who"))
    data = load(tmp_path, group="who")
    assert not {data.rows.groups[i] for i in data.split.rest} & {data.rows.groups[i] for i in data.split.test}
    assert any("prompts stand on several rows with different references" in what for what in data.warnings)
    plain = load(tmp_path)
    assert not {plain.rows.inputs[i] for i in plain.split.rest} & {plain.rows.inputs[i] for i in plain.split.test}


def test_given_test_rows_confirm_and_leaks_are_told(tmp_path: Path) -> None:
    table(tmp_path / "rows.csv")
    table(tmp_path / "test.csv", [*ROWS[:1], ("New?", "Yes.")])
    data = load(tmp_path, test="test.csv")
    assert data.split.test == (40, 41)
    assert any(what.startswith("1 of 2 test rows ask the same as a training row") for what in data.warnings)


def test_what_is_wrong_with_the_data_is_said(tmp_path: Path) -> None:
    table(tmp_path / "rows.csv")
    assert faults(tmp_path, {"template": "{context} {quest}"}) == ['there is no column "context"', 'there is no column "quest"']
    assert faults(tmp_path, {"template": "{answer} {question}"}) == [
        "write.template has the place of the answer more than once, or another field behind it"
    ]
    assert faults(tmp_path, {"template": "{question} {answer} {reference}"}) == [
        "write.template has the place of the answer more than once, or another field behind it"
    ]
    assert faults(tmp_path, prompt="ask") == ['there is no column "ask"']
    assert faults(tmp_path, reference="reply") == ['there is no column "reply"']
    assert faults(tmp_path, group="who") == ['there is no column "who"']
    assert faults(tmp_path, {"answer": "#### (.*)"}) == ["write.answer finds nothing in the references of 40 of 40 rows"]
    table(tmp_path / "odd.csv", ROWS, ("left", "right"))
    assert faults(tmp_path, train="odd.csv") == ["no column can be told to be the reference"]
    table(tmp_path / "few.csv", [*ROWS[:3], *ROWS[:3]])
    assert faults(tmp_path, train="few.csv") == ["there are 3 different rows with a reference; 5 are the least"]
    table(tmp_path / "empty.csv", [*ROWS[:20], *[("", "x")] * 8])
    assert faults(tmp_path, train="empty.csv") == ["8 of 28 rows lack question or answer"]
    lines(tmp_path / "rows.jsonl", [{"question": f"q{i}", "answer": [{"text": "x"}]} for i in range(9)])
    assert faults(tmp_path, train="rows.jsonl") == ["the reference is dict"]
    lines(tmp_path / "rows.jsonl", [{"question": {"a": 1}, "answer": "x"}] * 9)
    assert faults(tmp_path, train="rows.jsonl") == ["the text is dict"]


def test_other_data_may_have_other_columns(tmp_path: Path) -> None:
    table(tmp_path / "rows.csv")
    other = table(tmp_path / "other.csv", ROWS, ("input", "output"))
    data = load(tmp_path, override=str(other), prompt="question", reference="answer", group="who")
    assert data.notes[0] == "columns inferred: prompt=input, reference=output"
    assert any('no column "who"' in what for what in data.warnings)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("write: {answer: '('}", "write.answer is no regular expression"),
        ("write: {template: 'plain'}", "write.template has no field"),
        ("write: {template: '{a'}", "write.template cannot be read"),
        ("write: {limit: 0}", '"limit" should be greater than or equal to 1'),
        ("metric: 'evaluate:bleu'", "evaluate:bleu compares what is told of rows"),
        ("metric: accuracy", 'unknown metric "accuracy"'),
        ("classes: {a: b}", "classes, prompts and ask are of labels"),
    ],
)
def test_a_task_that_cannot_be_is_refused(text: str, what: str, tmp_path: Path) -> None:
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "task.yaml").write_text(f"name: t\nkind: generation\ndata: {{train: rows.csv}}\n{text}\n")
    with pytest.raises(BenchError) as caught:
        load_task(str(folder), ())
    fault = caught.value.faults[0] if isinstance(caught.value, Faults) else caught.value
    assert what in fault.what
    assert fault.hint not in {"", "correct it"}


def test_what_is_of_other_kinds_is_refused_and_the_metric_follows_the_answer() -> None:
    rows = {"train": "rows.csv"}
    with pytest.raises(ValidationError, match=r"data\.text is not for the kind generation"):
        Task(name="t", kind="generation", data=Data(**rows, text="a"))
    with pytest.raises(ValidationError, match="are for generation, the kind is retrieval"):
        Task(name="t", kind="retrieval", data=Data(**rows, prompt="a"))
    with pytest.raises(ValidationError, match="are both"):
        Task(name="t", kind="generation", data=Data(**rows, prompt="a", reference="a"))
    made = {"name": "t", "kind": "generation", "data": rows}
    assert Task.model_validate(made).metric == "rouge_l"
    assert Task.model_validate({**made, "write": {"answer": "x"}}).metric == "exact_match"


def test_lists_of_references_are_read_from_parquet_too(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = {"question": [f"q{i}" for i in range(9)], "answers": [[f"a{i}", "both"] for i in range(9)]}
    pq.write_table(pa.table(rows), tmp_path / "rows.parquet")
    assert written(load(tmp_path, train="rows.parquet")).references[2] == ("a2", "both")


def test_references_that_no_model_can_write_are_told(tmp_path: Path) -> None:
    rows = [*((f"Why {i}?", f"So {i}.") for i in range(8)), ("What?", "One.\n\nTwo."), ("Who?", "x" * 61)]
    table(tmp_path / "rows.csv", rows)
    wish = {"template": "{question}", "limit": 10}
    found = [one for one in load(tmp_path, wish).warnings if "no model can write" in one]
    assert found == [
        "1 of 10 references hold a stop text and 1 of 10 references are longer than about 10 tokens, the limit: "
        "no model can write them whole"
    ]
    assert not [one for one in load(tmp_path, {**wish, "stop": [], "limit": 11}).warnings if "no model can write" in one]


def test_questions_that_repeat_among_validation_rows_are_told(tmp_path: Path) -> None:
    # Each group is asked the same ten questions, and groups are what rows are divided by.
    rows = [(f"Question {i % 10}?", f"yes {i % 10}", f"g{i // 10}") for i in range(100)]
    table(tmp_path / "rows.csv", rows, ("question", "answer", "who"))
    data = load(tmp_path, group="who")
    number = len(data.split.choosing)
    assert any(what.startswith(f"{number} of {number} validation rows ask the same as a row") for what in data.warnings)
    assert not any("validation rows ask" in what for what in load(tmp_path).warnings)
