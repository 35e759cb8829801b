from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from pydantic import BaseModel

from harness.core.card import Card
from harness.core.task import Task
from harness.errors import BenchError, CandidateError, TaskError
from harness.load.faults import validate
from harness.load.yaml_file import read_yaml

TASK = "name: t\nkind: text-classification\ndata: {train: a.csv}\n"


def faults(tmp_path: Path, text: str, model: type[BaseModel] = Task, kind: type[BenchError] = TaskError) -> list[BenchError]:
    path = tmp_path / "task.yaml"
    path.write_text(dedent(text))
    file = read_yaml(path, kind)
    found = validate(model, file.content, file, kind)
    assert isinstance(found, list)
    return found


def test_a_sound_file_becomes_a_noun(tmp_path: Path) -> None:
    path = tmp_path / "task.yaml"
    path.write_text(TASK + "constraints: {parameters: 500M, latency_ms: 50, license: commercial}\nlanguages: [no]\nmargin: 5e-3\n")
    file = read_yaml(path, TaskError)
    task = validate(Task, file.content, file, TaskError)
    assert isinstance(task, Task)
    assert task.constraints.parameters == 500_000_000
    assert task.languages == ("no",)
    assert task.margin == 0.005


def test_the_text_for_an_unknown_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [error] = faults(tmp_path, TASK + "\n\n\nmetric: acuracy\n")
    assert str(error) == (
        'unknown metric "acuracy"\n'
        "where: task.yaml, line 7, key metric\n"
        'do:    use "accuracy" (known: accuracy, balanced_accuracy, macro_f1, mcc, micro_f1, weighted_f1)'
    )


@pytest.mark.parametrize(
    ("line", "what", "place", "hint"),
    [
        ("magrin: 1", 'unknown key "magrin"', "line 4, key magrin", 'use "margin"'),
        ("constraints: {license: {us: any}}", 'unknown key "us"', "line 4, key constraints.license.us", 'use "use"'),
        ("prefer: latenzy", 'unknown prefer "latenzy"', "line 4, key prefer", 'use "latency"'),
        ("margin: small", 'expected a number, found "small"', "line 4, key margin", "give a number"),
        ("margin: -1", '"margin" should be greater than or equal to 0', "line 4, key margin", "change -1"),
        ("languages: en", 'expected a list, found "en"', "line 4, key languages", "brackets"),
        ("languages: [7]", "expected text, found 7", "line 4, key languages.0", "quotes"),
        ("constraints: 5", "expected keys and values, found 5", "line 4, key constraints", "indented"),
        ("constraints: {parameters: many}", 'expected a whole number, found "many"', "line 4, key constraints.parameters", "whole"),
    ],
)
def test_each_kind_of_fault(tmp_path: Path, line: str, what: str, *, place: str, hint: str) -> None:
    [error] = faults(tmp_path, TASK + line + "\n")
    assert error.what == what
    assert error.where.endswith(place)
    assert hint in error.hint


def test_all_faults_come_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    found = faults(tmp_path, "name: Bad Name\nkind: text\nfoo: 1\nmetric: f1\n")
    assert [e.what for e in found] == [
        '"Bad Name" is not a valid name',
        'the key "data" is missing',
        'unknown kind "text"',
        'unknown key "foo"',
        'unknown metric "f1"',
    ]


def test_faults_of_a_card(tmp_path: Path) -> None:
    found = faults(tmp_path, "name: a\nlicense: apache2\nrevision: main\nreleased: June\nlinks: {paper: x}\n", Card, CandidateError)
    assert [error.where.rpartition("key ")[2] for error in found] == ["license", "revision", "released", "links.paper"]
    assert "spdx.org" in found[0].hint
    assert "40 hexadecimal" in found[1].hint
    assert "YYYY" in found[2].hint
    assert all(isinstance(error, CandidateError) for error in found)


@pytest.mark.parametrize("text", ["- a\n", "word\n", "3\n"])
def test_something_that_has_no_keys(tmp_path: Path, text: str) -> None:
    [error] = faults(tmp_path, text)
    assert error.what.startswith("expected keys and values")
