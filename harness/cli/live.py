"""What is seen while a comparison runs: a live view on a terminal, plain lines elsewhere. All of it goes to stderr."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from harness.core.progress import Progress
from harness.core.trial import Failed, Finished, Inapplicable, Record, Skipped

_LEADERS = 8


class Watcher:
    """Shows progress until it is left; `quiet` shows nothing."""

    def __init__(self, *, quiet: bool) -> None:
        """Choose the form that suits the terminal."""
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._bar = Bar(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=self._console
        )
        self._task = self._bar.add_task("", total=None)
        self._finished: list[Record] = []
        self._live = Live(console=self._console, refresh_per_second=4, transient=True) if self._console.is_terminal else None

    def __enter__(self) -> Self:
        """Start the live view."""
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Clear the live view away."""
        if self._live:
            self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Take one moment of the comparison."""
        if progress.record is not None:
            # Of several tasks, leaders are shown of the one that runs.
            self._finished = [one for one in self._finished if one.trial.task == progress.record.trial.task]
            self._finished.append(progress.record)
        if self._live:
            where = f"{progress.candidate}: {progress.text}" if progress.kind == "stage" else progress.text or progress.candidate
            self._bar.update(self._task, description=where, completed=progress.done, total=progress.total or None)
            self._live.update(Group(self._leaders(), self._bar))
        elif progress.kind == "message" and not progress.candidate:
            self._console.print(Text(progress.text), soft_wrap=True)
        elif progress.record is not None:
            self._console.print(Text(f"[{progress.done}/{progress.total}] {_line(progress.record)}"), soft_wrap=True)

    def _leaders(self) -> Table:
        """Return the best finished contenders so far, by validation score."""
        table = Table(box=None, pad_edge=False)
        for title in ("so far", "technique", "score", "p95 ms"):
            table.add_column(title, justify="right" if title in {"score", "p95 ms"} else "left")
        scored = [(_value(r, "score"), r) for r in self._finished]
        best = sorted(((s, r) for s, r in scored if s is not None), key=lambda pair: -pair[0])
        for score, record in best[:_LEADERS]:
            latency = _value(record, "latency_p95_ms")
            table.add_row(
                Text(record.trial.candidate), record.trial.technique, f"{score:.3f}", "" if latency is None else f"{latency:.3g}"
            )
        for record in self._finished:
            if isinstance(record.outcome, Failed):
                table.add_row(Text(record.trial.candidate), record.trial.technique, Text("failed"), "")
        return table


def _line(record: Record) -> str:
    trial = record.trial
    far = f" ({trial.fidelity.epochs:g} of {trial.fidelity.of:g} epochs)" if trial.fidelity else ""
    what = f"{trial.candidate} {trial.technique or trial.measures}{far}"
    if isinstance(record.outcome, Failed):
        return f"{what}: failed at {record.outcome.stage}: {record.outcome.error}"
    if isinstance(record.outcome, Skipped | Inapplicable):
        return f"{what}: skipped: {record.outcome.reason}"
    shown = [f"{m.name} {m.value:.4g}" for m in record.outcome.measurements if m.name in {"score", "latency_p95_ms", "memory_mb"}]
    return f"{what}: {', '.join(shown)}"


def _value(record: Record, name: str) -> float | None:
    found = record.outcome.find(name) if isinstance(record.outcome, Finished) else None
    return found.value if found else None
