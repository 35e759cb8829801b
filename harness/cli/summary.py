"""The table and the sentences that close a comparison on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from harness.core.ranking import RankedContender, Ranking

_ROWS = 12
_WIDTH = 110


def print_summary(ranking: Ranking, files: Mapping[str, Path]) -> None:
    """Print the ranking, the recommendation and where the reports are, on stdout."""
    print_parts(_parts(ranking, files))


def print_parts(parts: Iterator[RenderableType]) -> None:
    """Print on stdout, in a pipe as wide as a table needs."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console = Console(highlight=False, soft_wrap=True, width=_WIDTH)
    for part in parts:
        console.print(part)


def _parts(ranking: Ranking, files: Mapping[str, Path]) -> Iterator[RenderableType]:
    ranked = [row for row in ranking.rows if row.rank]
    if ranked:
        yield _table(ranking, ranked[:_ROWS])
    if len(ranked) > _ROWS:
        yield Text(f"… and {len(ranked) - _ROWS} more in the report")
    absent = {
        "excluded": {row.candidate for row in ranking.excluded},
        "failed": {row.candidate for row in ranking.failed},
        "skipped": {row.candidate for row in ranking.skipped},
    }
    counts = [f"{len(names)} {state}" for state, names in absent.items() if names]
    if counts:
        yield Text(f"not ranked: {', '.join(counts)}; the report says why")
    chosen = ranking.recommendation
    yield Text("")
    yield Text(f"Recommended: {chosen.candidate} · {chosen.technique}" if chosen else "Nothing qualifies.", style="bold")
    if chosen:
        yield Text(chosen.reason)
    yield Text("")
    for name in ("html", "markdown"):
        if name in files:
            yield Text(f"{name}: {files[name]}")


def _table(ranking: Ranking, rows: list[RankedContender]) -> Table:
    table = Table(title=f"{ranking.task}: {ranking.metric} on {ranking.validation_rows} validation rows", title_justify="left")
    for title, justify in _COLUMNS:
        table.add_column(title, justify="right" if justify else "left")
    for row in rows:
        table.add_row(
            *(Text(cell) for cell in _cells(row)), end_section=row is not rows[-1] and row.tie != rows[rows.index(row) + 1].tie
        )
    return table


_COLUMNS = (("", 1), ("candidate", 0), ("technique", 0), ("score", 1), ("95 % interval", 1), ("test", 1), ("p95 ms", 1), ("MB", 1))


def _technique(row: RankedContender) -> str:
    """Name the technique, and how far it trained where that is not to the end."""
    return f"{row.technique}, {row.epochs:.4g} of {row.of:.4g} epochs" if row.is_partial else row.technique


def _cells(row: RankedContender) -> tuple[str, ...]:
    latency, memory = row.value("latency_p95_ms"), row.value("memory_mb")
    return (
        str(row.rank),
        row.candidate,
        _technique(row),
        f"{row.validation.score:.3f}",
        f"[{row.validation.low:.3f}, {row.validation.high:.3f}]",
        f"{row.test.score:.3f}" if row.test else "–",
        f"{latency:.3g}" if latency is not None else "–",
        f"{memory:.0f}" if memory is not None else "–",
    )
