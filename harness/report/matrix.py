"""The scores of every technique on every candidate, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.core.ranking import RankedContender, Ranking
from harness.core.report import Row, Table
from harness.core.shown import Column
from harness.core.training_report import Matrix, MatrixCell, MatrixRow
from harness.core.trial import Inapplicable, Record
from harness.report import prose

_FAILED = "failed"
_HELP = {
    "zero-shot": "Frozen features, compared with the words for the classes; no labels are learned from.",
    "entailment": "How strongly a row entails what is said of each class, by the model's own head; no labels are learned from.",
    "prompted": "What goes on from a prompt: the likeliest words for a class, or a text; no labels are learned from.",
    "few-shot": "The same, with labeled rows shown in the prompt.",
    "cosine": "Frozen features of a row's texts, compared with each other; no labels are learned from.",
    "dense-search": "The documents whose vectors are nearest to the query's, by cosine; nothing is learned.",
    "knn": "On frozen features.",
    "linear-probe": "A linear head on frozen features.",
    "full": "All weights are trained.",
    "lora": "Low-rank matrices beside the weights are trained.",
    "ia3": "Factors on keys, values and inner activations are trained.",
    "prompt-tuning": "Virtual tokens before the input are trained.",
    "probe-then-finetune": "The head comes from a linear probe, then all weights are trained.",
}


def build(ranking: Ranking, ranked: Table, records: Sequence[Record]) -> Matrix:
    """Return the matrix, candidates in the order of the ranking; techniques on frozen features stand before those that train.

    Baselines have no part in it: they are not of a foundation model.
    """
    members = [row for row in ranking.rows if not row.baseline]
    reasons = _reasons(ranking, records)
    names = {row.candidate for row in members}
    # What failed for everybody has a column too: it was tried.
    failed = {technique for (name, technique), cell in reasons.items() if name in names and technique and cell.text == _FAILED}
    trained = {row.technique for row in members if row.is_trained} | {
        r.trial.technique for r in records if r.trial.measures == "training"
    }
    techniques = sorted(
        {row.technique for row in members} | failed,
        key=lambda t: (t in trained, list(_HELP).index(t) if t in _HELP else -1, t),
    )
    shown = {(row.candidate, row.technique): row for row in ranked.rows}
    sources = {(row.candidate, row.technique): row for row in members}
    return Matrix(
        columns=tuple(Column(key=t, label=_label(t), help=_HELP.get(t, "")) for t in techniques),
        rows=tuple(
            MatrixRow(
                candidate=name,
                cells=tuple(
                    _cell(shown[name, t], sources[name, t]) if (name, t) in sources else _empty(name, t, reasons)
                    for t in techniques
                ),
            )
            for name in dict.fromkeys(row.candidate for row in members)
        ),
    )


def _label(technique: str) -> str:
    text = prose.how(technique)
    return text[:1].upper() + text[1:]


def _cell(row: Row, source: RankedContender) -> MatrixCell:
    return MatrixCell(
        text=row.validation.text,
        interval=row.validation.interval,
        tie=row.tie,
        recommended=row.recommended,
        qualified=row.qualified,
        detail=prose.reached(source.epochs, source.of),
        note=f"tie group {row.tie}" if row.qualified else "; ".join(row.reasons),
    )


def _empty(candidate: str, technique: str, reasons: Mapping[tuple[str, str], MatrixCell]) -> MatrixCell:
    return reasons.get((candidate, technique)) or reasons.get((candidate, "")) or MatrixCell()


def _reasons(ranking: Ranking, records: Sequence[Record]) -> dict[tuple[str, str], MatrixCell]:
    """Return the cells of what failed or does not apply."""
    found = {
        (r.trial.candidate, r.trial.technique): MatrixCell(note=f"does not apply: {r.outcome.reason}")
        for r in records
        if isinstance(r.outcome, Inapplicable)
    }
    return found | {(f.candidate, f.technique): MatrixCell(text=_FAILED, note=f"failed: {f.error}") for f in ranking.failed}
