from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.core.task import Data, Task
from harness.core.writing import Write
from harness.errors import TaskError
from harness.load.data import load_dataset
from harness.load.new_prompts import read_new_prompts

ONE = (("Input: ", "question"), ("\nOutput:", ""))
TWO = (("Policy: ", "policy"), ("\nQ: ", "question"), (" (", "policy"), (")\nA:", ""))


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_new_rows_are_put_as_those_of_training(tmp_path: Path) -> None:
    rows = [{"policy": f" Rule {i}.", "question": f"Is {i} {{fine}}?", "reply": "yes"} for i in range(9)]
    lines(tmp_path / "rows.jsonl", *rows)
    write = Write(template="P: {policy}\nQ {{a}}: {prompt}\nA:  {reply}.", instruction="Answer.", limit=7, answer="yes|no")
    task = Task(name="t", kind="generation", data=Data(train="rows.jsonl"), write=write)
    writing = load_dataset(task, tmp_path, override=None, seed=0, offline=True).writing
    assert writing is not None
    manner = writing.manner
    lines(tmp_path / "new.jsonl", *({key: row[key] for key in ("question", "policy")} for row in rows))
    found = read_new_prompts(tmp_path / "new.jsonl", "", manner.template)
    assert found.inputs == writing.prompts
    assert manner.opening + str(found.inputs[1]) == "Answer.\n\nP:  Rule 1.\nQ {a}: Is 1 {fine}?\nA:"
    assert (manner.limit, manner.stop, manner.pattern) == (7, ("\n\nP:",), "yes|no")


def test_a_long_beginning_of_a_template_is_no_fault(tmp_path: Path) -> None:
    lines(tmp_path / "rows.jsonl", *({"prompt": f"q {i}", "reference": "a"} for i in range(9)))
    write = Write(template=f"{'Think. ' * 40}{{prompt}}: {{reference}}")
    task = Task(name="t", kind="generation", data=Data(train="rows.jsonl"), write=write)
    writing = load_dataset(task, tmp_path, override=None, seed=0, offline=True).writing
    assert writing is not None
    assert writing.manner.stop == writing.stop


def test_a_row_that_lacks_a_column_of_the_template_is_empty(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("n,question,policy\n1,Who?,p\n2,,p\n3,Why?, \n4,How?,q\n")
    found = read_new_prompts(file, "", TWO)
    assert (found.column, found.others, found.where) == ("policy", ("question",), (0, 3))
    assert found.inputs == ("Policy: p\nQ: Who? (p)\nA:", "Policy: q\nQ: How? (q)\nA:")
    assert found.named == 'columns "policy" and "question"'
    assert list(found.table.columns) == ["n", "question", "policy"]


def test_the_one_column_of_a_template_can_be_named(tmp_path: Path) -> None:
    file = lines(tmp_path / "rows.jsonl", {"ask": "Who?", "question": "no"}, {"ask": 3})
    found = read_new_prompts(file, "ask", ONE)
    assert (found.named, found.inputs) == ('column "ask"', ("Input: Who?\nOutput:", "Input: 3\nOutput:"))


def test_what_is_wrong_with_new_rows_is_said_in_three_lines(tmp_path: Path) -> None:
    right = lines(tmp_path / "right.jsonl", {"question": "q", "policy": "p"})
    lists = tmp_path / "lists.parquet"
    pq.write_table(pa.table({"question": [["a", "b"]], "n": [1]}), lists)
    deep, none = tmp_path / "deep.parquet", tmp_path / "none.parquet"
    pq.write_table(pa.table({"question": [[{"a": "b"}]], "n": [1]}), deep)
    pq.write_table(pa.table({"question": pa.array([], pa.string())}), none)
    (tmp_path / "header.csv").write_text("question\n")
    for path, column, template, problem in (
        (lines(tmp_path / "a.jsonl", {"qestion": "q"}), "", ONE, 'no column "question", of which prompts are made'),
        (right, "ask", ONE, 'no column "ask"'),
        (right, "question", TWO, "a prompt is made of 2 columns: policy, question"),
        (lines(tmp_path / "b.jsonl", {"question": {"a": 1}}), "", ONE, 'the column "question" holds dict and no text'),
        (lists, "", ONE, 'the column "question" holds list and no text'),
        (deep, "", ONE, 'the column "question" holds lists or objects'),
        (none, "", ONE, "no rows"),
        (tmp_path / "header.csv", "", ONE, "no rows"),
        (tmp_path / "gone.csv", "", ONE, "there is no file"),
        (tmp_path, "", ONE, "there is no file"),
    ):
        with pytest.raises(TaskError, match=problem) as error:
            read_new_prompts(path, column, template)
        assert str(error.value).count("\n") == 2
