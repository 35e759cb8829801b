"""Tasks that are inferred from rows: what kind, which columns, which rows are for test, and where two readings are as likely."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from harness.core.draft import Draft
from harness.core.task import Data
from harness.errors import BenchError
from harness.load.cells import read_cells
from harness.load.draft import Asked, draft_task
from harness.load.faults import each_fault
from harness.load.workspace import Workspace
from harness.store.task_files import _KEYS

N = 40
TEXTS = [f"message number {i} about something" for i in range(N)]
ANSWERS = [f"a rather long answer, the {i}th of them" for i in range(N)]
AB = ["ab"[i % 2] for i in range(N)]
TAGS = [["O", "B-name" if i % 2 else "O", "O", "B-place"] for i in range(N)]
CODES, MARKS, SHARES = [3 * (i % 2) for i in range(N)], [i % 5 for i in range(N)], [i / 10 for i in range(N)]
LETTERS = ["ABC"[i % 3] for i in range(N)]


def write(path: Path, rows: dict[str, Any]) -> Path:
    """Write columns as a file of the suffix's format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [dict(zip(rows, cells, strict=True)) for cells in zip(*rows.values(), strict=True)]
    with path.open("w", newline="") as file:
        if path.suffix == ".jsonl":
            file.write("\n".join(map(json.dumps, lines)))
        else:
            csv.writer(file).writerows([list(rows), *(line.values() for line in lines)])
    return path


def draft(place: Path, **asked: Any) -> Draft:
    """Draft a task called `t` of rows in its folder, `tasks/t` of the workspace."""
    root = next((parent.parent.parent for parent in (place, *place.parents) if parent.parent.name == "tasks"), place.parent)
    return draft_task(Asked("t", str(place), **asked), [Workspace("user", root)])


def columns(found: Draft) -> dict[str, Any]:
    return found.task.data.model_dump(exclude_defaults=True, exclude={"train", "test"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tasks" / "t").mkdir(parents=True)
    return tmp_path.resolve() / "tasks" / "t"


@pytest.mark.parametrize(
    ("rows", "kind", "keys"),
    [
        ({"text": TEXTS, "category": AB}, "text-classification", {"text": "text", "label": "category"}),
        ({"id": range(N), "Utterance": TEXTS, "class": CODES}, "text-classification", {"text": "Utterance", "label": "class"}),
        ({"a": TEXTS, "b": AB}, "text-classification", {"text": "a", "label": "b"}),
        (
            {"sentence1": TEXTS, "sentence2": ANSWERS, "label": CODES},
            "text-classification",
            {"text": "sentence1", "text_pair": "sentence2", "label": "label"},
        ),
        (
            {"sentence1": TEXTS, "sentence2": ANSWERS, "score": SHARES},
            "text-similarity",
            {"text": "sentence1", "text_pair": "sentence2", "label": "score"},
        ),
        ({"review": TEXTS, "price": range(N)}, "text-regression", {"text": "review", "label": "price"}),
        ({"text": TEXTS, "label": SHARES}, "text-regression", {"text": "text", "label": "label"}),
        ({"text": TEXTS, "a": SHARES}, "text-regression", {"text": "text", "label": "a"}),
        ({"source": TEXTS, "target": [[one] for one in ANSWERS]}, "generation", {"prompt": "source", "reference": "target"}),
        ({"article": TEXTS, "summary": ANSWERS}, "generation", {"prompt": "article", "reference": "summary"}),
        ({"query": TEXTS, "passage": ANSWERS}, "retrieval", {"query": "query", "document": "passage"}),
        (
            {"question": TEXTS, "choices": [["x", "y", "z"]] * N, "answer": LETTERS},
            "multiple-choice",
            {"text": "question", "options": ("choices",), "label": "answer"},
        ),
        (
            {"question": TEXTS, "A": ["x"] * N, "B": ["y"] * N, "C": ["z"] * N, "answer": LETTERS},
            "multiple-choice",
            {"text": "question", "options": ("A", "B", "C"), "label": "answer"},
        ),
        (
            {"tokens": [["it", "is", f"w{i}", "there"] for i in range(N)], "ner_tags": TAGS},
            "token-classification",
            {"text": "tokens", "label": "ner_tags"},
        ),
        ({"text": TEXTS, "entities": [[[0, 7, "thing"]]] * N}, "token-classification", {"text": "text", "label": "entities"}),
    ],
)
def test_kinds_that_columns_show(folder: Path, rows: dict[str, Any], kind: str, keys: dict[str, Any]) -> None:
    found = draft(write(folder / "rows.jsonl", rows))
    assert (found.task.kind, found.task.multi_label, columns(found)) == (kind, False, keys)
    assert found.task.data.train == "rows.jsonl"
    assert found.task.data.test is None
    assert found.found["test"].startswith("20% of the ")


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["a|b", "b", "", "a|c", "c"] * 8, "|"),
        (["a; b", "b", "", "a; c", "c"] * 8, ";"),
        (["a, b", "b", "", "a, c", "c"] * 8, ","),
        ([["a", "b"], ["b"], [], ["a"], ["b"]] * 8, "|"),
    ],
)
def test_several_labels(folder: Path, cells: list[Any], separator: str) -> None:
    found = draft(write(folder / "rows.jsonl", {"text": TEXTS, "topics": cells}))
    assert (found.task.kind, found.task.multi_label) == ("text-classification", True)
    assert (found.task.data.label, found.task.data.separator) == ("topics", separator)
    assert found.task.metric == "micro_f1"


