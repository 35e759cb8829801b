"""`bench predict`: new rows, answered by a fine-tuned model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.compare import AllowPickle, AllowRemoteCode, Device, Offline
from harness.cli.options import AsJson, Debug, Quiet, Workspace, here

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `bench finetune` wrote.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="Rows as CSV, TSV, JSONL or Parquet, or a folder of pictures.")]
Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the answers go: .parquet or .csv.")]
Column = Annotated[
    str, typer.Option("--column", metavar="NAME", help="The column of the texts or pictures; found out, if left out.")
]
Batch = Annotated[int | None, typer.Option("--batch", min=1, help="Rows to answer at once; by the device, if left out.")]


def command(  # noqa: PLR0913 - each is an option
    folder: Folder,
    file: File,
    *,
    out: Out,
    column: Column = "",
    batch: Batch = None,
    device: Device = "auto",
    offline: Offline = False,
    allow_pickle: AllowPickle = False,
    allow_remote_code: AllowRemoteCode = False,
    as_json: AsJson = False,
    workspace: Workspace = here,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Answer new rows with a fine-tuned model; the answers stand beside the rows, whole or not at all."""
    del debug, workspace
    from harness.cli.live import Watcher  # noqa: PLC0415 - help does without
    from harness.core.trust import Trust  # noqa: PLC0415 - as above
    from harness.execute.terms import Terms  # noqa: PLC0415 - as above
    from harness.prediction import Reading, predict  # noqa: PLC0415 - as above

    terms = Terms(device, offline, Trust(pickle=allow_pickle, remote_code=allow_remote_code))
    with Watcher(quiet=quiet) as watcher:
        found = predict(folder, file, out, Reading(column, batch), terms=terms, observe=watcher)
    facts = {"file": str(found.file), "rows": found.rows, "empty": found.empty, "guarded": found.guarded, "column": found.column}
    typer.echo(
        json.dumps(facts, indent=1) if as_json else f"{found.rows - found.empty:,} of {found.rows:,} rows answered: {found.file}"
    )
