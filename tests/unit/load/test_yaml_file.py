from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import BenchError, CandidateError, Faults, TaskError
from harness.load import yaml_file
from harness.load.yaml_file import read_value, read_yaml


def write(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "f.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def fault(tmp_path: Path, content: Any) -> BenchError:
    with pytest.raises(TaskError) as caught:
        read_yaml(write(tmp_path, content), TaskError)
    assert caught.value.hint
    return caught.value


def test_values_and_lines(tmp_path: Path) -> None:
    file = read_yaml(write(tmp_path, "# comment\nname: a\ndata:\n  train: x.csv\nlist:\n  - 1\n  - b: 2.5\n"), TaskError)
    assert file.content == {"name": "a", "data": {"train": "x.csv"}, "list": [1, {"b": 2.5}]}
    assert file.lines["name",] == 2
    assert file.lines["data", "train"] == 4
    assert file.lines["list", 1, "b"] == 7
    assert file.locate(("data", "absent", "deeper")).endswith("line 3, key data.absent.deeper")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2021-08-01", "2021-08-01"), ("no", "no"), ("on", "on"), ("true", True), ("FALSE", False), ("12:30", "12:30"), ("~", None),
        ("'7'", "7"), ("7", 7), ("<<", "<<"), ("1e3", "1e3"), ("0.5", 0.5),
        ("0b_", "0b_"), ("0x_", "0x_"), ("9" * 5000, "9" * 5000), ("0x" + "f" * 500, "0x" + "f" * 500),
    ],
)  # fmt: skip
def test_words_that_only_yaml_1_1_takes_for_something_else_stay_text(tmp_path: Path, text: str, value: object) -> None:
    assert read_yaml(write(tmp_path, f"key: {text}\n"), TaskError).content == {"key": value}


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    assert read_yaml(write(tmp_path, b"\xef\xbb\xbfname: a\n"), TaskError).content == {"name": "a"}


def test_duplicate_keys_are_all_told(tmp_path: Path) -> None:
    with pytest.raises(Faults) as caught:
        read_yaml(write(tmp_path, "a: 1\nb: {c: 1, c: 2}\na: 2\n"), CandidateError)
    assert [(f.what, f.where.partition(", ")[2]) for f in caught.value.faults] == [
        ('the key "c" is given twice', "line 2, key b.c"),
        ('the key "a" is given twice', "line 3, key a"),
    ]


def test_undecodable_bytes_are_placed(tmp_path: Path) -> None:
    error = fault(tmp_path, b"name: a\ntext: caf\xe9\n")
    assert "0xe9" in error.what
    assert error.where.endswith("f.yaml, line 2")
    assert "LATIN1" in error.hint


def test_utf_16_is_recognized(tmp_path: Path) -> None:
    assert "UTF-16" in fault(tmp_path, "name: a".encode("utf-16")).hint


@pytest.mark.parametrize("content", ["", "\n\n", "# only a comment\n"])
def test_an_empty_file_is_a_fault(tmp_path: Path, content: Any) -> None:
    assert fault(tmp_path, content).what == "the file is empty"


def test_a_syntax_error_is_placed(tmp_path: Path) -> None:
    error = fault(tmp_path, "name: a\ndata: [1, 2\nkind: b\n")
    assert error.what.startswith("not valid YAML")
    assert "line 3" in error.where


@pytest.mark.parametrize("content", ["a: \x00", "a: !!python/object/apply:os.system [ls]", "a: !mine 3", "--- 1\n--- 2\n"])
def test_what_a_settings_file_never_needs_is_refused(tmp_path: Path, content: Any) -> None:
    fault(tmp_path, content)


def test_an_alias_bomb_is_refused_at_once(tmp_path: Path) -> None:
    bomb = "a: &a [x]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(50))
    error = fault(tmp_path, bomb)
    assert "repeats another part" in error.what
    assert "line 2" in error.where


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    assert "nested" in fault(tmp_path, "[" * 100_000).what


def test_a_huge_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_file, "MAX_BYTES", 10)
    assert "the limit is 10" in fault(tmp_path, "name: " + "a" * 20).what


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="cannot read the file"):
        read_yaml(tmp_path / "none.yaml", TaskError)


@pytest.mark.parametrize("text", ["a: [" + "1," * 60_000 + "]", "[" * 1_000_000, "{a: " * 300_000, "- " * 600_000, "? " * 600_000])
def test_many_values_and_deep_ones_are_refused_at_once(tmp_path: Path, text: str) -> None:
    assert any(word in fault(tmp_path, text).what for word in ("more than 50,000 values", "nested more than 40 deep"))


def test_a_value_of_the_command_line_has_no_aliases() -> None:
    assert read_value("{p95: 5}", "--constraint", TaskError) == {"p95": 5}
    for text in ("[&a [1], *a]", "!!python/object:os.system {}", "[1", "\ud800"):
        with pytest.raises(TaskError):
            read_value(text, "--constraint", TaskError)
