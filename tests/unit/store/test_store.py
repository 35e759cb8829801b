from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.atomic import write_bytes
from harness.core.measurement import Measurement
from harness.core.run import RunInfo
from harness.core.trial import Failed, Finished, Outcome, Record, Trial
from harness.errors import WorkspaceError
from harness.store import journal, predictions, runs
from harness.store.predictions import Predictions


def record(name: str, outcome: Outcome) -> Record:
    trial = Trial(candidate=name, technique="knn", task="t", task_digest="d", source_digest="s")
    return Record(trial=trial, outcome=outcome, started="2026-01-01T00:00:00", seconds=1.5)


def test_journal_gives_back_what_was_appended(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    written = (
        record(
            "a", Finished(measurements=(Measurement(name="score", value=0.1 + 0.2, n=3),), recipe={"C": 0.1, "layer": "1 of 2"})
        ),
        record("b", Failed(stage="load", error='a "quote"\nand a line', hint="é")),
    )
    for item in written:
        journal.append(path, item)
    assert journal.read(path) == written


def test_a_torn_last_line_is_dropped_and_a_torn_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    for name in ("a", "b"):
        journal.append(path, record(name, Failed(stage="load", error="x")))
    whole = path.read_bytes()
    for cut in range(whole.index(b"\n") + 1, len(whole)):
        path.write_bytes(whole[:cut])
        assert [r.trial.candidate for r in journal.read(path)] == ["a"]
    path.write_bytes(whole[:40] + b"\n" + whole)
    with pytest.raises(WorkspaceError, match="cannot be read") as caught:
        journal.read(path)
    assert caught.value.where.endswith("line 1")


def test_a_run_without_a_journal_says_so(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="no journal"):
        journal.read(tmp_path / "records.jsonl")


def test_trials_that_differ_have_different_keys() -> None:
    base = record("a", Failed(stage="x", error="y")).trial
    keys = {base.key} | {
        base.model_copy(update=change).key
        for change in (
            {"candidate": "b"},
            {"technique": "fit"},
            {"task_digest": "e"},
            {"source_digest": "t"},
            {"seed": 1},
            {"device": "cuda"},
        )
    }
    assert len(keys) == 7
    assert base.key == Trial.model_validate_json(base.model_dump_json()).key


@pytest.mark.parametrize("groups", [(), ("g1", "g2", "g1")])
@pytest.mark.parametrize("sampled", [None, np.linspace(0, 1, 7)])
def test_predictions_come_back(groups: tuple[str, ...], sampled: np.ndarray | None, tmp_path: Path) -> None:
    shares = np.array([[0.1, 0.9], [0.8, 0.2], [0.4, 0.6]], np.float32)
    test = np.array([[0.7, 0.3]], np.float32)
    found = Predictions(
        ["a", "b", "c"],
        np.array([1, 0, 0]),
        shares,
        ["d"],
        np.array([1]),
        test,
        groups,
        ("g3",) if groups else (),
        sampled,
        sampled,
    )
    predictions.write(tmp_path / "deep" / "p.parquet", found)
    back = predictions.read(tmp_path / "deep" / "p.parquet")
    assert back["validation"].predictions.tolist() == [1, 0, 1]
    assert back["validation"].references.tolist() == [1, 0, 0]
    assert back["validation"].groups == groups
    assert back["test"].predictions.tolist() == [0]
    if sampled is None:
        assert back["test"].sample is None
    else:
        np.testing.assert_array_equal(back["test"].sample, sampled)


def test_answers_that_are_no_classes_come_back_as_tallies(tmp_path: Path) -> None:
    import pandas as pd

    outputs, none = np.array([[0.5], [2.5]], np.float32), np.zeros(2, np.int64)
    told = tuple(predictions.Told([1.0, 2.0], [0.5, 2.5], np.array([[1.0, 0.5], [2.0, 2.5]])) for _ in range(2))
    predictions.write(tmp_path / "p.parquet", Predictions(["a", "b"], none, outputs, ["c", "d"], none, outputs, told=told))
    back = predictions.read(tmp_path / "p.parquet")["test"]
    assert back.predictions.tolist() == [[1.0, 0.5], [2.0, 2.5]]
    assert len(back.references) == 2
    frame = pd.read_parquet(tmp_path / "p.parquet")
    assert frame.reference.tolist() == [1.0, 2.0, 1.0, 2.0]
    assert frame.prediction.tolist() == [0.5, 2.5, 0.5, 2.5]
    table = pq.read_table(tmp_path / "p.parquet")
    place = table.column_names.index("tally")
    other = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(8)), 2)
    pq.write_table(table.set_column(place, "tally", other), tmp_path / "p.parquet")
    with pytest.raises(WorkspaceError, match="not what was written"):
        predictions.read(tmp_path / "p.parquet")
    pq.write_table(table.set_column(place, "tally", pa.array(["a"] * 4)), tmp_path / "p.parquet")
    with pytest.raises(WorkspaceError, match="tallies are not rows of numbers"):
        predictions.read(tmp_path / "p.parquet")


