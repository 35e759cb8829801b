"""The tables and the sentences that close a comparison on several tasks on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from harness.cli.summary import print_parts
from harness.core.suite_ranking import GroupRanking, SuiteRanking, SuiteRow

_ROWS = 12


def print_suite_summary(ranking: SuiteRanking, files: Mapping[str, Path]) -> None:
    """Print the models over the tasks of a suite, the one for all and the one for each, and where the reports are, on stdout."""
    print_parts(_suite_parts(ranking, files))


def _suite_parts(ranking: SuiteRanking, files: Mapping[str, Path]) -> Iterator[RenderableType]:
    for group in ranking.groups:
        yield from _group_parts(group)
        yield Text("")
    for lost in ranking.missing:
        yield Text(f"not judged: {lost.task}: {lost.reason}")
    for name in ("html", "markdown"):
        if name in files:
            yield Text(f"{name}: {files[name]}")


def _group_parts(group: GroupRanking) -> Iterator[RenderableType]:
    scored = [row for row in group.rows if row.scores]
    if scored:
        yield _suite_table(group, scored[:_ROWS])
    if len(scored) > _ROWS:
        yield Text(f"… and {len(scored) - _ROWS} more in the report")
    for task in group.tasks:
        own = task.recommendation
        stopped = f" (stopped: {task.unfinished} trials were not run)" if task.unfinished else ""
        yield Text(f"{task.task} by itself: {f'{own.candidate} · {own.technique}' if own else 'nothing qualifies'}{stopped}")
    yield Text("")
    single = group.single
    count, kind = len(group.tasks), group.modality
    tasks = f"the {kind} task" if count == 1 else f"both {kind} tasks" if count == 2 else f"all {count} {kind} tasks"
    yield Text(f"Recommended for {tasks}: {single.candidate}" if single else f"No model serves {tasks}.", style="bold")
    if single:
        yield Text(single.reason)
    if single and len(group.tasks) > 1:
        cost = f"{single.cost.score:.3f} [{single.cost.low:.3f}, {single.cost.high:.3f}] {group.unit}"
        yield Text(f"Against one model a task, the single choice costs {cost} on average.")


def _suite_table(group: GroupRanking, rows: Sequence[SuiteRow]) -> Table:
    table = Table(title=f"{group.modality}: mean regret in {group.unit}, mean rank, and each task's score", title_justify="left")
    for title in ("", "candidate", "regret", "95 % interval", "rank", *(task.task for task in group.tasks)):
        is_name = title == "candidate"
        table.add_column(
            title, justify="left" if is_name else "right", overflow="fold", no_wrap=title in {"candidate", "95 % interval"}
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in _suite_cells(row, [task.task for task in group.tasks])))
    return table


def _suite_cells(row: SuiteRow, tasks: Sequence[str]) -> tuple[str, ...]:
    scores = [row.find(task) for task in tasks]
    return (
        str(row.rank) if row.rank else "–",
        row.candidate,
        f"{row.regret.score:.3f}" if row.regret else "–",
        f"[{row.regret.low:.3f}, {row.regret.high:.3f}]" if row.regret else "–",
        f"{row.place.score:.1f}" if row.place else "–",
        *(f"{score.validation.score:.3f}" if score else "–" for score in scores),
    )