@pytest.mark.parametrize(
    ("name", "cells", "told"),
    [
        ("label", ["Health, Beauty", "Toys"] * 9, "class"),
        ("topics", ["Health, Beauty", "Toys"] * 9, "class"),
        ("category", ["a, b", "b", "a, c", "c"] * 9, "class"),
        ("topics", ["a, b", "b", "a, c", "c"] * 9, "labels"),
        ("label", list(range(9)) * 9, "class"),
        ("label", list(range(77)) * 9, "class"),
        ("label", [100 * i for i in range(77)] * 9, "either"),
        ("label", list(range(77)), "either"),
        ("stars", [1, 2, 3, 4, 5] * 9, "either"),
        ("price", list(range(90)), "number"),
        ("is_spam", ["0", "1"] * 9, "class"),
        ("is_spam", [True, False] * 9, "class"),
        ("score", ["0.5", "1"] * 9, "number"),
        ("label", ["1"] * 9 + ["x"] * 9, "class"),
        ("label", [*map(str, range(2500)), "x"], "nothing"),
        ("label", TEXTS, "nothing"),
        ("label", [{"a": 1}] * 9, "nothing"),
        ("label", [], "nothing"),
        ("tags", [["a", "b"], "b"] * 9, "labels"),
        ("tags", [[{"a": 1}], "b"] * 9, "nothing"),
        ("tags", [[f"a{i}"] for i in range(9)], "nothing"),
    ],
)
def test_what_cells_hold(name: str, cells: list[Any], told: str) -> None:
    assert read_cells(name, cells).told == told


def test_a_column_too_long_to_be_read_whole_is_sampled_throughout() -> None:
    assert read_cells("column 2", ["a"] * 50_000 + ["b"] * 50_000).told == "class"


@pytest.mark.parametrize(
    ("rows", "what", "do"),
    [
        (
            {"text": TEXTS, "intent": AB, "category": AB},
            'which column is the label is ambiguous: "category" or "intent"',
            "--label category or --label intent",
        ),
        ({"text": TEXTS, "my a": AB, "b": AB}, "which column is the label is ambiguous", "--label 'my a' or --label b"),
        (
            {"review": TEXTS, "content": TEXTS, "label": AB},
            "which column is the text is ambiguous",
            "name it with --text (columns: ",
        ),
        (
            {"text": TEXTS, "stars": MARKS},
            "which may be classes or amounts",
            "--kind text-classification, or --kind text-regression",
        ),
        ({"s1": TEXTS, "s2": TEXTS, "stars": MARKS}, "which may be classes or amounts", "--kind text-similarity"),
        ({"question": TEXTS, "answer": ANSWERS}, "fit several kinds", "--kind retrieval or generation"),
        (
            {"question": TEXTS, "answer": ANSWERS, "category": AB},
            "fit several kinds",
            "--kind text-classification, retrieval or generation",
        ),
        ({"text": TEXTS, "other": ANSWERS}, "cannot be told", "--label"),
        (
            {"image": ["a.png"] * N, "caption": TEXTS, "label": AB},
            "fit several kinds",
            "--kind text-classification, image-classification or image-text-retrieval",
        ),
    ],
)
def test_two_readings_are_asked_about(folder: Path, rows: dict[str, Any], what: str, do: str) -> None:
    with pytest.raises(BenchError) as caught:
        draft(write(folder / "rows.jsonl", rows))
    assert what in caught.value.what
    assert do in caught.value.hint
    assert len(str(caught.value).split("\n")) == 3


