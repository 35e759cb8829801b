"""The file of a drafted task: read again it is the task, and what stands in comments is true and can be taken in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.draft import Draft
from harness.core.task import Task
from harness.load.tasks import load_task
from harness.store.task_files import to_yaml, write_draft

FOUND = {"kind": 'column "a" has texts', "test": "20% of the rows are set aside", "metric": "the usual one of this kind"}
# Names that a file of rows can give its columns: anything that UTF-8 holds.
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(str.strip)


def drafted(found: dict[str, str] = FOUND, codes: tuple[str, ...] = (), **content: Any) -> Draft:
    return Draft(
        Task.model_validate({"name": "t", "kind": "text-classification", "data": {"train": "a.csv"}} | content), found, codes=codes
    )


def read(text: str, folder: Path) -> Task:
    (folder / "task.yaml").write_text(text, encoding="utf-8")
    return load_task(str(folder / "task.yaml"), ()).task


@given(
    names=st.lists(NAMES, min_size=3, max_size=3, unique=True),
    separator=st.sampled_from(["|", ";", ",", ": ", "#"]),
    several=st.booleans(),
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], separator: str, *, several: bool
) -> None:
    first, second, third = names
    data = {"train": f"{first}.csv", "test": second, "text": first, "text_pair": second, "label": third, "separator": separator}
    said = FOUND | {"kind": f'column "{first}" has texts'}
    draft = drafted(said, tuple(names), name="a-1", data=data, multi_label=several)
    assert read(to_yaml(draft), tmp_path_factory.mktemp("t")) == draft.task


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "text-regression", "metric": "mae"},
        {"kind": "text-similarity", "data": {"train": "a.csv", "text": "a", "text_pair": "b"}},
        {"kind": "token-classification", "data": {"train": "a.conll", "text": "1", "label": "4"}},
        {"kind": "multiple-choice", "data": {"train": "a.csv", "options": ["A", "B", "no"]}},
        {"kind": "multiple-choice", "data": {"train": "a.jsonl", "options": ["choices"]}},
        {"kind": "retrieval", "data": {"train": "."}},
        {"kind": "retrieval", "data": {"train": "a.csv", "query": "q", "document": "true"}},
        {"kind": "generation", "data": {"train": "a.csv", "prompt": "null", "reference": "2024-01-01"}, "metric": "chrf"},
        {"kind": "image-text-retrieval", "data": {"train": "a.jsonl", "image": "i", "text": "captions"}},
        {"kind": "image-classification", "metric": "evaluate:some/metric"},
    ],
)
def test_every_kind(tmp_path: Path, content: dict[str, Any]) -> None:
    draft = drafted(**content)
    assert read(to_yaml(draft), tmp_path) == draft.task


@pytest.mark.parametrize("kind", ["text-classification", "image-classification", "text-regression"])
def test_every_comment_can_be_taken_in(tmp_path: Path, kind: str) -> None:
    draft = drafted(kind=kind, codes=("0", "no") if kind != "text-regression" else ())
    text = re.sub(r"^( *)# (?=(?: *[\w']+:(?: |$)))", r"\1", to_yaml(draft), flags=re.MULTILINE)
    task = read(text, tmp_path)
    assert task.constraints.parameters == 500_000_000
    assert task.constraints.min_quality == 0.8
    assert (task.data.test, task.data.group) == ("test.csv", "customer_id")
    assert task.languages == (() if kind == "image-classification" else ("en",))
    assert task.classes == ({} if kind == "text-regression" else {"0": ("…",), "no": ("…",)})
    assert task.margin == (0.1 if kind == "text-regression" else 0.01)


def test_columns_of_any_name_are_told_on_one_line(tmp_path: Path) -> None:
    text = to_yaml(drafted(FOUND | {"kind": 'column "a\nname: other\x85\u2028" has texts' + "x" * 500}))
    assert read(text, tmp_path).name == "t"
    assert max(map(len, text.splitlines())) < 250


def test_rows_are_copied_without_what_is_hidden_or_leads_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "from" / "a").mkdir(parents=True)
    for name in ("a/1.png", "a/.hidden", ".secret"):
        (tmp_path / "from" / name).write_text(name)
    (tmp_path / "from" / "b").symlink_to("/")
    (tmp_path / "rows.csv").symlink_to(tmp_path / "from" / "a" / "1.png")
    copied = {"from": tmp_path / "from", "in/rows.csv": tmp_path / "rows.csv"}
    (tmp_path / "to").mkdir()
    write_draft(Draft(drafted().task, FOUND, copied=copied), tmp_path / "to")
    found = sorted(str(path.relative_to(tmp_path / "to")) for path in (tmp_path / "to").rglob("*") if path.is_file())
    assert found == ["from/a/1.png", "in/rows.csv", "task.yaml"]
    assert not (tmp_path / "to" / "in" / "rows.csv").is_symlink()
