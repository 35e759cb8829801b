"""Which contender of a run is trained for good, with which recipe and how far. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.core.card import Card
from harness.core.kinds import UNTRAINED, Target
from harness.core.ranking import RankedContender, Ranking
from harness.core.run import RunInfo
from harness.core.technique_names import UNTAUGHT
from harness.core.trial import Fidelity, Finished, Record
from harness.errors import BenchError, CandidateError, WorkspaceError, suggest
from harness.models.adapters import can_train
from harness.techniques.catalogue import FOR_DOCUMENTS, FOR_TEXTS, TECHNIQUES
from harness.techniques.tuning import applies

_PROBE = "linear-probe"
# Why what some techniques make of a model is no folder of its own.
_NO_FOLDER = {
    "fit": "what a plugin fits by itself cannot be written as a folder",
    **dict.fromkeys(UNTAUGHT, "nothing is trained, the model is used as it is"),
    "few-shot": "nothing is trained, the model is used as it is with examples in each prompt",
    "knn": "its answers need all of the training rows",
}
# What can be done where rows get another answer than classes or numbers, and why the rest cannot.
_OTHERS: Mapping[Target, tuple[str, ...]] = {"text": FOR_TEXTS, "documents": FOR_DOCUMENTS}
_UNFIT: Mapping[Target, str] = {
    "text": "it tells classes or numbers, and texts are to be written",
    "documents": "it tells classes or numbers, and documents are to be found",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user names; what is empty is left to the run."""

    candidate: str = ""
    technique: str = ""


@dataclass(frozen=True, slots=True)
class Finalist:
    """A contender to be trained.

    Without a fidelity it goes as far as its recipe says; without a row the run did not try it. `notes` say what a user must know.
    """

    card: Card
    technique: str
    recipe: dict[str, str | int | float]
    fidelity: Fidelity | None
    row: RankedContender | None
    trial: str = ""
    notes: tuple[str, ...] = ()


def choose_finalist(info: RunInfo, ranking: Ranking, records: Sequence[Record], wish: Wish) -> Finalist:
    """Return the recommended contender, or the one that is named.

    What a constraint rules out must be named by its candidate. A technique that the run did not try takes its default recipe.

    Raises:
        BenchError: the run recommends nothing, it has no such candidate, or what is meant cannot be handed over.
    """
    if info.task.kind in UNTRAINED:
        what = f"{UNTRAINED[info.task.kind]}, and nothing is trained that a folder could hold"
        raise WorkspaceError(what, where=f"run {info.run}", hint="load the recommended model with its own library")
    _check_names(info, wish)
    candidate = wish.candidate or _recommended(info, ranking)
    card = next(card for card in info.cards if card.name == candidate)
    rows = [row for row in ranking.rows if row.candidate == candidate]
    target = info.task.target
    technique = wish.technique or _technique(ranking, rows, card, target, is_named=bool(wish.candidate))
    reason = _obstacle(card, technique, target)
    if reason:
        raise _not_to_be_had(card, technique, target, reason)
    row = next((row for row in rows if row.technique == technique), None)
    notes = _exclusions(ranking, row, card, technique)
    if notes and not wish.candidate:
        what = f"{card.name} with {technique} is ruled out: {notes[0]}"
        raise WorkspaceError(what, where=f"run {info.run}", hint=f"give --candidate {card.name} to train it all the same")
    record = _record(row, records) if row else None
    notes = [f"it is ruled out, and trained because you named it: {note}" for note in notes]
    if record is None:
        notes.append(f"the run did not try {technique} with {card.name}: the technique's default recipe is used")
        return Finalist(card, technique, {}, None, None, notes=tuple(notes))
    recipe = dict(record.trial.recipe) | _reading(record)
    return Finalist(card, technique, recipe, _fidelity(record), row, record.trial.key, tuple(notes))


def _reading(record: Record) -> dict[str, str | int | float]:
    """Return by which vector of a text the head read it, where it did."""
    used = record.outcome.recipe if isinstance(record.outcome, Finished) else {}
    return {"pooling": used["pooling"]} if "pooling" in used else {}


