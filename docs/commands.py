"""Writes docs/guide/commands.md, the help of every command: run `python docs/commands.py`."""  # noqa: INP001 - a script, no module

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from unittest import mock

from harness import cli

PAGE = Path(__file__).parent / "guide" / "commands.md"
# The same text on every terminal.
TERMINAL = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
_UNWANTED = ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TERMINAL_WIDTH")
_HEAD = """# Commands

This page is what `--help` prints. It is made by `python docs/commands.py`, and a test holds it up to date.

Results go to stdout, progress and errors to stderr. `--workspace`, `--quiet` and `--debug` may stand before or after a command's
name. `NO_COLOR` turns colors off.

Exit codes: 0 done, 1 done but nothing qualifies or a gate failed, 2 bad input, 3 a fault of bench itself, 130 interrupted.
"""


def render(environment: Mapping[str, str]) -> str:
    """Return the page's text; the environment it is rendered in is the given one with a fixed terminal."""
    kept = {name: value for name, value in environment.items() if name not in _UNWANTED}
    with mock.patch.dict(os.environ, kept | TERMINAL, clear=True):
        parts = [f"## {' '.join(['bench', *words])}\n\n```text\n{read_help(words)}\n```\n" for words in list_commands()]
    return "\n".join([_HEAD, *parts])


def list_commands() -> Iterator[tuple[str, ...]]:
    """Yield the words of every command: none for bench itself, one, or two where a command has commands."""
    yield ()
    for name in cli.COMMANDS:
        yield (name,)
        group = getattr(import_module(f"harness.cli.{name}"), "app", None)
        for inner in group.registered_commands if group else ():
            yield name, inner.name or inner.callback.__name__


def read_help(words: Sequence[str]) -> str:
    """Return what a command prints for `--help`, without trailing spaces."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        cli.run([*words, "--help"])
    return "\n".join(line.rstrip() for line in out.getvalue().strip().splitlines())


if __name__ == "__main__":
    PAGE.write_text(render(os.environ), encoding="utf-8")
