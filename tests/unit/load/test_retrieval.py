from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.core.data import Dataset
from harness.core.task import Data, Task
from harness.errors import BenchError, Faults
from harness.load.data import load_dataset
from harness.load.tasks import load_task

PAIRS = [(f"question {i} about topic {i % 6}", f"The answer to topic {i % 6}.") for i in range(30)]


def load(folder: Path, *, override: str | None = None, seed: int = 0, **data: Any) -> Dataset:
    task = Task(name="t", kind="retrieval", data=Data(**{"train": "rows.csv", **data}))
    return load_dataset(task, folder, override=override, seed=seed, offline=True)


def table(path: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = ("question", "answer")) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def beir(folder: Path, judgements: Mapping[str, Sequence[tuple[str, str, object]]] | None = None, **files: Any) -> Path:
    """Write a small collection: 8 documents, 12 queries, of which the document of the same number modulo 8 is right."""
    folder.mkdir(exist_ok=True)
    documents = files.get("corpus", [{"_id": f"d{i}", "title": f"Title {i}", "text": f"text {i}"} for i in range(8)])
    queries = files.get("queries", [{"_id": f"q{i}", "text": f"query {i}"} for i in range(12)])
    given = judgements or {
        "train": [(f"q{i}", f"d{i % 8}", 1) for i in range(9)],
        "test": [(f"q{i}", f"d{i % 8}", 2) for i in range(9, 12)],
    }
    for name, rows in (("corpus", documents), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "qrels").mkdir(exist_ok=True)
    for name, triples in given.items():
        lines = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, triple)) for triple in triples)]
        (folder / "qrels" / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    return folder


def faults(*arguments: Any, **options: Any) -> list[str]:
    """Return what each fault says, having seen that each says where it is and what to do."""
    with pytest.raises(BenchError) as caught:
        load(*arguments, **options)
    each = caught.value.faults if isinstance(caught.value, Faults) else (caught.value,)
    assert all(fault.where and fault.hint for fault in each)
    return [fault.what for fault in each]


def right(data: Dataset) -> dict[str, set[str]]:
    """Return the texts of the right documents of each query."""
    assert data.corpus is not None
    grades = zip(data.rows.inputs, data.corpus.grades, strict=True)
    return {str(query): {data.corpus.documents[place] for place in mine} for query, mine in grades}


def test_a_table_gives_queries_and_the_different_documents(tmp_path: Path) -> None:
    table(tmp_path / "rows.csv", PAIRS)
    data = load(tmp_path)
    assert data.corpus is not None
    assert sorted(data.corpus.documents) == sorted({answer for _, answer in PAIRS})
    assert right(data) == {query: {answer} for query, answer in PAIRS}
    assert "columns inferred: query=question, document=answer" in data.notes
    assert sorted((*data.split.rest, *data.split.test)) == list(range(30))
    assert len(data.split.test) == 6


def test_a_query_on_several_rows_has_several_right_documents(tmp_path: Path) -> None:
    table(tmp_path / "rows.csv", [*PAIRS, (PAIRS[0][0], "Another answer.")])
    data = load(tmp_path)
    assert len(data.rows) == 30
    assert right(data)[PAIRS[0][0]] == {PAIRS[0][1], "Another answer."}


def test_columns_by_name_and_a_test_file_of_its_own(tmp_path: Path) -> None:
    table(tmp_path / "rows.csv", PAIRS, ("history", "item"))
    table(tmp_path / "test.csv", [("last", "The answer to topic 1."), ("late", "A new one.")], ("history", "item"))
    data = load(tmp_path, test="test.csv", query="history", document="item")
    assert [data.rows.inputs[i] for i in data.split.test] == ["last", "late"]
    assert data.corpus is not None
    assert "A new one." in data.corpus.documents
    assert not data.drawn_test


def test_groups_stay_on_one_side(tmp_path: Path) -> None:
    rows = [(*pair, f"customer {i % 10}") for i, pair in enumerate(PAIRS)]
    table(tmp_path / "rows.csv", rows, ("question", "answer", "customer"))
    data = load(tmp_path, group="customer")
    sides = [{data.rows.groups[i] for i in part} for part in (data.split.test, *data.split.folds)]
    assert sum(map(len, sides)) == 10
    assert set().union(*sides) == {f"customer {i}" for i in range(10)}


def test_nothing_depends_on_the_order_of_a_file(tmp_path: Path) -> None:
    table(tmp_path / "rows.csv", PAIRS)
    first = load(tmp_path)
    table(tmp_path / "rows.csv", PAIRS[::-1])
    second = load(tmp_path)
    assert first.corpus is not None
    assert second.corpus is not None
    assert first.corpus.documents == second.corpus.documents
    tested = [{str(data.rows.inputs[i]) for i in data.split.test} for data in (first, second)]
    assert tested[0] == tested[1]
    assert {str(load(tmp_path, seed=1).rows.inputs[i]) for i in load(tmp_path, seed=1).split.test} != tested[0]


def test_a_folder_in_the_layout_of_beir(tmp_path: Path) -> None:
    beir(tmp_path / "set")
    data = load(tmp_path, train="set")
    assert data.corpus is not None
    assert "Title 3 text 3" in data.corpus.documents
    assert right(data)["query 11"] == {"Title 3 text 3"}
    assert {data.rows.inputs[i] for i in data.split.test} == {"query 9", "query 10", "query 11"}
    assert [set(data.corpus.grades[i].values()) for i in data.split.test] == [{2.0}] * 3
    assert load(tmp_path, train="none", override=str(tmp_path / "set")).digest == data.digest


def test_one_file_of_judgements_is_divided_by_bench(tmp_path: Path) -> None:
    beir(tmp_path / "set", {"test": [(f"q{i}", f"d{i % 8}", 1) for i in range(12)]})
    data = load(tmp_path, train="set")
    assert data.drawn_test
    assert 0 < len(data.split.test) < 12


def test_a_grade_of_nothing_is_not_right_and_other_files_are_not_used(tmp_path: Path) -> None:
    train = [(f"q{i}", f"d{i % 8}", 1) for i in range(9)] + [("q0", "d7", 0)]
    test = [("q9", "d1", 1), ("q10", "d1", -1), ("q11", "d2", 1)]
    beir(tmp_path / "set", {"train": train, "test": test, "dev": [("q10", "d2", 1)]})
    data = load(tmp_path, train="set")
    assert right(data)["query 0"] == {"Title 0 text 0"}
    assert "query 10" not in data.rows.inputs
    assert any("1 of 12 queries have no right document" in warning for warning in data.warnings)
    assert any("not used: qrels/dev.tsv" in note for note in data.notes)


def test_doubts_are_told(tmp_path: Path) -> None:
    documents = [{"_id": f"d{i}", "text": "" if i == 7 else f"text {min(i, 5)}"} for i in range(8)]
    train = [(f"q{i}", f"d{i % 8}", 1) for i in range(10)]
    beir(tmp_path / "set", {"train": train, "test": [("q9", "d1", 1), ("q10", "d2", 1)]}, corpus=documents)
    told = " | ".join(load(tmp_path, train="set").warnings)
    assert "1 of 12 queries have no judgement; they are left out" in told
    assert "1 of 8 documents repeat the text of another one" in told
    assert "1 of 8 documents are empty" in told
    assert "1 of 2 test queries are also asked among the others" in told


def test_judgements_of_what_is_not_there_are_refused_all_at_once(tmp_path: Path) -> None:
    train = [(f"q{i}", f"d{i % 8}", 1) for i in range(9)]
    beir(tmp_path / "set", {"train": [*train, ("q99", "d1", 1)], "test": [("q9", "d77", 1), ("q9", "d78", 1), ("q10", "d1", 1)]})
    assert faults(tmp_path, train="set") == [
        '2 judgements name ids that corpus.jsonl lacks: "d77", "d78"',
        '1 judgements name ids that queries.jsonl lacks: "q99"',
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"corpus": []}, "the file is empty"),
        ({"corpus": [{"_id": "d0", "text": "a"}] * 2}, '1 ids stand twice: "d0"'),
        ({"queries": [{"_id": "q0", "text": "a"}] * 2}, '1 ids stand twice: "q0"'),
        ({"corpus": [{"id": "d0", "text": "a"}]}, 'there is no key "_id"'),
        ({"corpus": [{"_id": "d0", "text": ["a"]}]}, "1 lines lack an id, or hold what is no text (list)"),
        ({"queries": [{"_id": f"q{i}", "text": "a"} for i in range(20)]}, "8 of 20 queries have no judgement"),
    ],
)
def test_faulty_files_are_refused(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    beir(tmp_path / "set", **change)
    assert said in faults(tmp_path, train="set")


@pytest.mark.parametrize(
    ("triples", "said"),
    [
        ([("q0", "d0", "yes")], "1 judgements lack an id, or a grade that is a number"),
        ([("q0", "d0", 1), ("q0", "d0", 2)], '1 pairs of query and document have two different grades: "q0 and d0"'),
        ([("q0", "d0", 1), ("q1", "d1", 1)], "10 of 12 queries have no judgement"),
    ],
)
def test_faulty_judgements_are_refused(triples: list[tuple[str, str, object]], said: str, tmp_path: Path) -> None:
    beir(tmp_path / "set", {"train": triples})
    assert said in faults(tmp_path, train="set")


def test_an_incomplete_folder_says_what_it_lacks(tmp_path: Path) -> None:
    (beir(tmp_path / "set") / "queries.jsonl").unlink()
    assert faults(tmp_path, train="set") == ["the folder lacks queries.jsonl"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data": {"train": "t", "label": "x"}}, "data.label is not for retrieval"),
        ({"data": {"train": "t", "query": "x", "document": "x"}}, 'data.query and data.document are both "x"'),
        ({"kind": "text-classification", "data": {"train": "t", "query": "x"}}, "data.query is for retrieval"),
        ({"classes": {"a": "b"}}, "classes, prompts and ask are of labels"),
        ({"metric": "evaluate:accuracy"}, "a search finds documents"),
        ({"metric": "macro_f1"}, 'unknown metric "macro_f1"'),
        ({"multi_label": True, "metric": "ndcg@10"}, "unknown metric"),
    ],
)
def test_keys_that_a_search_does_not_have_are_refused(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    content = {"name": "t", "kind": "retrieval", "data": {"train": "t"}, **change}
    (tmp_path / "task.yaml").write_text(json.dumps(content))
    with pytest.raises(BenchError) as caught:
        load_task(str(tmp_path), [])
    assert said in str(caught.value)
    assert "do:    correct it" not in str(caught.value)


def test_tables_that_cannot_be_searched_are_refused(tmp_path: Path) -> None:
    table(tmp_path / "rows.csv", [(query, "always this") for query, _ in PAIRS])
    assert faults(tmp_path) == ["there is a single document, so that every search finds it"]
    table(tmp_path / "rows.csv", PAIRS[:3])
    assert faults(tmp_path) == ["there are 3 different queries with a right document; 5 are the least"]
    table(tmp_path / "rows.csv", [*PAIRS, *((f"open {i}", "") for i in range(20))])
    assert faults(tmp_path) == ["20 of 50 rows lack question or answer"]
    table(tmp_path / "rows.csv", PAIRS, ("left", "right"))
    assert faults(tmp_path) == ["no column can be told to be the query", "no column can be told to be the document"]
    assert faults(tmp_path, query="left", document="wrong") == ['there is no column "wrong"']