def _check_names(info: RunInfo, wish: Wish) -> None:
    names = [card.name for card in info.cards]
    if wish.candidate and wish.candidate not in names:
        what = f'the run has no candidate "{wish.candidate}"'
        raise WorkspaceError(what, where=f"--candidate, run {info.run}", hint=suggest(wish.candidate, names))
    if wish.technique and wish.technique not in TECHNIQUES:
        raise WorkspaceError(f'unknown technique "{wish.technique}"', where="--technique", hint=suggest(wish.technique, TECHNIQUES))


def _recommended(info: RunInfo, ranking: Ranking) -> str:
    if ranking.recommendation is not None:
        return ranking.recommendation.candidate
    names = list(dict.fromkeys(row.candidate for row in ranking.rows if not row.baseline and not row.control))
    hint = f"name one with --candidate: {', '.join(names[:8])}" if names else "run `bench compare` with other candidates"
    raise WorkspaceError("the run recommends nothing", where=f"run {info.run}", hint=hint)


def _technique(ranking: Ranking, rows: Sequence[RankedContender], card: Card, target: Target, *, is_named: bool) -> str:
    """Return the recommended technique; of a candidate that is named, the best of those that can be handed over."""
    chosen = ranking.recommendation
    if not is_named or (chosen is not None and chosen.candidate == card.name and not _obstacle(card, chosen.technique, target)):
        return chosen.technique if chosen else ""
    able = [row.technique for row in rows if not _obstacle(card, row.technique, target)]
    return able[0] if able else rows[0].technique if rows else _PROBE if target not in _OTHERS else "full"


def _obstacle(card: Card, technique: str, target: Target) -> str:
    """Return why a contender cannot be handed over as a folder, nothing where it can."""
    return _obstacle_of(card, technique) or ("" if technique in _OTHERS.get(target, (technique,)) else _UNFIT[target])


def _obstacle_of(card: Card, technique: str) -> str:
    """Return the same for rows of which something is told."""
    if card.baseline:
        return "a baseline is fitted from scratch, there is no foundation model to fine-tune"
    if card.control:
        return "a control with random weights is there to compare with"
    if card.remote is not None:
        return can_train(card)
    if technique in _NO_FOLDER:
        return _NO_FOLDER[technique]
    if technique == _PROBE:
        return "" if card.adapter else "a Python plugin loads its model in its own way"
    return can_train(card) or applies(technique, card)


def _not_to_be_had(card: Card, technique: str, target: Target, reason: str) -> BenchError:
    others = [name for name in TECHNIQUES if not _obstacle(card, name, target)]
    what = f"{card.name} with {technique} cannot be fine-tuned into a folder: {reason}"
    hint = f"name another technique: --technique {' | '.join(others)}" if others else "name another candidate with --candidate"
    return CandidateError(what, where=f"card {card.name}", hint=hint)


def _exclusions(ranking: Ranking, row: RankedContender | None, card: Card, technique: str) -> list[str]:
    """Return the reasons for which a constraint rules a contender out."""
    if row is not None and row.rank:
        return []
    mine = (one for one in ranking.excluded if one.candidate == card.name and one.technique in {"", technique})
    return [f"{one.constraint}: {one.reason}" for one in mine]


def _record(row: RankedContender, records: Sequence[Record]) -> Record | None:
    """Return the record that a row of the ranking stands on, the last one of a trial that was run more than once."""
    return next((r for r in reversed(records) if r.trial.key == row.trial and isinstance(r.outcome, Finished)), None)


def _fidelity(record: Record) -> Fidelity | None:
    """Return how far to train: to the end, or to where training was stopped because it did not help any more."""
    planned = record.trial.fidelity
    if planned is None or not isinstance(record.outcome, Finished):
        return None
    recipe = record.outcome.recipe
    # One that was stopped before a round's end answered otherwise than at its own.
    is_over = "stopped_at" in recipe and planned.share == 1
    reached = float(recipe.get("epochs_reached", 0)) if is_over else 0.0
    return Fidelity(epochs=min(reached, planned.of) or planned.of, of=planned.of)