@pytest.mark.parametrize(
    ("rows", "asked", "settled"),
    [
        (
            {"text": TEXTS, "intent": AB, "category": AB},
            {"label": "intent"},
            ("text-classification", {"text": "text", "label": "intent"}),
        ),
        ({"text": TEXTS, "stars": MARKS}, {"kind": "text-regression"}, ("text-regression", {"text": "text", "label": "stars"})),
        (
            {"text": TEXTS, "stars": MARKS},
            {"kind": "text-classification"},
            ("text-classification", {"text": "text", "label": "stars"}),
        ),
        ({"question": TEXTS, "answer": ANSWERS}, {"kind": "retrieval"}, ("retrieval", {"query": "question", "document": "answer"})),
        (
            {"question": TEXTS, "answer": ANSWERS},
            {"kind": "generation"},
            ("generation", {"prompt": "question", "reference": "answer"}),
        ),
        (
            {"a": TEXTS, "b": ANSWERS},
            {"kind": "retrieval", "text": ("a",), "label": "b"},
            ("retrieval", {"query": "a", "document": "b"}),
        ),
        (
            {"a": TEXTS, "b": ANSWERS},
            {"kind": "generation", "text": ("b",), "label": "a"},
            ("generation", {"prompt": "b", "reference": "a"}),
        ),
        (
            {"a": TEXTS, "b": ANSWERS, "c": AB},
            {"text": ("b", "a")},
            ("text-classification", {"text": "b", "text_pair": "a", "label": "c"}),
        ),
        (
            {"question": TEXTS, "answer": ANSWERS, "category": AB},
            {"label": "category"},
            ("text-classification", {"text": "question", "label": "category"}),
        ),
        (
            {"text": TEXTS, "score": SHARES, "label": AB},
            {"kind": "text-regression"},
            ("text-regression", {"text": "text", "label": "score"}),
        ),
    ],
)
def test_options_decide(folder: Path, rows: dict[str, Any], asked: dict[str, Any], settled: tuple[str, dict[str, str]]) -> None:
    found = draft(write(folder / "rows.csv", rows), **asked)
    assert (found.task.kind, columns(found)) == settled
    assert found.found["kind"].startswith("as asked") == ("kind" in asked)


@pytest.mark.parametrize(
    ("asked", "what", "where"),
    [
        ({"label": "topc"}, 'there is no column "topc"', "--label; "),
        ({"text": ("txt",)}, 'there is no column "txt"', "--text; "),
        ({"text": ("text", "topic", "other")}, "more than two columns", "--text"),
        ({"text": ("text", "topic"), "label": "text"}, 'the column "text" is named twice', "--text, --label"),
        ({"kind": "text-clasification"}, 'unknown kind "text-clasification"', "--kind"),
        ({"metric": "acuracy"}, 'unknown metric "acuracy"', "--metric"),
        ({"metric": "rmse", "kind": "text-classification"}, 'unknown metric "rmse"', "--metric"),
        ({"label": "text"}, "holds neither classes nor numbers", "rows.csv"),
        ({"kind": "text-similarity"}, "no column can be told to be the text", "rows.csv"),
        ({"kind": "retrieval"}, "no column can be told to be the document", "rows.csv"),
        (
            {"kind": "multiple-choice"},
            "no column can be told to hold the options",
            "name it in a task.yaml of your own: data: {options: …}",
        ),
        ({"kind": "generation"}, "no column can be told to be the reference", "name it with --label (columns: "),
    ],
)
def test_options_that_do_not_fit(folder: Path, asked: dict[str, Any], what: str, where: str) -> None:
    write(folder / "rows.csv", {"text": TEXTS, "topic": AB})
    with pytest.raises(BenchError) as caught:
        draft(folder / "rows.csv", **asked)
    assert what in str(caught.value)
    assert where in str(caught.value)
    assert "task.yaml" not in str(caught.value).replace("a task.yaml of your own", "")


