"""`bench history`: the runs of a workspace, oldest to newest."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from harness.cli.listing import align
from harness.cli.options import AsJson, Debug, Quiet, Workspace, here
from harness.core.history import PastRun
from harness.errors import one_line

Task = Annotated[str, typer.Argument(help="A task; all tasks, if left out.", show_default=False)]
Last = Annotated[int | None, typer.Option("--last", metavar="N", min=1, help="The newest N runs only.")]


def command(
    task: Task = "",
    *,
    last: Last = None,
    as_json: AsJson = False,
    workspace: Workspace = here,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """List the runs of a task, or of all: what each recommends, and what changed since the one before."""
    del quiet, debug
    from harness.past.history import list_history  # noqa: PLC0415 - help does without

    found = list_history(task, workspace=workspace, last=last)
    if as_json:
        document = {"schema": "bench.history/1", "runs": [row.model_dump(mode="json") for row in found]}
        typer.echo(json.dumps(document, ensure_ascii=False, indent=1))
    elif found:
        typer.echo(_table(found, has_task=not task))
    else:
        typer.echo("no run yet; `bench compare` makes one")


def _table(rows: tuple[PastRun, ...], *, has_task: bool) -> str:
    header = ("run", "began", *(["task"] if has_task else []), "recommended", "score", "95 % interval", "", "changed")
    return align(header, [[one_line(cell) for cell in _cells(row, has_task=has_task)] for row in rows])


def _cells(row: PastRun, *, has_task: bool) -> tuple[str, ...]:
    chosen = row.recommendation
    began = row.started[:16].replace("T", " ") or "–"
    task = (row.task,) if has_task else ()
    note = f"{row.state}: {row.note}" if row.note else row.state
    changed = "; ".join([*([] if row.state == "finished" else [note]), *row.changes]) or "–"
    if chosen is None:
        nothing = "–" if row.state == "damaged" else "nothing qualifies"
        return (row.run, began, *task, nothing, "–", "–", "", changed)
    figures = (f"{chosen.score:.3f}", f"[{chosen.low:.3f}, {chosen.high:.3f}]", "decisive" if chosen.decisive else "not decisive")
    return (row.run, began, *task, f"{chosen.candidate} · {chosen.technique}", *figures, changed)
