"""What difference does not matter where a task does not say, and its metric is an error in the unit of its values."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.core.data import Dataset
from harness.core.metric_facts import facts_of, is_own
from harness.core.task import Task

_SHARE = 0.01


def settle_margin(task: Task, stated: Task, changes: Sequence[str], data: Dataset) -> tuple[Task, Dataset]:
    """Return the task with a hundredth of the values' deviation as its margin, and the data with a note of it.

    Nothing changes where the metric has bounds, or where `stated`, the task as its file has it, or a change names a margin.
    """
    named = "margin" in stated.model_fields_set or any(one.partition("=")[0].strip() == "margin" for one in changes)
    if named or not is_own(task.metric) or facts_of(task.metric).is_bounded or data.rows.target != "number":
        return task, data
    values = [float(value) for value in data.rows.labels]  # type: ignore[arg-type]
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    margin = float(f"{_SHARE * deviation:.2g}")
    note = f"margin: {margin:g}, a hundredth of the values' deviation, for the task names none"
    return task.model_copy(update={"margin": margin}), data.noting(note)