@pytest.mark.parametrize(
    ("name", "what"), [("My Task", "is not a valid name"), ("..", "is not a valid name"), ("taken", "there is a task or suite")]
)
def test_names(folder: Path, name: str, what: str) -> None:
    (folder.parent / "other").mkdir()
    (folder.parent / "other" / "task.yaml").write_text("name: taken\n")
    with pytest.raises(BenchError, match=what):
        draft_task(
            Asked(name, str(write(folder / "rows.csv", {"text": TEXTS, "label": AB}))), [Workspace("user", folder.parents[1])]
        )


def test_rows_outside_are_copied_if_asked(folder: Path, tmp_path: Path) -> None:
    place = write(tmp_path / "far" / "rows.csv", {"text": TEXTS, "label": AB})
    asked = Asked("t", str(place))
    with pytest.raises(BenchError, match="the rows lie outside") as caught:
        draft_task(asked, [Workspace("user", folder.parents[1])])
    assert "--copy" in caught.value.hint
    found = draft_task(Asked("t", str(place), copies=True), [Workspace("user", folder.parents[1])])
    assert (found.task.data.train, dict(found.copied)) == ("rows.csv", {"rows.csv": place.resolve()})


def test_a_link_that_leads_outside_is_outside(folder: Path, tmp_path: Path) -> None:
    (folder / "rows.csv").symlink_to(write(tmp_path / "far.csv", {"text": TEXTS, "label": AB}))
    with pytest.raises(BenchError, match="the rows lie outside"):
        draft(folder / "rows.csv")
    with pytest.raises(BenchError, match="leaves the task folder"):
        draft(folder)


def test_the_test_set_of_a_folder(folder: Path) -> None:
    for part in ("train", "test", "dev"):
        write(folder / "data" / f"{part}.csv", {"text": [f"{part} {one}" for one in TEXTS], "label": AB})
    found = draft(folder / "data")
    assert (found.task.data.train, found.task.data.test) == ("data/train.csv", "data/test.csv")
    assert found.found["test"] == "data/test.csv is the test set, 40 rows"
    assert any("dev.csv" in note for note in found.notes)
    alone = draft(folder / "data" / "train.csv")
    assert alone.task.data.test is None
    assert any(note.startswith("test.csv lies beside train.csv") for note in alone.notes)


def test_several_files_of_training_rows_stay_a_folder(folder: Path) -> None:
    for part in ("train-0", "train-1", "test"):
        write(folder / "data" / f"{part}.csv", {"text": [f"{part} {one}" for one in TEXTS], "label": AB})
    found = draft(folder / "data")
    assert (found.task.data.train, found.task.data.test) == ("data", None)
    assert found.found["test"] == "the data's own test part is the test set, 40 rows"


@pytest.mark.parametrize("name", ["x.conll", "x.tsv", "x.txt", "train.conll"])
def test_columns_of_conll(folder: Path, name: str) -> None:
    (folder / name).write_text("".join(f"Ann{i}\tB-name\nleft\tO\n\n" for i in range(N)))
    for place in (folder / name, folder):
        found = draft(place)
        assert (found.task.kind, columns(found), found.task.data.train) == ("token-classification", {}, name)


def test_a_table_parted_by_tabs_without_a_header(folder: Path) -> None:
    for first, second in (("ham", "spam"), ("B-12", "B-34")):
        (folder / "x.tsv").write_text("".join(f"message {i}\t{first if i % 3 else second}\n" for i in range(N)))
        found = draft(folder / "x.tsv")
        assert (found.task.kind, columns(found)) == ("text-classification", {"text": "column 1", "label": "column 2"})


def test_the_layout_of_beir(folder: Path) -> None:
    (folder / "qrels").mkdir()
    write(folder / "corpus.jsonl", {"_id": [f"d{i}" for i in range(N)], "text": ANSWERS})
    write(folder / "queries.jsonl", {"_id": [f"q{i}" for i in range(N)], "text": TEXTS})
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(f"q{i}\td{i}\t1\n" for i in range(N)))
    found = draft(folder)
    assert (found.task.kind, columns(found), found.task.data.train) == ("retrieval", {}, ".")


