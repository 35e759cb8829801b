"""Changes to a task from the command line: `latency_ms=5`, `license=commercial`, `prefer=memory`, `margin=0.02`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from harness.core.constraint import Constraints
from harness.core.task import Task
from harness.errors import BenchError, TaskError, raise_all, suggest
from harness.load.faults import explain
from harness.load.yaml_file import read_value

_OF_TASK = ("margin", "prefer", "metric")
_KNOWN = (*Constraints.model_fields, *_OF_TASK)
_OPTION = "--constraint"
MAX_CHANGE = 10_000


def override(task: Task, changes: Sequence[str]) -> Task:
    """Return the task with its constraints, margin, preference or metric changed.

    Raises:
        BenchError: changes are not `KEY=VALUE`, their keys are unknown, or their values do not fit; all at once.
    """
    content = task.model_dump(mode="json")
    faults: list[BenchError] = []
    for change in changes:
        try:
            _apply(content, change)
        except TaskError as error:
            faults.append(error)
    raise_all(faults)
    try:
        return Task.model_validate(content)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            place = ".".join(str(part) for part in item["loc"] if part != "constraints")
            what, hint = explain(item, Task)
            if item["type"] == "model_type":
                hint = f"give a value that `bench schema task` names, or change a part: {place}.PART=VALUE"
            faults.append(TaskError(what, where=f"{_OPTION} {place}", hint=hint))
        raise_all(faults)
        raise


def _apply(content: dict[str, Any], change: str) -> None:
    """Write one change into a task's content."""
    what = f'cannot read the change "{change[:80]}"'
    if len(change) > MAX_CHANGE:
        msg = f"a change has {len(change):,} characters; the limit is {MAX_CHANGE:,}"
        raise TaskError(msg, where=_OPTION, hint="write KEY=VALUE, e.g. latency_ms=5")
    key, _, text = change.partition("=")
    head, *rest = key.strip().split(".")
    if not text.strip():
        raise TaskError(what, where=_OPTION, hint="write KEY=VALUE, e.g. latency_ms=5")
    if head not in _KNOWN:
        raise TaskError(what, where=_OPTION, hint=suggest(head, _KNOWN))
    try:
        value = read_value(text, _OPTION, TaskError)
    except BenchError as error:
        raise TaskError(what, where=_OPTION, hint="put a value that holds brackets, colons or quotes in quotes") from error
    target = content if head in _OF_TASK else content["constraints"]
    for part in rest:
        inner = target[head] if isinstance(target.get(head), dict) else {}
        target[head] = inner
        target, head = inner, part
    target[head] = value
