"""`bench report`: the reports of a finished run, made again from its records."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.closing import close, exit_code
from harness.cli.compare import Change, split
from harness.cli.options import AsJson, Debug, Quiet, Workspace, here

Run = Annotated[str, typer.Argument(help="A run's id or folder, or the name of a task or suite for its latest run.")]
Formats = Annotated[str, typer.Option("--format", metavar="A,B,…", help="html, md, json.")]
Out = Annotated[str | None, typer.Option("--out", metavar="DIR", help="Where to write; the run's own folder, if left out.")]
Open = Annotated[bool, typer.Option("--open", help="Open the HTML report in the browser.")]


def command(  # noqa: PLR0913 - each is an option
    run: Run,
    *,
    formats: Formats = "html,md,json",
    constraint: Change = None,
    out: Out = None,
    open_: Open = False,
    as_json: AsJson = False,
    workspace: Workspace = here,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Rank and render a run again; no model is needed. With other constraints the answer is printed, and written only to --out."""
    del debug
    from harness.comparison import reopen  # noqa: PLC0415 - help does without
    from harness.suites import reopen_suite  # noqa: PLC0415 - as above

    changes = tuple(constraint or ())
    found = reopen_suite(run, workspace=workspace, changes=changes) or reopen(run, workspace=workspace, changes=changes)
    if out or not constraint:
        found = found.write(out, formats=split(formats))
    if not quiet or as_json:
        close(found, as_json=as_json)
    if open_ and "html" in found.files:
        typer.launch(str(found.files["html"]))
    raise typer.Exit(exit_code(found))
