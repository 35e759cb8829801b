"""Changes to a task from the command line: `latency_ms=5`, `license=commercial`, `prefer=memory`, `margin=0.02`."""

from __future__ import annotations

from collections.abc import Sequence

import yaml
from pydantic import ValidationError

from harness.core.constraint import Constraints
from harness.core.task import Task
from harness.errors import TaskError, raise_all, suggest

_OF_TASK = ("margin", "prefer", "metric")


def override(task: Task, changes: Sequence[str]) -> Task:
    """Return the task with its constraints, margin, preference or metric changed.

    Raises:
        TaskError: a change is not `KEY=VALUE`, its key is unknown, or its value does not fit.
    """
    content = task.model_dump(mode="json")
    known = [*Constraints.model_fields, *_OF_TASK]
    faults = []
    for change in changes:
        key, _, value = change.partition("=")
        head, *rest = key.strip().split(".")
        if not value or head not in known:
            hint = "write KEY=VALUE, e.g. latency_ms=5" if not value else suggest(head, known)
            faults.append(TaskError(f'cannot read the change "{change}"', where="--constraint", hint=hint))
            continue
        target = content if head in _OF_TASK else content["constraints"]
        for part in rest:
            target[head] = target.get(head) or {}
            target, head = target[head], part
        target[head] = yaml.safe_load(value)
    raise_all(faults)
    try:
        return Task.model_validate(content)
    except ValidationError as error:
        wrong = [
            TaskError(e["msg"], where=f"--constraint {'.'.join(map(str, e['loc']))}", hint="see `bench schema task`")
            for e in error.errors()
        ]
        raise_all(wrong)
        raise
