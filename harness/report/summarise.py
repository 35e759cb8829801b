"""From a run and its ranking to everything a reader is shown. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from harness.core.ranking import Ranking
from harness.core.report import Option, Report, Row, Table
from harness.core.run import RunInfo
from harness.core.shown import FigureNote
from harness.core.trial import Record
from harness.report import absent, advice, facts, known, parts, table, training, transfer
from harness.report.prose import clean_all, listing, metric_label, plural

QUALITY, INTERVALS = "quality-latency", "intervals"
_LINE = "The line is the best score to be had at each latency. "
_SAME_NUMBERS = "The same numbers stand in the ranking table."


def summarise(info: RunInfo, ranking: Ranking, records: Sequence[Record]) -> Report:
    """Return the report: sentences, tables and numbers with their text. Strings are on one line, without control characters."""
    ranked = table.build(ranking)
    report = Report(
        run=info.run,
        task=info.task.name,
        title=f"Which model for {info.task.name}?",
        description=info.task.description,
        metric=ranking.metric,
        metric_label=metric_label(ranking.metric),
        higher_is_better=ranking.higher_is_better,
        margin=ranking.margin,
        started=info.started,
        advice=advice.advise(info, ranking),
        requirements=facts.requirements(info, ranking),
        table=ranked,
        figures=_figures(ranked),
        options=tuple(Option(**option.model_dump()) for option in ranking.alternatives),
        transfer=transfer.build(ranking),
        parts=parts.build(ranking),
        known=known.build(info, ranking),
        excluded=absent.excluded(ranking),
        skipped=absent.skipped(ranking),
        failed=absent.failed(ranking),
        data=facts.data(info.data, info),
        data_notes=info.data.notes,
        warnings=facts.warnings(info, ranking, records),
        card_warnings=info.card_warnings,
        method=facts.method(info, ranking, records),
        machine=facts.machine(info),
        versions=facts.versions(info),
        command=advice.command(info),
        training=training.build(info, ranking, ranked, records),
    )
    return Report.model_validate(clean_all(report.model_dump()))


def _figures(ranked: Table) -> tuple[FigureNote, ...]:
    """Return the figures that the rows allow, with what they show in words."""
    shown = [row for row in ranked.rows if row.in_view]
    timed = [row for row in shown if row.cells["latency_p95_ms"].value]
    absent_rows = [f"{row.name} ({row.validation.text})" for row in ranked.rows if not row.in_view]
    left_out = f" Too far off to be shown: {listing(absent_rows)}." if absent_rows else ""
    has_front = any(row.qualified and not row.control for row in timed)
    notes = []
    if timed:
        quickest = min(timed, key=lambda row: row.cells["latency_p95_ms"].value or 0.0)
        notes.append(
            FigureNote(
                name=QUALITY,
                title=f"{ranked.metric} against p95 latency",
                alt=f"{ranked.metric} of {plural(len(timed), 'contender')} against p95 latency in ms on a logarithmic scale. "
                f"Fastest is {quickest.name} with {quickest.cells['latency_p95_ms'].text} ms. {_SAME_NUMBERS}",
                caption=f"{_LINE if has_front else ''}Bars are 95 % intervals; # is the rank.{_legend(timed)}{left_out}",
            )
        )
    if shown:
        notes.append(
            FigureNote(
                name=INTERVALS,
                title=f"{ranked.metric} with 95 % intervals, by tie group",
                alt=f"{ranked.metric} of {plural(len(shown), 'contender')} with 95 % intervals, in table order. {_SAME_NUMBERS}",
                caption="Points and bars are validation scores with 95 % intervals, hollow diamonds test scores. Overlapping "
                f"bars alone are no tie: contenders are compared row by row.{left_out}",
            )
        )
    return tuple(notes)


def _legend(rows: Sequence[Row]) -> str:
    """Say what the colors and shapes stand for that occur."""
    marks = (
        ("orange is the recommendation", any(row.recommended for row in rows)),
        ("gray is ruled out", any(not row.qualified for row in rows)),
        ("squares are baselines", any(row.baseline for row in rows)),
        ("triangles are controls", any(row.control for row in rows)),
    )
    told = listing([text for text, occurs in marks if occurs])
    return f" {told[0].upper()}{told[1:]}." if told else ""
