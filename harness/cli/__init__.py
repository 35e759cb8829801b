"""The command line. A command's module is imported only when its name is typed, so `bench --help` stays instant."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

from harness.cli.options import Debug, Quiet, Workspace, here
from harness.errors import BenchError, is_interrupt

# Each is a module of this package, with `command` (a function) or `app` (several commands); the text is its first line of help.
COMMANDS = {
    "init": "Make a workspace with one example of each thing.",
    "compare": "Compare candidates on a task and recommend one.",
    "report": "Rank and render a run again; no model is needed.",
    "history": "List the runs of a workspace and what changed.",
    "diff": "Say how two runs of a task differ.",
    "gate": "Check a run against limits, for CI.",
    "finetune": "Train the recommended contender and write it as a folder.",
    "predict": "Answer new rows with a fine-tuned model.",
    "candidates": "List, show, check and fetch candidates.",
    "tasks": "List, show, make and check tasks.",
    "cache": "Look at, clear or check the features that are kept.",
    "schema": "Print a JSON schema, with which editors check files.",
    "doctor": "Say what this machine offers and what is missing.",
}


def main() -> None:
    """Run the command line and exit: 0 done, 1 nothing qualifies, 2 bad input, 3 a bug of bench, 130 interrupted."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; what goes wrong is told on stderr."""
    debug = "--debug" in arguments
    arguments = complete(arguments)
    try:
        build(arguments)(args=list(arguments), prog_name="bench")
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else int(leave.code is not None)
    except KeyboardInterrupt:
        return 130
    except BenchError as error:
        typer.echo(traceback.format_exc() if debug else str(error), err=True)
        return 2
    except Exception as error:  # noqa: BLE001 - the last boundary: a user is never shown a traceback unasked
        if is_interrupt(error):
            return 130
        about = f"internal error: {type(error).__name__}: {error}\nplease report it; --debug shows the traceback"
        typer.echo(traceback.format_exc() if debug else about, err=True)
        return 3
    return 0


def build(arguments: Sequence[str]) -> typer.Typer:
    """Return the application with the commands that the arguments name; of the others it knows the help only."""
    app = typer.Typer(name="bench", rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)
    app.callback()(_root)
    everything = "_BENCH_COMPLETE" in os.environ
    named = _first_word(arguments)
    for name, summary in COMMANDS.items():
        if everything or name == named:
            _add(app, name)
        else:
            app.command(name, help=summary)(_absent)
    return app


def _add(app: typer.Typer, name: str) -> None:
    module = import_module(f"harness.cli.{name}")
    group = getattr(module, "app", None)
    if group is None:
        app.command(name)(module.command)
    else:
        app.add_typer(group, name=name, help=COMMANDS[name])


def _first_word(arguments: Sequence[str]) -> str:
    """Return the first argument that is neither an option nor the value of one."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            return word
        if word == "--workspace":
            next(words, None)
    return ""


def complete(arguments: Sequence[str]) -> list[str]:
    """Give `--resume` its value where it stands alone.

    >>> complete(["compare", "--resume", "--task", "t"])
    ['compare', '--resume', 'latest', '--task', 't']
    """
    found = list(arguments)
    for place, word in enumerate(found):
        if word == "--resume" and (place + 1 == len(found) or found[place + 1].startswith("-")):
            found.insert(place + 1, "latest")
            break
    return found


def _absent() -> None:
    """Stand for a command in the help of another."""
    msg = "a command was run that was not loaded"
    raise AssertionError(msg)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer's form of a callback
    if wanted:
        from harness import __version__  # noqa: PLC0415 - reads the installed metadata, which help does without

        typer.echo(f"bench {__version__}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")]


def _root(
    context: typer.Context, *, workspace: Workspace = here, quiet: Quiet = False, debug: Debug = False, version: Version = False
) -> None:
    """Find the foundation model to fine-tune for your own task: quality, latency, memory and license, measured."""
    del version
    given = {"workspace": str(workspace), "quiet": quiet, "debug": debug}
    context.default_map = _spread(context.command, given)


def _spread(command: Any, given: Mapping[str, object]) -> dict[str, Any]:  # noqa: ANN401 - the type is private to typer
    """Make options given before a command the defaults of the same options after it, at any depth."""
    below: Mapping[str, Any] = getattr(command, "commands", {})
    return {**given, **{name: _spread(inner, given) for name, inner in below.items()}}
