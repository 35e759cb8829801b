"""`bench compare`: the main job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import AsJson, Debug, Quiet, Workspace, here
from harness.core.quantity import parse_duration, parse_size
from harness.core.run import EFFORTS, MEASURES, Settings
from harness.errors import WorkspaceError, raise_all, suggest

if TYPE_CHECKING:
    from harness.comparison import Comparison

Task = Annotated[str, typer.Option("--task", help="A task's name, WORKSPACE:NAME, or the path of its folder.")]
Candidates = Annotated[str, typer.Option("--candidates", metavar="A,B,…", help="Names or patterns; all that suit, if left out.")]
Techniques = Annotated[
    str, typer.Option("--techniques", metavar="A,B,…", help="knn, linear-probe, full, lora, …; what the effort says, if left out.")
]
Effort = Annotated[
    str, typer.Option("--effort", help="quick: frozen features only; standard: trains the best few; thorough: more.")
]
Budget = Annotated[str | None, typer.Option("--budget", metavar="TIME", help="How long all of it may take, e.g. 30m.")]
Data = Annotated[str | None, typer.Option("--data", metavar="PATH", help="A file or folder in place of the task's own rows.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Draws the split and the bootstrap.")]
Offline = Annotated[bool, typer.Option("--offline", help="Fetch nothing; use what is on this machine.")]
Resume = Annotated[
    str | None,
    typer.Option(
        metavar="[RUN]", help="Go on with a run, the task's last one if none is named; its settings hold where none are given."
    ),
]
Measures = Annotated[str, typer.Option(metavar="A,B,…", help="What to measure: quality always, and latency, memory.")]
Formats = Annotated[str, typer.Option("--format", metavar="A,B,…", help="html, md, json.")]
TrialTimeout = Annotated[
    str | None, typer.Option(metavar="TIME", help="End a trial that takes longer, e.g. 90s or 10m; by size and rows, if left out.")
]
MemoryLimit = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="End a candidate that takes more, e.g. 4GB; nine tenths of what is free, if left out."),
]
AllowPickle = Annotated[bool, typer.Option("--allow-pickle", help="Read weights that are not safetensors, without running code.")]
AllowRemoteCode = Annotated[
    bool, typer.Option("--allow-remote-code", help="Run Python from the repositories of cards that say remote_code.")
]
Change = Annotated[
    list[str] | None,
    typer.Option(
        "--constraint", metavar="KEY=VALUE", help="Change the task, e.g. latency_ms=5, license=commercial, prefer=memory."
    ),
]


def command(  # noqa: PLR0913 - each is an option
    context: typer.Context,
    *,
    task: Task,
    candidates: Candidates = "",
    techniques: Techniques = "",
    effort: Effort = "standard",
    budget: Budget = None,
    data: Data = None,
    constraint: Change = None,
    device: Device = "auto",
    seed: Seed = 0,
    offline: Offline = False,
    resume: Resume = None,
    measure: Measures = "quality,latency,memory",
    formats: Formats = "html,md,json",
    trial_timeout: TrialTimeout = None,
    memory_limit: MemoryLimit = None,
    allow_pickle: AllowPickle = False,
    allow_remote_code: AllowRemoteCode = False,
    as_json: AsJson = False,
    workspace: Workspace = here,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare candidates on a task: quality, latency, memory, license; recommend one, and write the reports."""
    del debug
    from harness.cli.given import only_given  # noqa: PLC0415 - help does without
    from harness.cli.live import Watcher  # noqa: PLC0415 - help does without
    from harness.comparison import compare  # noqa: PLC0415 - as above

    wishes = {
        "candidates": split(candidates),
        "techniques": split(techniques),
        "effort": _known(effort),
        "budget_s": parse_duration(budget, "--budget") if budget else None,
        "data": data,
        "device": device,
        "seed": seed,
        "offline": offline,
        "constraints": tuple(constraint or ()),
        "measures": parse_measures(measure),
        "trial_timeout_s": parse_duration(trial_timeout, "--trial-timeout") if trial_timeout else None,
        "memory_limit_bytes": parse_size(memory_limit, "--memory-limit") if memory_limit else None,
        "allow_pickle": allow_pickle,
        "allow_remote_code": allow_remote_code,
    }
    settings = Settings.model_validate(wishes) if resume is None else only_given(wishes, context)
    with Watcher(quiet=quiet) as watcher:
        found = compare(task, settings, workspace=workspace, observe=watcher, resume=resume, formats=split(formats))
    close(found, as_json=as_json)
    raise typer.Exit(130 if found.interrupted else 0 if found.recommendation else 1)


def _known(effort: str) -> str:
    """Accept known efforts only.

    Raises:
        WorkspaceError: it is unknown.
    """
    if effort not in EFFORTS:
        raise WorkspaceError(f'unknown effort "{effort}"', where="--effort", hint=suggest(effort, EFFORTS))
    return effort


def parse_measures(words: str) -> tuple[str, ...]:
    """Return what is to be measured, quality first.

    >>> parse_measures("memory")
    ('quality', 'memory')

    Raises:
        WorkspaceError: a word is unknown.
    """
    found = split(words)
    raise_all(
        [WorkspaceError(f'unknown measure "{w}"', where="--measure", hint=suggest(w, MEASURES)) for w in found if w not in MEASURES]
    )
    return tuple(name for name in MEASURES if name == "quality" or name in found)


def split(words: str) -> tuple[str, ...]:
    """Split at commas and drop what is empty.

    >>> split("a, b,")
    ('a', 'b')
    """
    return tuple(word.strip() for word in words.split(",") if word.strip())


def close(found: Comparison, *, as_json: bool) -> None:
    """Print the result on stdout: one JSON document, or the table and the recommendation."""
    if as_json:
        from harness.report.document import to_document  # noqa: PLC0415 - the table does without

        typer.echo(json.dumps(to_document(found.info, found.result, found.files), ensure_ascii=False, indent=1))
    else:
        from harness.cli.summary import print_summary  # noqa: PLC0415 - JSON does without

        print_summary(found.result, found.files)
