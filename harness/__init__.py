"""Public names for plugin authors and notebooks; each is imported when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.comparison import Comparison as Comparison
    from harness.comparison import compare as compare
    from harness.comparison import reopen as reopen
    from harness.core.candidate import Candidate as Candidate
    from harness.core.card import Card as Card
    from harness.core.card import Links as Links
    from harness.core.card import Options as Options
    from harness.core.card import Pretraining as Pretraining
    from harness.core.measurement import Measurement as Measurement
    from harness.core.run import Settings as Settings
    from harness.core.task import Task as Task
    from harness.errors import BenchError as BenchError
    from harness.errors import CandidateError as CandidateError
    from harness.errors import TaskError as TaskError
    from harness.suites import compare_suite as compare_suite

    __version__: str

_HOMES = {
    "BenchError": "harness.errors",
    "Candidate": "harness.core.candidate",
    "CandidateError": "harness.errors",
    "Card": "harness.core.card",
    "Comparison": "harness.comparison",
    "Links": "harness.core.card",
    "Measurement": "harness.core.measurement",
    "Options": "harness.core.card",
    "Pretraining": "harness.core.card",
    "Settings": "harness.core.run",
    "Task": "harness.core.task",
    "TaskError": "harness.errors",
    "compare": "harness.comparison",
    "compare_suite": "harness.suites",
    "reopen": "harness.comparison",
}

__all__ = [
    "BenchError",
    "Candidate",
    "CandidateError",
    "Card",
    "Comparison",
    "Links",
    "Measurement",
    "Options",
    "Pretraining",
    "Settings",
    "Task",
    "TaskError",
    "__version__",
    "compare",
    "compare_suite",
    "reopen",
]


def __getattr__(name: str) -> object:
    """Import a public name's home when the name is first used, so that `import harness` is instant."""
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - only whoever asks for it pays for it

        try:
            return version("foundation-model-bench")
        except PackageNotFoundError:
            return "unknown (not installed)"
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
