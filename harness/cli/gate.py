"""`bench gate`: whether a run is good enough to go on with, for CI."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from harness.cli.listing import align
from harness.cli.options import AsJson, Debug, Quiet, Workspace, here
from harness.cli.report import Run
from harness.core.gate import Gate
from harness.errors import one_line

Candidate = Annotated[str, typer.Option("--candidate", metavar="NAME", help="Who is checked; the recommended one, if left out.")]
Technique = Annotated[str, typer.Option("--technique", metavar="NAME", help="Its technique; its best placed one, if left out.")]
Quality = Annotated[
    float | None, typer.Option("--min-quality", metavar="X", help="The score that its interval's worse end must reach.")
]
Latency = Annotated[float | None, typer.Option("--max-latency-ms", metavar="X", help="The most that its p95 latency may be.")]
Memory = Annotated[float | None, typer.Option("--max-memory-mb", metavar="X", help="The most memory that it may take.")]
Against = Annotated[str, typer.Option("--against", metavar="RUN", help="Another run of the task, that it must not be worse than.")]
Drop = Annotated[
    float | None, typer.Option("--max-drop", metavar="X", help="How much worse it may be; the task's margin, if left out.")
]


def command(  # noqa: PLR0913 - each is an option
    run: Run,
    *,
    candidate: Candidate = "",
    technique: Technique = "",
    min_quality: Quality = None,
    max_latency_ms: Latency = None,
    max_memory_mb: Memory = None,
    against: Against = "",
    max_drop: Drop = None,
    as_json: AsJson = False,
    workspace: Workspace = here,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Check a run against limits and against an earlier run: exit code 0 if all holds, 1 if not, 2 for bad input."""
    del quiet, debug
    from harness.past.gate import Wish, gate  # noqa: PLC0415 - help does without
    from harness.rank.gate import Limits  # noqa: PLC0415 - as above

    limits = Limits(min_quality, max_latency_ms, max_memory_mb)
    found = gate(run, limits, Wish(candidate, technique, against, max_drop), workspace=workspace)
    typer.echo(json.dumps(_to_document(found), ensure_ascii=False, indent=1) if as_json else _to_text(found))
    raise typer.Exit(int(not found.holds))


def _to_document(found: Gate) -> dict[str, object]:
    checks = [check.model_dump(mode="json") | {"holds": check.holds} for check in found.checks]
    return {"schema": "bench.gate/1", **found.model_dump(mode="json"), "holds": found.holds, "checks": checks}


def _to_text(found: Gate) -> str:
    name = f"{found.candidate} · {found.technique}".strip(" ·")
    header = one_line(f"{found.task}, run {found.run}{f': {name}' if name else ''}")
    rows = [("holds" if check.holds else "fails", check.name, one_line(check.reason)) for check in found.checks]
    notes = [one_line(f"note: {note}") for note in found.notes]
    failed = sum(not check.holds for check in found.checks)
    end = f"{failed} of {len(found.checks)} checks fail" if failed else "all checks hold"
    return "\n".join([align((header, "", ""), []), align(rows[0], rows[1:]), *notes, end])
