"""What is refused before a model is loaded, and what becomes of texts that were written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.finetuned import Contents
from harness.core.writing import Manner
from harness.errors import BenchError, WorkspaceError
from harness.load.new_prompts import read_new_prompts
from harness.prediction import _to_sheet, predict, read_head
from tests.unit.report.test_model_card import head

MANNER = Manner(template=(("Q: ", "question"), ("\nA:", "")), limit=4, pattern=r"#(\d+)")


def writes(**changes: Any) -> Contents:
    known: dict[str, Any] = {"kind": "generation", "target": "text", "technique": "full", "labels": (), "writing": MANNER}
    return head().contents.model_copy(update=known | changes)


def save(folder: Path, contents: Contents) -> Path:
    folder.mkdir()
    (folder / "bench.json").write_text(head(contents=contents).model_dump_json())
    return folder


def refuse(folder: Path, rows: str, tmp_path: Path) -> str:
    (tmp_path / "new.csv").write_text(rows)
    with pytest.raises(BenchError) as error:
        predict(folder, tmp_path / "new.csv", tmp_path / "out.csv")
    assert str(error.value).count("\n") == 2
    assert not (tmp_path / "out.csv").exists()
    return str(error.value)


def test_a_folder_of_an_older_version_must_be_made_again(tmp_path: Path) -> None:
    folder = save(tmp_path / "old", writes(writing=None))
    path = folder / "bench.json"
    told = json.loads(path.read_text())
    del told["contents"]["writing"]
    path.write_text(json.dumps(told))
    assert read_head(folder).contents.writing is None
    said = refuse(folder, "question\nWho?\n", tmp_path)
    assert "does not say how rows are put" in said
    assert "run `bench finetune` again" in said


def test_what_searches_is_not_asked(tmp_path: Path) -> None:
    folder = save(tmp_path / "search", writes(kind="retrieval", target="documents", writing=None))
    assert "turns texts into vectors to search by" in refuse(folder, "question\nWho?\n", tmp_path)


def test_columns_that_are_added_must_be_free(tmp_path: Path) -> None:
    folder = save(tmp_path / "part", writes())
    assert 'a column "written" already' in refuse(folder, "question,written\nWho?,x\n", tmp_path)
    assert 'a column "prediction" already' in refuse(folder, "question,prediction\nWho?,x\n", tmp_path)


@pytest.mark.parametrize("broken", [{"pattern": "("}, {"template": [["Q", ""]]}, {"limit": 0}, {"stop": [""]}])
def test_a_folder_that_says_it_wrongly_is_refused(broken: dict[str, object], tmp_path: Path) -> None:
    folder = save(tmp_path / "broken", writes())
    path = folder / "bench.json"
    told = json.loads(path.read_text())
    told["contents"]["writing"] |= broken
    path.write_text(json.dumps(told))
    with pytest.raises(WorkspaceError, match=r"bench\.json cannot be read"):
        read_head(folder)


def test_answers_stand_beside_rows_and_the_texts_that_they_were_found_in(tmp_path: Path) -> None:
    (tmp_path / "new.jsonl").write_text('{"question": "How many?"}\n{"question": null}\n{"question": "Why?"}\n')
    (tmp_path / "texts.json").write_text(json.dumps([" It is #4 or #5", " because"]))
    found = read_new_prompts(tmp_path / "new.jsonl", "", MANNER.template)
    sheet = _to_sheet(tmp_path / "texts.json", found, writes())
    assert sheet.added() == {"prediction": ["4", None, None], "written": [" It is #4 or #5", None, " because"]}
    plain = _to_sheet(tmp_path / "texts.json", found, writes(writing=MANNER.model_copy(update={"pattern": ""})))
    assert plain.added() == {"prediction": ["It is #4 or #5", None, "because"]}
