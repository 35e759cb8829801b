"""`bench tasks`: what can be compared on."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from harness.cli.listing import align, describe
from harness.cli.options import AsJson, Debug, Quiet, Workspace, here
from harness.load.place import show as show_path
from harness.load.tasks import list_tasks, load_task
from harness.load.workspace import load_workspaces

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(help="A task's name, WORKSPACE:NAME, or the path of its folder.")]


@app.command("list")
def list_(*, as_json: AsJson = False, workspace: Workspace = here, quiet: Quiet = False, debug: Debug = False) -> None:
    """List the tasks of your workspace, of add-ons and of bench itself."""
    del quiet, debug
    found = list_tasks(load_workspaces(workspace))
    rows = [(item.task.name, item.task.kind, item.task.metric, item.workspace, item.task.description) for item in found]
    tasks = [item.task.model_dump(mode="json") for item in found]
    plain = align(("name", "kind", "metric", "from", "description"), rows)
    typer.echo(json.dumps(tasks, indent=2, ensure_ascii=False) if as_json else plain)


@app.command()
def show(name: Name, *, as_json: AsJson = False, workspace: Workspace = here, quiet: Quiet = False, debug: Debug = False) -> None:
    """Show one task whole, and where it comes from."""
    del quiet, debug
    found = load_task(name, load_workspaces(workspace))
    facts = {"workspace": found.workspace, "file": show_path(found.path)}
    typer.echo(found.task.model_dump_json(indent=2) if as_json else describe(found.task, facts))
