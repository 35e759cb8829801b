"""`bench compare`: the main job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.closing import close, exit_code
from harness.cli.options import AsJson, Debug, Quiet, Workspace, here
from harness.core.quantity import parse_duration, parse_size
from harness.core.run import EFFORTS, MEASURES, Settings
from harness.errors import WorkspaceError, raise_all, suggest

if TYPE_CHECKING:
    from harness.cli.live import Watcher
    from harness.cli.target import Target
    from harness.comparison import Changes, Comparison
    from harness.suites import SuiteComparison

Task = Annotated[
    list[str],
    typer.Option(
        "--task", metavar="T", help="A task or a suite: its name, WORKSPACE:NAME, or a path; or several tasks, one by one."
    ),
]
Candidates = Annotated[str, typer.Option("--candidates", metavar="A,B,…", help="Names or patterns; all that suit, if left out.")]
Techniques = Annotated[
    str, typer.Option("--techniques", metavar="A,B,…", help="knn, linear-probe, full, lora, …; what the effort says, if left out.")
]
Effort = Annotated[
    str, typer.Option("--effort", help="quick: frozen features only; standard: trains the best few; thorough: more.")
]
Budget = Annotated[str | None, typer.Option("--budget", metavar="TIME", help="How long all of it may take, e.g. 30m.")]
Data = Annotated[
    list[str] | None,
    typer.Option(
        "--data", metavar="[TASK=]PATH", help="A file or folder in place of a task's own rows; of several tasks, say whose."
    ),
]
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
AllowRemote = Annotated[
    bool, typer.Option("--allow-remote", help="Send rows to the servers of cards that name one; what that costs is yours.")
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
    allow_remote: AllowRemote = False,
    as_json: AsJson = False,
    workspace: Workspace = here,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare candidates on a task: quality, latency, memory, license; recommend one, and write the reports."""
    del debug
    from harness.cli.given import only_given  # noqa: PLC0415 - help does without
    from harness.cli.live import Watcher  # noqa: PLC0415 - help does without
    from harness.cli.target import find  # noqa: PLC0415 - as above

    target = find(task, data or (), workspace)
    wishes = {
        "candidates": split(candidates),
        "techniques": split(techniques),
        "effort": _known(effort),
        "budget_s": parse_duration(budget, "--budget") if budget else None,
        "data": target.data,
        "data_of": target.data_of,
        "device": device,
        "seed": seed,
        "offline": offline,
        "constraints": tuple(constraint or ()),
        "measures": parse_measures(measure),
        "trial_timeout_s": parse_duration(trial_timeout, "--trial-timeout") if trial_timeout else None,
        "memory_limit_bytes": parse_size(memory_limit, "--memory-limit") if memory_limit else None,
        "allow_pickle": allow_pickle,
        "allow_remote_code": allow_remote_code,
        "allow_remote": allow_remote,
    }
    settings = Settings.model_validate(wishes) if resume is None else only_given(wishes, context)
    with Watcher(quiet=quiet) as watcher:
        found = _compare(target, settings, workspace=workspace, observe=watcher, resume=resume, formats=split(formats))
    close(found, as_json=as_json)
    raise typer.Exit(exit_code(found))


def _compare(
    target: Target, settings: Settings | Changes, *, workspace: Path, observe: Watcher, resume: str | None, formats: Sequence[str]
) -> Comparison | SuiteComparison:
    """Compare on the one task, or on several and then together."""
    if target.many:
        from harness.suites import compare_suite  # noqa: PLC0415 - one task does without

        return compare_suite(target.suite, settings, workspace=workspace, observe=observe, resume=resume, formats=formats)
    from harness.comparison import compare  # noqa: PLC0415 - help does without

    return compare(target.names[0], settings, workspace=workspace, observe=observe, resume=resume, formats=formats)


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
