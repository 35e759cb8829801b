"""The page of commands is what the commands themselves print."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "commands.py"


@pytest.fixture(scope="module")
def commands() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_commands", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(commands: ModuleType) -> None:
    assert commands.PAGE.read_text() == commands.render(os.environ), "run: python docs/commands.py"


def test_the_page_is_the_same_on_every_terminal(commands: ModuleType) -> None:
    narrow = dict(os.environ) | {"COLUMNS": "40", "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    assert commands.render(narrow) == commands.render(os.environ)


def test_commands_of_commands_are_listed(commands: ModuleType) -> None:
    assert {("compare",), ("candidates", "list"), ("tasks", "show")} <= set(commands.list_commands())
