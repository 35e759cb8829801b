"""`bench tasks`: what can be compared on, and whether its rows are sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from harness.cli import drafted
from harness.cli.findings import conclude
from harness.cli.listing import align, describe
from harness.cli.options import AsJson, Debug, Quiet, Workspace, here
from harness.core.kinds import KINDS
from harness.drafting import Asked, new_task
from harness.errors import WorkspaceError
from harness.load.place import show as show_path
from harness.load.suites import LoadedSuite, find_target, list_suites
from harness.load.tasks import list_tasks
from harness.load.workspace import load_workspaces
from harness.testing import check_task

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Checked = Annotated[list[str], typer.Argument(metavar="NAME|PATH…", help="Tasks or suites by name, or the paths of their folders.")]
Data = Annotated[str | None, typer.Option(metavar="PATH", help="Rows to check in place of the task's own.")]
Seed = Annotated[int, typer.Option(min=0, help="Draws the split.")]
Offline = Annotated[bool, typer.Option("--offline", help="Fetch nothing; use what is on this machine.")]
New = Annotated[str, typer.Argument(help='The name of the task: lower-case letters, digits, ".", "_", "-".')]
Rows = Annotated[str, typer.Option(metavar="PATH", help="File or folder of your rows.")]
KindOf = Annotated[
    str, typer.Option(metavar="KIND", help=f"What is told of a row, if it is not to be inferred: {', '.join(KINDS)}.")
]
Text = Annotated[list[str] | None, typer.Option(metavar="COL", help="Column that is read; of pairs of texts, give both.")]
Label = Annotated[str, typer.Option(metavar="COL", help="Column of what is told of a row.")]
Metric = Annotated[str, typer.Option(metavar="M", help="The metric that counts.")]
Copy = Annotated[bool, typer.Option("--copy", help="Copy the rows into the task's folder; a task reads what lies there only.")]
Name = Annotated[str, typer.Argument(help="A task or a suite: its name, WORKSPACE:NAME, or the path of its folder.")]


@app.command("list")
def list_(*, as_json: AsJson = False, workspace: Workspace = here, quiet: Quiet = False, debug: Debug = False) -> None:
    """List the tasks and suites of your workspace, of add-ons and of bench itself."""
    del quiet, debug
    workspaces = load_workspaces(workspace)
    found, suites = list_tasks(workspaces), list_suites(workspaces)
    rows: list[tuple[str, ...]] = [
        (item.task.name, item.task.kind, item.task.metric, item.workspace, item.task.description) for item in found
    ]
    rows += [(suite.name, "suite", "", space, suite.description or f"{len(suite.tasks)} tasks") for suite, space in suites]
    tasks = [item.task.model_dump(mode="json") for item in found]
    plain = align(("name", "kind", "metric", "from", "description"), rows)
    typer.echo(json.dumps(tasks, indent=2, ensure_ascii=False) if as_json else plain)


@app.command()
def show(name: Name, *, as_json: AsJson = False, workspace: Workspace = here, quiet: Quiet = False, debug: Debug = False) -> None:
    """Show one task or suite whole, and where it comes from."""
    del quiet, debug
    found = find_target(name, load_workspaces(workspace))
    noun = found.suite if isinstance(found, LoadedSuite) else found.task
    facts = {"workspace": found.workspace, "file": show_path(found.path or workspace)}
    typer.echo(noun.model_dump_json(indent=2) if as_json else describe(noun, facts))


@app.command()
def new(  # noqa: PLR0913 - each parameter is an option
    name: New, *, data: Rows, kind: KindOf = "", text: Text = None, label: Label = "", metric: Metric = "", copy: Copy = False,
    as_json: AsJson = False, workspace: Workspace = here, quiet: Quiet = False, debug: Debug = False,
) -> None:  # fmt: skip
    """Write a task for your rows: kind, columns and test rows are inferred, and said.

    Nothing is overwritten. Where two readings are about as likely, the error names the option that decides.
    """
    del debug
    asked = Asked(name, data, kind, tuple(text or ()), label, metric, copy)
    draft, file = new_task(asked, workspace)
    typer.echo(drafted.to_json(draft, file) if as_json else drafted.to_text(draft, file, workspace, quiet=quiet))


@app.command()
def check(  # noqa: PLR0913 - each parameter is an option
    names: Checked, *, data: Data = None, seed: Seed = 0, offline: Offline = False,
    as_json: AsJson = False, workspace: Workspace = here, quiet: Quiet = False, debug: Debug = False,
) -> None:  # fmt: skip
    """Audit the rows of tasks: copies, leaks, doubtful labels, small classes, wide intervals.

    Exits with 0 if nothing failed, 1 if something did, 2 if there is no such task or its file is not valid.
    """
    del debug
    place = "--data" if data else ""
    tasks = [task for name in names for task in _each_task(name, workspace, place)]
    found = [check_task(name, workspace=workspace, data=data, seed=seed, offline=offline) for name in tasks]
    conclude([finding for findings in found for finding in findings], as_json=as_json, quiet=quiet)


def _each_task(name: str, workspace: Path, data: str) -> list[str]:
    """Return the tasks that a name stands for: itself, or those of a suite.

    Raises:
        WorkspaceError: `data` names the option that gives other rows, and a suite has several tasks.
    """
    found = find_target(name, load_workspaces(workspace))
    if not isinstance(found, LoadedSuite):
        return [name]
    if data:
        raise WorkspaceError("a suite has the rows of several tasks", where=data, hint="check each of its tasks by itself")
    return [str(task.path) for task in found.tasks]
