from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import Faults, TaskError
from harness.load import delimited
from harness.load.delimited import has_header, read_delimited
from harness.load.table import Table


def read(tmp_path: Path, text: Any, name: str = "d.csv", names: tuple[str, ...] = ("text", "label")) -> Table:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_delimited(path, names)


def test_columns_lines_and_quotes(tmp_path: Path) -> None:
    table = read(tmp_path, 'text,label\n"a, b",x\n\n"two\nlines ""quoted""",y\nlast,x\n')
    assert table.columns == {"text": ["a, b", 'two\nlines "quoted"', "last"], "label": ["x", "y", "x"]}
    assert table.lines == [2, 4, 6]
    assert table.place(1).endswith("d.csv, line 4")
    assert table.notes == ()


@pytest.mark.parametrize("separator", [",", ";", "|", "\t"])
def test_the_separator_is_found(tmp_path: Path, separator: str) -> None:
    text = (
        f"text{separator}label\nHello, you{separator}x\nBye{separator}y\n"
        if separator != ","
        else 'text,label\n"Hello, you",x\nBye,y\n'
    )
    assert read(tmp_path, text).columns == {"text": ["Hello, you", "Bye"], "label": ["x", "y"]}


def test_windows_files(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbftext,label\r\na,x\r\nb,y\r\n").columns == {"text": ["a", "b"], "label": ["x", "y"]}


def test_a_tsv_file_without_quoting(tmp_path: Path) -> None:
    table = read(tmp_path, 'ham\t"Hello he said\nspam\tWIN "now"\nham\tbye\nspam\tfree\n', "d.tsv")
    assert table.columns["column 2"] == ['"Hello he said', 'WIN "now"', "bye", "free"]
    assert any("quotes are part" in note for note in table.notes)


def test_only_a_line_feed_ends_a_line_of_a_tsv_file(tmp_path: Path) -> None:
    table = read(tmp_path, 'ham\t"a\u2028b\x0cc\r\nspam\td\r\nham\te\r\n', "d.tsv")
    assert table.columns["column 2"] == ['"a\u2028b\x0cc', "d", "e"]


def test_a_tsv_file_with_quoting(tmp_path: Path) -> None:
    assert read(tmp_path, 'text\tlabel\n"a ""b"""\tx\nc\ty\n', "d.tsv").columns["text"] == ['a "b"', "c"]


def test_a_long_text_is_read_and_the_limit_of_csv_is_put_back(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    assert len(str(read(tmp_path, "text,label\n" + "a" * 200_000 + ",x\nb,y\n").columns["text"][0])) == 200_000
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["text", "label"], ["a", "x"], ["b", "x"]], True),
        ([["Frage", "Klasse"], ["Wo?", "a"], ["Wann?", "b"]], True),
        ([["ham", "Hi"], ["spam", "WIN"], ["ham", "Yo"], ["spam", "FREE"]], False),
        ([["0", "Hi"], ["1", "WIN"], ["0", "Yo"], ["1", "FREE"]], False),
        ([["0", "1"], ["Hi", "1"], ["WIN", "0"], ["Yo", "1"]], True),  # what pandas writes for nameless columns
        ([["spam", "message"], ["spam", "WIN"], ["ham", "Yo"], ["spam", "FREE"]], True),  # a known name settles it
        ([["Frage", "Klasse"], ["Frage", "a"], ["Wann?", "b"], ["Wo?", "a"], ["Wie?", "b"]], True),  # a text like its column's name
        ([["Hello", "Hello"], ["a", "b"]], False),
        ([["", "frage", "klasse"], ["0", "Wo?", "a"], ["1", "Wann?", "a"]], True),  # an index column
    ],
)
def test_header_or_data(rows: list[list[str]], expected: object) -> None:
    assert has_header(rows, ("text", "label", "message")) is expected


def test_a_file_without_header_names_its_columns_and_says_so(tmp_path: Path) -> None:
    table = read(tmp_path, "Hi,x\nYo,y\nWo,x\nHo,y\n")
    assert list(table.columns) == ["column 1", "column 2"]
    assert table.lines == [1, 2, 3, 4]
    assert any("no header line" in note for note in table.notes)


@pytest.mark.parametrize(
    ("text", "what", "place"),
    [
        ("", "the file is empty", "d.csv"),
        ("text,label\n", "the file has a header line and no rows", "d.csv"),
        ("text,label\na,x\nb,y,z\n", "3 fields in a row, 2 in the first", "d.csv, line 3"),
        ("text,label\na\n", "1 fields in a row, 2 in the first", "d.csv, line 2"),
        ("text,text\na,x\n", 'two columns are called "text"', "d.csv, line 1"),
        ('text,label\na,x\n"b"c,y\n', "the row cannot be read", "d.csv, line 3"),
        ('text,label\na,x\nb,y\n"open,y\n', "the row cannot be read", "d.csv, line 4"),
        (b"text,label\na,x\nb\xff,y\n", "the file is not UTF-8", "d.csv, line 3"),
    ],
)
def test_faults(tmp_path: Path, text: Any, what: str, place: str) -> None:
    with pytest.raises(TaskError) as caught:
        read(tmp_path, text)
    assert caught.value.what.startswith(what)
    assert caught.value.where.endswith(place)
    assert caught.value.hint


def test_ragged_rows_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(Faults) as caught:
        read(tmp_path, "text,label\n" + "a\n" * 9)
    assert len(caught.value.faults) == 5
    assert "9 rows" in caught.value.hint


def test_a_field_over_the_limit_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "MAX_FIELD", 60_000)
    with pytest.raises(TaskError, match="more than 60,000 characters"):
        read(tmp_path, "text,label\n" + "a" * 70_000 + ",x\n")


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda s: s.strip() and "\0" not in s)


@given(st.lists(st.tuples(texts, st.sampled_from("xyz")), min_size=1, max_size=8))
def test_what_csv_writes_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("text", "label"), *rows])
    table = read(tmp_path_factory.mktemp("csv"), out.getvalue())
    assert list(zip(table.columns["text"], table.columns["label"], strict=True)) == rows
