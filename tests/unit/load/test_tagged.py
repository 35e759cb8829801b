"""Sentences of tagged words: every form of data, every scheme, and what is wrong with each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.core.data import Dataset, Sentence
from harness.core.task import Task
from harness.errors import BenchError
from harness.load.data import load_dataset
from harness.load.new_sentences import read_new_sentences
from harness.load.spans import Cut, cut, find_words
from harness.load.tag_schemes import to_iob2

WORDS = ("Ann", "Lee", "flew", "to", "Rome", ".")
TAGS = ("B-person", "I-person", "O", "O", "B-place", "O")
MANY = 12


def load(folder: Path, name: str, *, test: str | None = None, **data: str) -> Dataset:
    given = {"train": name, **({"test": test} if test else {}), **data}
    task = Task.model_validate({"name": "t", "kind": "token-classification", "data": given})
    return load_dataset(task, folder, override=None, seed=0, offline=True)


def conll(rows: list[tuple[tuple[str, ...], tuple[str, ...]]], *, blank: str = "\t") -> str:
    return "\n\n".join("\n".join(f"{word}{blank}{tag}" for word, tag in zip(*row, strict=True)) for row in rows) + "\n"


def different(count: int = MANY, tags: tuple[str, ...] = TAGS) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return [((f"{WORDS[0]}{i}", *WORDS[1:]), tags) for i in range(count)]


def named(data: Dataset) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    names = data.rows.names
    return [(tuple(words), tuple(names[t] for t in tags)) for words, tags in zip(data.rows.inputs, data.rows.labels, strict=True)]  # type: ignore[arg-type, union-attr]


@pytest.mark.parametrize("form", ["rows.conll", "rows.txt", "rows.tsv", "rows.jsonl", "texts.jsonl", "spans.jsonl", "rows.csv"])
def test_every_form_of_data_gives_the_same_sentences(tmp_path: Path, form: str) -> None:
    rows = different()
    lines: list[dict[str, object]] = []
    for words, tags in rows:
        end = len(words[0]) + 4
        spans: list[object] = [{"start": 0, "end": end, "label": "person"}, [end + 9, end + 13, "place"]]
        lines.append(
            {"text": " ".join(words), "entities": spans}
            if form == "spans.jsonl"
            else {"tokens": " ".join(words), "tags": " ".join(tags)}
            if form == "texts.jsonl"
            else {"tokens": words, "ner_tags": tags}
        )
    content = {
        "rows.conll": "-DOCSTART- -X- -X- O\n\n"
        + "\n\n".join("\n".join(f"{w} NN x {t}" for w, t in zip(*row, strict=True)) for row in rows),
        "rows.txt": conll(rows, blank=" "),
        "rows.tsv": "# a comment\n" + conll(rows),
        "rows.csv": "text,labels\n" + "\n".join(f"{' '.join(words)},{' '.join(tags)}" for words, tags in rows),
    }.get(form, "\n".join(map(json.dumps, lines)))
    (tmp_path / form).write_text(content)
    data = load(tmp_path, form)
    assert named(data) == rows
    assert all(isinstance(one, Sentence) for one in data.rows.inputs)
    assert data.rows.classes == ("person", "place")
    assert data.rows.sizes() == (MANY, MANY)
    assert any(f"{2 * MANY} entities in {MANY} sentences" in note for note in data.notes)


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("IOB2", ["B-a", "I-a", "B-a", "O", "B-b"]),
        ("IOB1", ["I-a", "I-a", "B-a", "O", "I-b"]),
        ("BIOES", ["B-a", "E-a", "S-a", "O", "S-b"]),
        ("BILOU", ["B-a", "L-a", "U-a", "O", "U-b"]),
    ],
)
def test_every_scheme_is_brought_to_iob2(scheme: str, tags: list[str]) -> None:
    found = to_iob2([tags, ["O"]])
    assert (found.tags[0], found.scheme, found.mended) == (["B-a", "I-a", "B-a", "O", "B-b"], scheme, 0)


@pytest.mark.parametrize("are_numbers", [False, True])
def test_lists_in_parquet_are_read_and_numbers_have_the_names_that_datasets_wrote(tmp_path: Path, *, are_numbers: bool) -> None:
    import datasets

    names = ["O", "B-person", "I-person", "B-place"]
    tags = [[names.index(tag) for tag in row[1]] if are_numbers else list(row[1]) for row in different()]
    told = datasets.ClassLabel(names=names) if are_numbers else datasets.Value("string")
    features = datasets.Features({"tokens": datasets.List(datasets.Value("string")), "ner_tags": datasets.List(told)})
    rows = {"tokens": [list(row[0]) for row in different()], "ner_tags": tags}
    datasets.Dataset.from_dict(rows, features).to_parquet(tmp_path / "rows.parquet")
    assert named(load(tmp_path, "rows.parquet")) == different()


def test_an_entity_that_was_never_begun_begins_and_is_counted(tmp_path: Path) -> None:
    broken = ("O", "I-person", "O", "O", "B-place", "O")
    (tmp_path / "rows.conll").write_text(conll([*different(), *different(2, broken)]))
    data = load(tmp_path, "rows.conll")
    assert any("2 tags go on with an entity that was never begun" in one for one in data.warnings)
    assert named(data)[-1][1] == ("O", "B-person", "O", "O", "B-place", "O")


def test_sentences_of_one_document_stay_together(tmp_path: Path) -> None:
    parts = [f"-DOCSTART-\tO\n\n{conll([one, ((*one[0], '!'), (*one[1], 'O'))])}" for one in different(15)]
    (tmp_path / "rows.conll").write_text("\n".join(parts))
    data = load(tmp_path, "rows.conll")
    assert len(set(data.rows.groups)) == 15
    assert {data.rows.groups[i] for i in data.split.test}.isdisjoint(data.rows.groups[i] for i in data.split.rest)


def test_a_span_within_a_word_is_widened_with_a_warning(tmp_path: Path) -> None:
    assert cut("Unfortunately Anna-Lee", [[14, 17, "p"]]).tags == ["O", "B-p", "O", "O"]
    lines = [{"text": f"Ann{i} is here", "entities": [[0, 2, "person"]]} for i in range(MANY)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    data = load(tmp_path, "rows.jsonl")
    assert any(f"{MANY} rows have spans that begin or end within a word" in one for one in data.warnings)


def test_test_rows_and_their_types_are_those_of_training(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text(conll(different()))
    (tmp_path / "test.conll").write_text(conll(different(3)))
    assert len(load(tmp_path, "train.conll", test="test.conll").split.test) == 3
    (tmp_path / "test.conll").write_text(conll(different(3, ("B-animal", *TAGS[1:]))))
    with pytest.raises(BenchError, match="types of entities that training lacks") as caught:
        load(tmp_path, "train.conll", test="test.conll")
    assert '"animal"' in str(caught.value)


SPAN = {"text": "Ann is here", "entities": [[0, 3, "person"]]}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ([{"tokens": ["a", "b"], "tags": ["O"]}], "there are 2 words and 1 tags"),
        ([{"tokens": ["a"], "tags": ["person"]}], '"person" is no tag'),
        ([{"tokens": ["a"], "tags": [3]}], '"3" is no tag'),
        ([{"tokens": ["a"], "tags": [{"a": 1}]}], "the tags are a list of other things than texts"),
        ([{**SPAN, "entities": [[0, 3, "a"], [1, 6, "b"]]}], "overlaps with the one before it"),
        ([{**SPAN, "entities": [[0, 30, "a"]]}], "a span goes from 0 to 30, and the text has 11 characters"),
        ([{**SPAN, "entities": [[3, 4, "a"]]}], "holds no word"),
        ([{**SPAN, "entities": [["x"]]}], "names no start, end and label"),
        ([{"tokens": ["a"], "tags": ["O"]}] * 3, "no sentence has an entity"),
        ([{"name": "a", "value": "b"}], "no column can be told to be the words or text"),
        ([{"tokens": [], "tags": []}], "rows lack tokens or tags"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_what_to_do(tmp_path: Path, content: list[object], what: str) -> None:
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, content)))
    with pytest.raises(BenchError, match=what.replace('"', ".")) as caught:
        load(tmp_path, "rows.jsonl")
    told = str(caught.value).splitlines()
    assert any(line.startswith("where:") and "rows.jsonl" in line for line in told)
    assert any(line.startswith("do:") for line in told)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "the file is empty"),
        ("a\tO\nb\n", "line 2"),
        ("-DOCSTART- O\n", "the file is empty"),
        ("a O\n", "no sentence has an entity"),
    ],
)
def test_a_faulty_file_of_conll_is_told_by_its_line(tmp_path: Path, content: str, what: str) -> None:
    (tmp_path / "rows.conll").write_text(content)
    with pytest.raises(BenchError, match=what):
        load(tmp_path, "rows.conll")


def test_comments_are_no_words_and_a_sign_is_no_comment(tmp_path: Path) -> None:
    for blank in ("\t", " "):
        rows = [*different(), (("#", "1", "Rome", "#"), ("O", "O", "B-place", "O"))]
        texts = conll(rows, blank=blank).split("\n\n")
        # As in MultiCoNER: a line before each sentence, with a tab whatever parts the columns.
        (tmp_path / "rows.conll").write_text("\n\n".join(f"# id {i}\tdomain=en\n{one}" for i, one in enumerate(texts)))
        assert named(load(tmp_path, "rows.conll")) == rows
    wide = "\n\n".join(f"# id {i}\tdomain=en\nAnn{i} _ _ B-person\nsleeps _ _ O" for i in range(MANY))
    (tmp_path / "rows.conll").write_text(wide)
    assert named(load(tmp_path, "rows.conll"))[1] == (("Ann1", "sleeps"), ("B-person", "O"))


def test_a_blank_of_another_kind_is_a_word_beside_a_tab(tmp_path: Path) -> None:
    (tmp_path / "rows.conll").write_text(conll(different()).replace("to\tO", "\u00a0\tO"))
    found = named(load(tmp_path, "rows.conll"))
    assert [len(words) for words, _ in found] == [6] * MANY
    assert found[0][1] == TAGS


def test_marks_go_on_with_a_word() -> None:
    for text in ("हिन्दी", "Jose\u0301", "می\u200cخواهم", "ที่", "❤\ufe0f"):
        assert find_words(text) == [(0, len(text))]
    assert cut("किताब, दिल्ली", [[7, 13, "place"]]) == Cut(["किताब", ",", "दिल्ली"], ["O", "O", "B-place"], 0)


@pytest.mark.parametrize(("form", "words"), [("blanks", ["don't", "go."]), ("spans", ["don", "'", "t", "go", "."])])
def test_new_texts_are_cut_as_those_of_training(tmp_path: Path, form: str, words: list[str]) -> None:
    lines: list[dict[str, object]] = [
        {"text": f"Ann{i} didn't go.", "tags": "B-person O O"}
        if form == "blanks"
        else {"text": f"Ann{i} didn't go.", "tags": [[0, 3 + len(str(i)), "person"]]}
        for i in range(MANY)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    data = load(tmp_path, "rows.jsonl")
    assert data.parted == (form == "blanks")
    (tmp_path / "new.jsonl").write_text(json.dumps({"text": "don't  go."}))
    found = read_new_sentences(tmp_path / "new.jsonl", "", "text", parted=data.parted)
    assert found.inputs == (Sentence(words),)
    assert ["don't  go."[start:end] for start, end in found.spans[0]] == words
