"""The short form of `make fuzz`."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import TaskError
from tests.fuzz.hunt import INPUTS, hunt
from tests.fuzz.parsers import PARSERS, Parser, check


@pytest.mark.parametrize("name", PARSERS)
def test_whatever_is_read_the_outcome_is_a_value_or_an_error_of_three_lines(name: str) -> None:
    inputs = INPUTS * PARSERS[name].share // 10
    seen = hunt(name, inputs)
    assert seen.total() >= inputs
    assert seen["error"] > 0


def test_the_whole_hunt_is_of_over_ten_thousand_inputs() -> None:
    assert INPUTS * sum(parser.share for parser in PARSERS.values()) > 10_000


def _leave(folder: Path, _content: object) -> None:
    (folder / "partial").touch()


def _crash(_folder: Path, _content: object) -> None:
    raise ValueError


def _chat(_folder: Path, _content: object) -> None:
    raise TaskError("", hint="say what is wrong")


@pytest.mark.parametrize("read", [_leave, _crash, _chat])
def test_a_parser_that_does_anything_else_is_seen(tmp_path: Path, read: object) -> None:
    with pytest.raises((AssertionError, ValueError)):
        check(Parser(lambda: None, read), tmp_path, b"")  # type: ignore[arg-type, return-value]
