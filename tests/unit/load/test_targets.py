"""Rows where a number or several labels are told: read, checked, divided."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.data import Dataset, Pair
from harness.core.task import Data, Task
from harness.errors import BenchError
from harness.execute.plan import check_words
from harness.load.data import load_dataset
from harness.load.hub import _name_classes
from harness.load.margin import settle_margin

SEVERAL = {"kind": "text-classification", "multi_label": True}
ALIKE = {"kind": "text-similarity"}
NUMBER = {"kind": "text-regression"}


def load(folder: Path, settings: dict[str, Any], lines: str | list[dict[str, Any]], **data: str) -> Dataset:
    name = "rows.csv" if isinstance(lines, str) else "rows.jsonl"
    text = lines if isinstance(lines, str) else "\n".join(map(json.dumps, lines))
    (folder / name).write_text(text)
    return load_dataset(
        Task(name="t", data=Data(train=name, **data), **settings),
        folder,
        override=None,
        seed=0,
        offline=True,  # type: ignore[arg-type]
    )


def fault(*given: Any, **data: str) -> str:
    with pytest.raises(BenchError) as caught:
        load(*given, **data)
    assert len(str(caught.value).splitlines()) == 3
    return str(caught.value)


def numbers(cells: list[object], header: str = "text,score") -> str:
    return "\n".join([header, *(f"a text of number {i},{cell}" for i, cell in enumerate(cells))])


def test_labels_of_a_cell_are_parted_and_an_empty_cell_has_none(tmp_path: Path) -> None:
    cells = ["b;a", "a", "", " a ; a ", "c;b"] * 12
    data = load(tmp_path, SEVERAL, numbers(cells, "text,tags"), separator=";")
    assert data.rows.classes == ("a", "b", "c")
    assert data.rows.labels[:5] == ((0, 1), (0,), (), (0,), (1, 2))
    assert data.rows.target == "labels"
    assert "test rows: 20% drawn by rarest label with seed 0" in data.notes
    tested = [data.rows.strata()[i] for i in data.split.test]
    assert set(tested) == {0, 1, 2, 3}


def test_lists_are_labels_too(tmp_path: Path) -> None:
    rows = [{"text": f"t {i}", "labels": [["x", "y"], [], ["y"]][i % 3]} for i in range(30)]
    assert load(tmp_path, SEVERAL, rows).rows.labels[:3] == ((0, 1), (), (1,))
    assert "set `multi_label: true`" in fault(tmp_path, {"kind": "text-classification"}, rows, label="labels")
    assert _name_classes([[0, 1], [], None], label_names()) == [["a", "b"], [], None]


def label_names() -> Any:
    class Names:
        def int2str(self, value: int) -> str:
            return "ab"[value]

    return Names()


def test_without_any_label_nothing_can_be_learned(tmp_path: Path) -> None:
    assert "no row has any label" in fault(tmp_path, SEVERAL, numbers([""] * 20, "text,tags"), label="tags")


def test_numbers_are_read_in_any_form_and_divided_by_size(tmp_path: Path) -> None:
    data = load(tmp_path, NUMBER, numbers([f"{i / 10}" for i in range(100)]))
    assert data.rows.labels[:3] == (0.0, 0.1, 0.2)
    assert data.rows.classes == ()
    assert data.rows.values() == (0.0, pytest.approx(4.95), 9.9)
    assert "columns inferred: text=text, label=score" in data.notes
    tenths = sorted(data.rows.strata()[i] for i in data.split.test)
    assert tenths == [i // 2 for i in range(20)]
    other = load(tmp_path, NUMBER, numbers([f"{i / 10 + (i == 7)}" for i in range(100)]))
    assert other.digest != data.digest


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["1", "2", "many"] * 10, '"many" is not a number'),
        (["1", "2", "inf"] * 10, '"inf" is not a number'),
        (["3"] * 30, "all rows have the value 3.0"),
    ],
)
def test_what_is_no_number_is_said_in_three_lines(cells: list[object], said: str, tmp_path: Path) -> None:
    assert said in fault(tmp_path, NUMBER, numbers(cells), label="score")


def test_missing_numbers_are_left_out_and_zero_is_none_of_them(tmp_path: Path) -> None:
    data = load(tmp_path, NUMBER, numbers([*range(40), ""]))
    assert len(data.rows) == 40
    assert data.rows.labels[0] == 0.0
    assert "1 of 41 rows lack text or score" in data.warnings[0]


def test_both_texts_are_inferred_where_they_have_usual_names(tmp_path: Path) -> None:
    rows = "\n".join(["sentence1,sentence2,score", *(f"first {i},second {i},{i % 6}" for i in range(60))])
    data = load(tmp_path, ALIKE, rows)
    assert data.rows.inputs[0] == Pair("first 0", "second 0")
    assert data.columns == ("sentence1", "sentence2")
    assert "columns inferred: text=sentence1, text_pair=sentence2, label=score" in data.notes
    assert "no column can be told to be the text" in fault(tmp_path, ALIKE, rows.replace("sentence1", "left"))


def test_the_margin_of_an_error_is_a_hundredth_of_the_deviation(tmp_path: Path) -> None:
    data = load(tmp_path, NUMBER, numbers(list(range(100))))
    task = Task(name="t", kind="text-regression", data=Data(train="rows.csv"))
    settled, noted = settle_margin(task, task, (), data)
    assert settled.margin == 0.29
    assert "margin: 0.29" in noted.notes[-1]
    named = task.model_copy(update={"margin": 2.0}, deep=True)
    assert settle_margin(task, Task(**{**task.model_dump(), "margin": 2.0}), (), data) == (task, data)
    assert settle_margin(named, task, ("margin=2",), data) == (named, data)
    ranked = task.model_copy(update={"metric": "spearman"})
    assert settle_margin(ranked, ranked, (), data) == (ranked, data)


@pytest.mark.parametrize(
    ("settings", "metric"),
    [(SEVERAL, "micro_f1"), (NUMBER, "rmse"), (ALIKE, "spearman"), ({"kind": "image-classification"}, "macro_f1")],
)
def test_every_kind_has_its_metric_and_refuses_those_of_others(settings: dict[str, Any], metric: str) -> None:
    task = {"name": "t", "data": {"train": "x.csv"}, **settings}
    assert Task.model_validate(task).metric == metric
    strange = "spearman" if "classification" in settings["kind"] else "macro_f1"
    with pytest.raises(ValueError, match=f'unknown metric "{strange}"'):
        Task.model_validate({**task, "metric": strange})


@pytest.mark.parametrize(
    ("settings", "technique", "said"),
    [
        (SEVERAL, "zero-shot", "a row can have several labels"),
        (SEVERAL, "entailment", "these have none"),
        (NUMBER, "entailment", "numbers are told"),
        ({"kind": "image-classification"}, "entailment", "these are pictures"),
        (NUMBER, "few-shot", "numbers are told"),
        (NUMBER, "cosine", "the kind of the task is text-regression"),
    ],
)
def test_a_technique_that_cannot_tell_this_is_refused(settings: dict[str, Any], technique: str, said: str) -> None:
    task = Task.model_validate({"name": "t", "data": {"train": "x.csv"}, **settings})
    with pytest.raises(BenchError, match=said):
        check_words((technique,), task, None, has_words=False)
    check_words(("cosine", "knn"), Task.model_validate({"name": "t", "data": {"train": "x.csv"}, **ALIKE}), None, has_words=False)


def test_numbers_have_no_labels() -> None:
    with pytest.raises(ValueError, match="multi_label is for classification"):
        Task.model_validate({"name": "t", "kind": "text-regression", "multi_label": True, "data": {"train": "x.csv"}})
