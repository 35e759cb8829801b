"""Whether the metric of a task may be used: one from `evaluate` is Python that somebody else wrote."""

from __future__ import annotations

import os
import re

from harness.core.metric_facts import check_leave, is_own
from harness.core.trust import Trust
from harness.errors import TaskError
from harness.load.place import where
from harness.load.tasks import LoadedTask

_HUB = re.compile(r"^[\w-][\w.-]*(/[\w-][\w.-]*)?$")


def check_metric(found: LoadedTask, trust: Trust) -> None:
    """Refuse a metric whose code the user has not allowed, or which is not on the Hub.

    Raises:
        TaskError: it is such a one.
    """
    metric = found.task.metric
    if is_own(metric):
        return
    name, place = metric.removeprefix("evaluate:"), where(found.path, key=("metric",))
    if not _HUB.match(name) or os.path.lexists(name):
        what = f'the metric "{name}" is a local path'
        raise TaskError(what, where=place, hint="name a metric of the Hub, and run from a folder that holds nothing of that name")
    check_leave(metric, trust, place)
