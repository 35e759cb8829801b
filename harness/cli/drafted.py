"""How a new task is told of: what was found, why, and what comes next."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from harness.core.draft import Draft
from harness.load.place import show


def to_text(draft: Draft, file: Path, workspace: Path, *, quiet: bool) -> str:
    """Return what is told a person; with `quiet`, which file was written alone."""
    task = draft.task
    written = f"wrote {show(file)}"
    if quiet:
        return written
    several = ", any number of labels a row" if task.multi_label else ""
    told = {
        "kind": f"{task.kind}{several}: {draft.found['kind']}",
        "test": draft.found["test"],
        "metric": f"{task.metric}, {draft.found['metric']}",
    }
    lines = [f"{name:<7} {what}" for name, what in told.items()]
    lines += [f"note    {note}" for note in draft.notes]
    lines += [f"warning {what}" for what in draft.warnings]
    if draft.codes:
        lines.append("labels  are numbers or codes; say what they mean under `classes` for techniques that read words")
    if task.data.license == "unknown":
        lines.append("license unknown; state that of the rows under `data`")
    where = "" if workspace == Path() else f" --workspace {shlex.quote(str(workspace))}"
    lines += [f"now: bench tasks check {task.name}{where}", f"     bench compare --task {task.name}{where}"]
    return "\n".join([written, *lines])


def to_json(draft: Draft, file: Path) -> str:
    """Return the same as one document."""
    document = {
        "schema": "bench.new-task/1",
        "file": str(file),
        "task": draft.task.model_dump(mode="json"),
        "found": dict(draft.found),
        "notes": list(draft.notes),
        "warnings": list(draft.warnings),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)
