"""An errand inside its process: the function is found and called, and what it gives or raises is sent up."""

from __future__ import annotations

import importlib
import json
import os
import traceback

from harness.core.candidate import Registered
from harness.errors import BenchError
from harness.execute.uplink import Uplink
from harness.execute.worker import settle


def work(name: str, argument: object, candidate: Registered, messages: Uplink) -> None:
    """Call `module:function` and send its answer, or how it failed."""
    settle(candidate)
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)(argument, lambda line: messages.send("stage", line))
        messages.send("answer", found.model_dump_json())
    except BaseException as error:  # noqa: BLE001 - the boundary of the process: a model may raise anything
        traceback.print_exception(error)
        messages.send("failure", json.dumps(_describe(error)))
    messages.close()


def _describe(error: BaseException) -> tuple[str, str, str]:
    if isinstance(error, BenchError):
        return error.what, error.where, error.hint
    where = traceback.extract_tb(error.__traceback__)[-1]
    text = next(iter(str(error).splitlines()), "")
    place = f"{os.path.basename(where.filename)}, line {where.lineno}"  # noqa: PTH119 - a name, whatever the system
    return f"{type(error).__name__}: {text}"[:500], place, "is the model as `bench candidates check` likes it?"