def write_pictures(folder: Path) -> list[str]:
    names = [f"{'ab'[i % 2]}/{i}.png" for i in range(N)]
    for i, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (i, i, i)).save(folder / name)
    return names


def test_pictures(folder: Path, tmp_path: Path) -> None:
    names = write_pictures(folder / "p" / "train")
    found = draft(folder / "p")
    assert (found.task.kind, columns(found), found.task.data.train) == ("image-classification", {}, "p/train")
    table = write(folder / "p" / "train" / "rows.csv", {"file": names, "label": AB})
    found = draft(table)
    assert (found.task.kind, columns(found)) == ("image-classification", {"image": "file", "label": "label"})
    found = draft(write(folder / "p" / "train" / "rows.jsonl", {"image": names, "captions": [[one, one[::-1]] for one in TEXTS]}))
    assert (found.task.kind, columns(found)) == ("image-text-retrieval", {"image": "image", "text": "captions"})
    with pytest.raises(BenchError, match="pictures that would not be copied"):
        draft_task(Asked("other", str(table), copies=True), [Workspace("user", tmp_path)])


def test_columns_that_are_not_read_are_told(folder: Path) -> None:
    more = {f"c{i}": TEXTS for i in range(9)} | {"url": [f"https://example.org/{i}.png" for i in range(N)]}
    found = draft(write(folder / "rows.csv", {"text": TEXTS, "label": AB} | more))
    assert (found.task.kind, columns(found)) == ("text-classification", {"text": "text", "label": "label"})
    assert found.notes == (f"columns not read: {', '.join(chr(34) + f'c{i}' + chr(34) for i in range(8))} and 2 more",)
    assert draft(write(folder / "rows.csv", {"text": TEXTS, "label": AB})).notes == ()


def test_lists_of_labels_that_hardly_come_back_are_several_labels_if_the_kind_is_named(folder: Path) -> None:
    rows = write(folder / "rows.jsonl", {"text": TEXTS, "label": [["x"] if i % 2 else [f"u{i}", f"v{i}"] for i in range(N)]})
    assert draft(rows, kind="text-classification").task.multi_label


def test_codes_are_to_be_described(folder: Path) -> None:
    found = draft(write(folder / "rows.csv", {"text": TEXTS, "label": [i % 3 for i in range(N)]}))
    assert found.codes == ("0", "1", "2")
    assert draft(write(folder / "rows.csv", {"text": TEXTS, "label": ["good", "bad"] * (N // 2)})).codes == ()


@pytest.mark.parametrize("name", ["", "nowhere.csv"])
def test_rows_that_are_not_there(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(BenchError, match="there is no file or folder"):
        draft_task(Asked("t", name), [Workspace("user", folder.parents[1])])


def test_a_folder_without_rows(folder: Path) -> None:
    with pytest.raises(BenchError, match="holds no file of rows") as caught:
        draft(folder)
    assert "pictures in a folder for each class" in caught.value.hint


def test_every_key_of_a_guess_is_one_of_data() -> None:
    assert set(_KEYS) < set(Data.model_fields)


NAMES = [
    "text",
    "label",
    "labels",
    "image",
    "tokens",
    "ner_tags",
    "entities",
    "question",
    "answer",
    "choices",
    "A",
    "B",
    "score",
    "source",
]
CELLS = st.one_of(
    st.none(),
    st.text("ab|;, ", max_size=12),
    st.integers(-3, 3),
    st.floats(),
    st.booleans(),
    st.lists(st.text("ab", max_size=3), max_size=3),
    st.just({"a": 1}),
    st.sampled_from(["O", "B-a", "a.png", "https://x/a.png", TEXTS[0], [[0, 3, "a"]]]),
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(columns=st.dictionaries(st.sampled_from(NAMES), st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_any_rows_give_a_task_or_an_error_of_three_lines(folder: Path, columns: dict[str, list[Any]]) -> None:
    rows = [{name: cells[i % len(cells)] for name, cells in columns.items()} for i in range(30)]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)).replace("Infinity", "1"))
    try:
        found = draft(folder / "rows.jsonl")
    except BenchError as error:
        for fault in each_fault(error):
            assert len(str(fault).split("\n")) == 3, fault
    else:
        named = [found.task.data.text, found.task.data.label, found.task.data.prompt, *found.task.data.options]
        assert set(filter(None, named)) <= set(columns)
