"""`bench finetune`: the recommended contender, trained for good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.compare import AllowPickle, AllowRemoteCode, Device, Offline
from harness.cli.options import AsJson, Debug, Quiet, Workspace, here

if TYPE_CHECKING:
    from harness.finetuning import Handover

Run = Annotated[str, typer.Argument(help="A run's id or folder, or a task's name for its latest run.")]
Candidate = Annotated[str, typer.Option("--candidate", metavar="C", help="Another candidate than the recommended one.")]
Technique = Annotated[
    str, typer.Option("--technique", metavar="T", help="full, lora, …; by default the one that the run recommends for it.")
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write: a new or an empty one.")]


def command(  # noqa: PLR0913 - each is an option
    run: Run,
    *,
    out: Out,
    candidate: Candidate = "",
    technique: Technique = "",
    device: Device = "auto",
    offline: Offline = False,
    allow_pickle: AllowPickle = False,
    allow_remote_code: AllowRemoteCode = False,
    as_json: AsJson = False,
    workspace: Workspace = here,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a run's recommended contender on all but the test rows, and write a folder that its own library loads."""
    del debug
    from harness.cli.live import Watcher  # noqa: PLC0415 - help does without
    from harness.core.trust import Trust  # noqa: PLC0415 - as above
    from harness.execute.finalist import Wish  # noqa: PLC0415 - as above
    from harness.execute.terms import Terms  # noqa: PLC0415 - as above
    from harness.finetuning import finetune  # noqa: PLC0415 - as above

    terms = Terms(device, offline, Trust(pickle=allow_pickle, remote_code=allow_remote_code))
    with Watcher(quiet=quiet) as watcher:
        found = finetune(run, out, Wish(candidate, technique), terms, workspace=workspace, observe=watcher)
    typer.echo(_to_json(found) if as_json else _to_text(found))


def _to_json(found: Handover) -> str:
    return json.dumps({"folder": str(found.folder), **found.head.model_dump(mode="json")}, ensure_ascii=False, indent=1)


def _to_text(found: Handover) -> str:
    head = found.head
    test = f"{head.metric} {head.test.score:.3f} [{head.test.low:.3f}, {head.test.high:.3f}] on {head.data.test:,} test rows"
    use = f"\npredict: {head.predict}" if head.predict else ""
    return f"{head.contents.card.name} with {head.contents.technique}: {test}\nfolder: {found.folder}{use}"
