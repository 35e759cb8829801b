from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.errors import Faults, TaskError
from harness.load.table_file import join, read_table

ROWS = [{"text": "a", "label": 1}, {"text": "b", "label": 0}]


def test_all_formats_give_the_same_table(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, ROWS)) + "\n\n")
    (tmp_path / "a.json").write_text(json.dumps(ROWS, indent=2))
    (tmp_path / "a.CSV").write_text("text,label\na,1\nb,0\n")
    pq.write_table(pa.table({"text": ["a", "b"], "label": [1, 0]}), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.json", "a.parquet"):
        assert read_table(tmp_path / name).columns == {"text": ["a", "b"], "label": [1, 0]}
    assert read_table(tmp_path / "a.CSV").columns == {"text": ["a", "b"], "label": ["1", "0"]}


def test_a_key_that_a_row_lacks_is_missing_there(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text('{"text": "a"}\n\n{"text": "b", "label": "x"}\n')
    table = read_table(path)
    assert table.columns == {"text": ["a", "b"], "label": [None, "x"]}
    assert table.place(1).endswith("line 3")


@pytest.mark.parametrize(
    ("name", "content", "what", "place"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "not valid JSON", "line 2"),
        ("a.jsonl", b'{"a": 1}\n3\n', "expected an object", "line 2"),
        ("a.jsonl", b" \n", "the file is empty", "a.jsonl"),
        ("a.json", b'[{"a": 1},\n {"a" 2}]', "not valid JSON", "line 2"),
        ("a.jsonl", b'{"a": 1}\n{"a": "\xff"}\n', "the file is not UTF-8", "line 2"),
        ("a.parquet", b"nonsense", "not a readable parquet file", "a.parquet"),
        ("a.xlsx", b"", '"a.xlsx" is of a format that is not read', "a.xlsx"),
    ],
)
def test_faults(tmp_path: Path, name: str, content: bytes, *, what: str, place: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TaskError) as caught:
        read_table(tmp_path / name)
    assert caught.value.what.startswith(what)
    assert caught.value.where.endswith(place)
    assert caught.value.hint


def test_faulty_lines_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{\n[]\n{\n")
    with pytest.raises(Faults) as caught:
        read_table(tmp_path / "a.jsonl")
    assert len(caught.value.faults) == 3


def test_an_empty_parquet_file(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "a.parquet")
    with pytest.raises(TaskError, match="no rows"):
        read_table(tmp_path / "a.parquet")


def test_tables_are_joined_by_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\na,x\n")
    (tmp_path / "b.csv").write_text("label,text\ny,b\n")
    (tmp_path / "c.csv").write_text("text,other\ny,b\n")
    a, b, c = (read_table(tmp_path / name, ("text",)) for name in ("a.csv", "b.csv", "c.csv"))
    assert join([a, b]).columns == {"text": ["a", "b"], "label": ["x", "y"]}
    assert join([a]) is a
    with pytest.raises(TaskError, match="columns differ"):
        join([a, c])