def test_other_tools_can_read_the_predictions(tmp_path: Path) -> None:
    import pandas as pd

    shares = np.array([[0.25, 0.75]], np.float32)
    predictions.write(tmp_path / "p.parquet", Predictions(["a"], np.array([1]), shares, ["b"], np.array([0]), shares))
    frame = pd.read_parquet(tmp_path / "p.parquet")
    assert list(frame.columns) == ["id", "split", "reference", "prediction", "group", "probabilities"]
    assert frame.probabilities[0].tolist() == [0.25, 0.75]


def test_a_broken_file_is_an_error_in_three_lines(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_bytes(b"not parquet")
    with pytest.raises(WorkspaceError) as caught:
        predictions.read(tmp_path / "p.parquet")
    assert len(str(caught.value).splitlines()) == 3


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    write_bytes(path, b"old")

    def fail(_: int) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_format_that_is_no_text_is_an_error_like_any_other(tmp_path: Path) -> None:
    for form in ([], {}, 1, None):
        (tmp_path / "records.jsonl").write_text(json.dumps({"format": form}) + "\n")
        (tmp_path / "run.json").write_text(json.dumps({"format": form}))
        with pytest.raises(WorkspaceError, match="journal cannot be read"):
            journal.read(tmp_path / "records.jsonl")
        with pytest.raises(WorkspaceError, match="json cannot be read"):
            runs.read_info(tmp_path)


@pytest.mark.parametrize(
    "wrong", [{"reference": [0.5, 1.0, None]}, {"prediction": ["a", "b", "c"]}, {"reference": [-1, 0, 1]}, {"group": None}]
)
def test_predictions_of_another_form_are_an_error(tmp_path: Path, wrong: dict[str, list[object] | None]) -> None:
    sound = {
        "split": ["validation", "validation", "test"],
        "reference": [0, 1, 1],
        "prediction": [0, 1, 0],
        "group": [None, "g", None],
    }
    columns = {name: values for name, values in (sound | wrong).items() if values is not None}
    pq.write_table(pa.table(columns), tmp_path / "p.parquet")
    with pytest.raises(WorkspaceError, match="predictions cannot be read"):
        predictions.read(tmp_path / "p.parquet")


def answers(seed: int, *, rows: int = 60) -> Predictions:
    """Return random answers to three classes."""
    random = np.random.default_rng(seed)
    truth, shares = random.integers(0, 3, rows), random.random((rows, 3)).astype(np.float32)
    names, groups, sample = [f"{i:04}" for i in range(rows)], [f"g{i % 7}" for i in range(rows)], random.random(5)
    return Predictions(names, truth, shares, names, truth, shares, validation_groups=groups, validation_sample=sample)


def test_a_flipped_bit_is_an_error_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    predictions.write(path, answers(0))
    raw, sound, refused = path.read_bytes(), shown(predictions.read(path)), 0
    random = np.random.default_rng(1)
    for at in random.integers(0, len(raw), 500):
        damaged = bytearray(raw)
        damaged[at] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        try:
            assert shown(predictions.read(path)) == sound
        except WorkspaceError:
            refused += 1
    assert refused > 100


def shown(found: dict[str, predictions.Answered]) -> str:
    return str([(name, [getattr(one, key) for key in one.__dataclass_fields__]) for name, one in found.items()])


def test_answers_written_again_by_another_tool_are_refused_where_they_differ(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    predictions.write(path, answers(0))
    table = pq.read_table(path)
    pq.write_table(table, path)
    predictions.read(path)
    other = pa.array(np.zeros(len(table), np.int64))
    pq.write_table(table.set_column(table.column_names.index("prediction"), "prediction", other), path)
    with pytest.raises(WorkspaceError, match="not what was written"):
        predictions.read(path)


def test_a_file_of_an_earlier_version_has_no_checksum_and_is_read(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    predictions.write(path, answers(0))
    sound, table = shown(predictions.read(path)), pq.read_table(path)
    left = {key: value for key, value in table.schema.metadata.items() if not key.startswith(b"answers")}
    pq.write_table(table.replace_schema_metadata(left), path)
    assert shown(predictions.read(path)) == sound


def test_a_new_journal_and_a_new_run_survive_a_loss_of_power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[Path] = []
    monkeypatch.setattr(journal, "settle", settled.append)
    monkeypatch.setattr(runs, "settle", settled.append)
    failed = Failed(stage="load", error="no", hint="")
    for name in ("a", "b"):
        journal.append(tmp_path / "records.jsonl", record(name, failed))
    assert settled == [tmp_path], "once, when the journal is made"
    settled.clear()
    info = SimpleNamespace(task=SimpleNamespace(name="t"), run="20260101-000000-abcd")
    folder = runs.create(tmp_path / "reports", cast("RunInfo", info))
    assert settled == [folder.parent, tmp_path / "reports", tmp_path]
