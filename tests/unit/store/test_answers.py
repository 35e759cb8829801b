from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from harness.errors import WorkspaceError
from harness.store.answers import Sheet, check_columns, check_out, write

SHARES = np.array([[0.9, 0.1], [0.25, 0.75]], np.float32)
COLUMNS = {"id": [1, 2, 3], "text": ["=1+1", None, "-5"]}


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_csv_has_the_rows_and_their_answers(tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    guarded = write(out, Sheet(COLUMNS, (0, 2), SHARES, ("no", "@yes")))
    rows = read_csv(out)
    assert [row["prediction"] for row in rows] == ["no", "", "'@yes"]
    assert [row["probability"][:4] for row in rows] == ["0.89", "", "0.75"]
    assert [row["text"] for row in rows] == ["'=1+1", "", "-5"]
    assert guarded == 2


@pytest.mark.parametrize("cell", ["=A1", "+A1", "-A1", "@A1", "\tx", "\rx", "+49 170 1"])
def test_what_a_spreadsheet_takes_for_a_formula_is_guarded(cell: str, tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    assert write(out, Sheet({"text": [cell]}, (0,), SHARES[:1], ("a", "b"))) == 1
    assert read_csv(out)[0]["text"] == f"'{cell}"


@pytest.mark.parametrize("cell", ["-5", "+1.5", "-.5e3", -5, 2.5, "a=b", ""])
def test_numbers_and_plain_texts_are_left_alone(cell: object, tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    assert write(out, Sheet({"text": [cell]}, (0,), SHARES[:1], ("a", "b"))) == 0


def test_parquet_keeps_values_and_has_every_probability(tmp_path: Path) -> None:
    out = tmp_path / "a.parquet"
    assert write(out, Sheet(COLUMNS, (0, 2), SHARES, ("no", "yes"))) == 0
    rows = pq.read_table(out).to_pylist()
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert [row["text"] for row in rows] == ["=1+1", None, "-5"]
    assert [row["prediction"] for row in rows] == ["no", None, "yes"]
    assert rows[2]["probabilities"] == pytest.approx({"no": 0.25, "yes": 0.75})
    assert rows[1]["probabilities"] == {"no": None, "yes": None}


def test_a_column_of_mixed_kinds_becomes_text(tmp_path: Path) -> None:
    out = tmp_path / "a.parquet"
    write(out, Sheet({"x": [1, "one", {"a": [1]}]}, (), SHARES[:0], ("a", "b")))
    assert pq.read_table(out)["x"].to_pylist() == ["1", "one", '{"a": [1]}']


def test_bad_places_are_refused(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("text\na\n")
    for out, problem in [
        (tmp_path / "a.xlsx", "format"),
        (tmp_path / "none" / "a.csv", "no folder"),
        (rows, "replace the rows"),
    ]:
        with pytest.raises(WorkspaceError, match=problem):
            check_out(out, rows)
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(WorkspaceError, match="is a folder"):
        check_out(tmp_path / "d.csv", rows)
    with pytest.raises(WorkspaceError, match='column "prediction"'):
        check_columns(["text", "prediction"], "rows.csv")


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    out.write_text("old")
    with pytest.raises(ValueError, match="zip"):
        write(out, Sheet({"a": [1], "b": [1, 2]}, (), SHARES[:0], ("a", "b")))
    assert out.read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_texts_and_the_answers_in_them(tmp_path: Path) -> None:
    none = np.empty((2, 0), np.float32)
    sheet = Sheet(COLUMNS, (0, 2), none, (), "text", told=["-4", None], whole=["=> -4", "so"])
    assert write(tmp_path / "a.csv", sheet) == 2
    rows = read_csv(tmp_path / "a.csv")
    assert [row["prediction"] for row in rows] == ["-4", "", ""]
    assert [row["written"] for row in rows] == ["'=> -4", "", "so"]
    assert write(tmp_path / "a.parquet", sheet) == 0
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.column_names == ["id", "text", "prediction", "written"]
    assert table["prediction"].to_pylist() == ["-4", None, None]
    assert table["written"].to_pylist() == ["=> -4", None, "so"]
    write(tmp_path / "a.parquet", Sheet(COLUMNS, (0, 2), none, (), "text", told=["one", ""]))
    assert pq.read_table(tmp_path / "a.parquet").column_names == ["id", "text", "prediction"]
    # Which names are taken depends on what is added.
    check_columns(["probability", "written"], "rows.csv", ("prediction",))
    with pytest.raises(WorkspaceError, match='column "written"'):
        check_columns(["written"], "rows.csv", ("prediction", "written"))
