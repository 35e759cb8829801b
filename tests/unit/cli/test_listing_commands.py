from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness import cli
from harness.core.card import Card
from harness.core.task import Task


@pytest.fixture
def workspace(tmp_path: Path) -> str:
    cli.run(["init", str(tmp_path), "--quiet"])
    return str(tmp_path)


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.run(arguments) == 0
    return capsys.readouterr().out


def test_candidates_list(workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = output(capsys, "candidates", "list", "--workspace", workspace).splitlines()
    assert lines[0].split() == ["name", "input", "parameters", "license", "from"]
    assert any(line.split()[:4] == ["my-minilm", "text", "22.7M", "apache-2.0"] for line in lines)
    assert len(lines) > 30


def test_candidates_list_of_one_modality(workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = output(capsys, "candidates", "list", "--modality", "image", "--workspace", workspace).splitlines()[1:]
    assert lines
    assert all("image" in line.split()[:3] for line in lines)


def test_candidates_as_json_are_cards(workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    cards = [
        Card.model_validate(card) for card in json.loads(output(capsys, "candidates", "list", "--json", "--workspace", workspace))
    ]
    assert {"hashing", "my-minilm"} <= {card.name for card in cards}


def test_a_broken_plugin_is_told_beside_the_list(workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    (Path(workspace) / "candidates" / "bad.py").write_text("import no_such_thing\n")
    assert cli.run(["candidates", "list", "--workspace", workspace]) == 0
    captured = capsys.readouterr()
    assert "hashing" in captured.out
    assert "the plugin cannot be imported: ModuleNotFoundError" in captured.err
    assert "pip install no_such_thing" in captured.err
    assert cli.run(["candidates", "show", "bad", "--workspace", workspace]) == 2


def test_candidates_show(workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = output(capsys, "candidates", "show", "my-minilm", "--workspace", workspace)
    assert "revision: 8b3219a92973c328a8e22fadcfa821b5dc75636a" in out
    assert "# workspace: user" in out
    shown = json.loads(output(capsys, "candidates", "show", "my-minilm", "--json", "--workspace", workspace))
    assert Card.model_validate(shown).name == "my-minilm"


def test_doubts_about_a_card_are_shown(workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    (Path(workspace) / "candidates" / "more.yaml").write_text("- {name: loose, adapter: timm, source: org/x}\n")
    out = output(capsys, "candidates", "show", "loose", "--workspace", workspace)
    assert "# warning: loose: the revision is not pinned" in out
    assert "the license is unknown" in out


def test_tasks_list_and_show(workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "example" in output(capsys, "tasks", "list", "--workspace", workspace)
    tasks = [Task.model_validate(task) for task in json.loads(output(capsys, "tasks", "list", "--json", "--workspace", workspace))]
    assert {"example", "digits"} <= {task.name for task in tasks}
    assert "train: messages.csv" in output(capsys, "tasks", "show", "example", "--workspace", workspace)
    assert (
        Task.model_validate_json(output(capsys, "tasks", "show", "example", "--json", "--workspace", workspace)).name == "example"
    )


@pytest.mark.parametrize(("noun", "key"), [("card", "pretraining"), ("task", "constraints"), ("report", "task")])
def test_schemas(noun: str, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(output(capsys, "schema", noun))
    assert schema["type"] == "object"
    assert key in schema["properties"]


def test_listing_works_where_the_heavy_libraries_are_absent(workspace: str) -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'timm', 'open_clip', 'sklearn', 'evaluate', 'datasets'): sys.modules[name] = None\n"
        "from harness.cli import run\n"
        "lines = (['candidates', 'list'], ['tasks', 'list'], ['doctor'])\n"
        f"codes = [run([*words, '--workspace', {workspace!r}]) for words in lines]\n"
        "sys.exit(str(codes))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.stderr.strip().endswith("[0, 0, 0]")
    assert "missing for running any model: pip install torch" in done.stdout
