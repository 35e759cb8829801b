from __future__ import annotations

import errno
import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Never

import pytest
from pydantic_core import SchemaError, SchemaValidator

from harness import cli
from harness.errors import TaskError


def fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `bench doctor` raise."""

    def raise_it() -> dict[str, str]:
        raise error

    from harness.cli import survey

    monkeypatch.setattr(survey, "machine", raise_it)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_is_there_and_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module = importlib.import_module(f"harness.cli.{name}")
    assert hasattr(module, "command") != hasattr(module, "app")
    assert cli.run([name, "--help"]) == 0
    assert f"Usage: bench {name}" in capsys.readouterr().out


def test_help_names_every_command_and_cuts_none_short(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(summary in out for summary in cli.COMMANDS.values())


def test_help_imports_nothing_slow() -> None:
    code = "import sys; from harness.cli import run; run(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.strip("[]\n").replace("'", "").split(", "))
    assert not loaded & {"pydantic", "yaml", "numpy", "pandas", "torch", "rich", "harness.cli.compare", "harness.core.card"}


@pytest.mark.parametrize("before", [True, False])
def test_shared_options_are_understood_before_and_after_the_command(
    before: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.run(["init", str(tmp_path), "--quiet"])
    given = ["--workspace", str(tmp_path)]
    arguments = [*given, "tasks", "show", "example"] if before else ["tasks", "show", "example", *given]
    assert cli.run(arguments) == 0
    assert "messages.csv" in capsys.readouterr().out


def test_what_follows_the_command_wins(tmp_path: Path) -> None:
    cli.run(["init", str(tmp_path), "--quiet"])
    assert cli.run(["--workspace", "/nowhere", "tasks", "show", "example", "--workspace", str(tmp_path)]) == 0
    assert cli.run(["--workspace", str(tmp_path), "tasks", "show", "example", "--workspace", "/nowhere"]) == 2


def test_a_workspace_may_be_called_like_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cli.run(["init", "report", "--quiet"])
    assert cli.run(["--workspace", "report", "tasks", "show", "example"]) == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["compre"], "Did you mean 'compare'?"),
        (["tasks", "lst"], "Did you mean 'list'?"),
        (["tasks", "list", "--jsom"], "--json"),
        (["tasks", "show"], "Missing argument"),
        (["schema", "tsk"], "'task'"),
        (["--nothing"], "No such option"),
    ],
)
def test_a_mistyped_line_exits_with_2(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(arguments) == 2
    captured = capsys.readouterr()
    assert text in captured.err
    assert captured.out == ""


def test_bad_input_is_three_lines_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["tasks", "show", "digitz", "--workspace", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    what, where, hint = captured.err.splitlines()
    assert what == 'unknown task "digitz"'
    assert where == "where: --task"
    assert hint.startswith('do:    use "digits" (known: ')


LONG = "a" * 300


@pytest.mark.parametrize(
    "arguments",
    [
        ["tasks", "list", "--workspace", LONG],
        ["report", "x", "--workspace", LONG],
        ["report", LONG],
        ["report", f"{LONG}/x"],
        ["compare", "--task", "digits", "--resume", LONG],
        ["candidates", "check", LONG],
        ["candidates", "check", f"{LONG}/x.py"],
        ["candidates", "check", f"{LONG}.py"],
        ["init", LONG],
        ["init", f"x/{LONG}"],
    ],
)
def test_a_name_that_no_file_can_have_is_bad_input(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [line[:6] for line in captured.err.splitlines()[1:]] == ["where:", "do:   "]


@pytest.mark.parametrize("arguments", [["tasks", "list", "--workspace", "x"], ["report", "x"], ["candidates", "check", "x/y.py"]])
def test_a_place_that_may_not_be_looked_at_is_bad_input(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: object, *_: object, **__: object) -> Never:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as closed:
        closed.setattr(os, "lstat" if arguments[0] != "report" else "stat", refuse)
        closed.setattr(Path, "is_file", refuse)
        code = cli.run(arguments)
    assert code == 2
    assert "Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "last"),
    [
        (TaskError("no", where="here", hint="mend"), 2, "do:    mend"),
        (RuntimeError("oops"), 3, "please report it; --debug shows the traceback"),
        (SystemExit(1), 1, ""),
    ],
)
def test_exit_codes(
    error: BaseException, code: int, last: str, monkeypatch: pytest.MonkeyPatch, *, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(error, monkeypatch)
    assert cli.run(["doctor"]) == code
    assert ([*capsys.readouterr().err.splitlines(), ""] if not last else capsys.readouterr().err.splitlines())[-1] == last


class Interrupted:
    """A number whose reader is interrupted."""

    def __index__(self) -> int:
        raise KeyboardInterrupt


def test_an_interrupt_exits_with_130_even_where_compiled_code_made_another_error_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SchemaError) as caught:
        SchemaValidator({"type": "url", "max_length": Interrupted()})  # type: ignore[typeddict-item]
    for error in (KeyboardInterrupt(), caught.value):
        fail_with(error, monkeypatch)
        assert cli.run(["doctor"]) == 130


@pytest.mark.parametrize("error", [TaskError("no"), RuntimeError("oops")])
def test_debug_shows_the_traceback(error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    fail_with(error, monkeypatch)
    cli.run(["doctor"])
    assert "Traceback" not in capsys.readouterr().err
    cli.run(["doctor", "--debug"])
    assert "Traceback" in capsys.readouterr().err


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("bench ")


def test_without_a_command_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 2
    captured = capsys.readouterr()
    assert "Commands:" in captured.out + captured.err


def test_no_color_codes_are_written(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    for arguments in (["--help"], ["candidates", "list"], ["compre"]):
        cli.run(arguments)
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err
