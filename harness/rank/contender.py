"""Contenders as a run's records tell of them, and what became of those that did not finish."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.core.card import Card
from harness.core.evidence import Answers
from harness.core.measurement import Measurement
from harness.core.ranking import FailedCandidate, SkippedCandidate
from harness.core.run import RunInfo
from harness.core.trial import Failed, Finished, Record, Skipped
from harness.errors import WorkspaceError

_REMOTE = (
    "runs at {}: its rows are sent there, latency has the network in it, its memory and size are not known here, and it cannot be "
    "fine-tuned here"
)
_CONTROL = "a control with random weights: shown to compare with, never recommended"


@dataclass(frozen=True, slots=True)
class Contender:
    """A candidate with a technique, everything measured about it, and its answers.

    `repeats` are its answers after the same training with other seeds.
    """

    card: Card
    technique: str
    answers: Answers
    measurements: tuple[Measurement, ...]
    recipe: dict[str, str | int | float]
    notes: tuple[str, ...]
    repeats: tuple[Answers, ...] = ()

    @property
    def name(self) -> str:
        """Return candidate and technique as one word pair."""
        return f"{self.card.name} · {self.technique}"

    def by_seed(self) -> tuple[Contender, ...]:
        """Return one contender for each seed that it was trained with, its own first."""
        found = [replace(self, repeats=())]
        for answers in self.repeats:
            measured = answers.record.outcome.measurements if isinstance(answers.record.outcome, Finished) else ()
            found.append(replace(self, answers=answers, measurements=measured, repeats=()))
        return tuple(found)

    def find(self, measurement: str) -> Measurement | None:
        """Return a measurement by name, if it was taken."""
        return next((m for m in self.measurements if m.name == measurement), None)


def gather(info: RunInfo, answers: Sequence[Answers], records: Sequence[Record]) -> tuple[Contender, ...]:
    """Return the contenders that finished, by name; a later record of the same contender stands before an earlier one.

    Of several recipes of one technique, the one that was trained furthest takes part, of equal ones the best by its score.

    Raises:
        WorkspaceError: the run's head does not know a candidate of its records.
    """
    others = [one for one in answers if one.record.trial.is_repeat(info.settings.seed)]
    latest: dict[tuple[str, str], Answers] = {}
    standing: dict[tuple[str, str], tuple[float, ...]] = {}
    for one in answers:
        name, worth = (one.record.trial.candidate, one.record.trial.technique), _standing(one, others)
        if not one.record.trial.is_repeat(info.settings.seed) and (name not in latest or worth >= standing[name]):
            latest[name], standing[name] = one, worth
    found = one_each(info, [latest[name] for name in sorted(latest)], records)
    return tuple(replace(one, repeats=_repeats(one.answers, others)) for one in found)


def one_each(info: RunInfo, answers: Sequence[Answers], records: Sequence[Record]) -> tuple[Contender, ...]:
    """Return a contender for each of the answers.

    Raises:
        WorkspaceError: the run's head does not know a candidate of its records.
    """
    cards = {card.name: card for card in info.cards}
    memory = {(r.trial.candidate, r.trial.technique): r for r in _latest(records) if r.trial.measures == "memory"}
    found = []
    for mine in answers:
        candidate = mine.record.trial.candidate
        if candidate not in cards:
            what = f'the run holds records of "{candidate}", but no card of it'
            raise WorkspaceError(what, where=f"run {info.run}", hint="run the comparison again")
        technique = mine.record.trial.technique
        found.append(_contender(cards[candidate], technique, mine, memory.get((candidate, technique), memory.get((candidate, "")))))
    return tuple(found)


def _repeats(one: Answers, others: Sequence[Answers]) -> tuple[Answers, ...]:
    """Return what another seed gave in the same training, by seed; the last of several counts."""
    trial = one.record.trial
    found = {
        other.record.trial.seed: other
        for other in others
        if other.record.trial.model_copy(update={"seed": trial.seed, "timed": trial.timed}) == trial
    }
    return tuple(found[seed] for seed in sorted(found))


def _standing(one: Answers, others: Sequence[Answers]) -> tuple[bool, float, float, int]:
    """Return whether a contender was trained to its end, for how many epochs, how well it did, and how often.

    Of two recipes that were trained equally far none is ahead because it planned less. Without training there is nothing to go on.
    """
    outcome, fidelity = one.record.outcome, one.record.trial.fidelity
    score = outcome.find("score") if isinstance(outcome, Finished) and fidelity else None
    worth = 0.0 if score is None else -score.value if score.better == "lower" else score.value
    if fidelity is None:
        return True, 0.0, worth, len(_repeats(one, others))
    is_whole = fidelity.share >= 1
    # Of those that are trained to the end, the better one counts, not the longer one.
    return is_whole, 0.0 if is_whole else fidelity.epochs, worth, len(_repeats(one, others))


def _contender(card: Card, technique: str, answers: Answers, memory: Record | None) -> Contender:
    outcome = answers.record.outcome
    if not isinstance(outcome, Finished):
        raise WorkspaceError(
            f"{card.name} has answers but did not finish",
            where=f"trial {answers.record.trial.key}",
            hint="run the comparison again",
        )
    measurements, notes = outcome.measurements, outcome.notes
    if memory is not None and isinstance(memory.outcome, Finished):
        measurements, notes = measurements + memory.outcome.measurements, notes + memory.outcome.notes
    elif memory is not None and isinstance(memory.outcome, Failed):
        notes = (*notes, f"memory was not measured: {memory.outcome.error}")
    if card.control:
        notes = (*notes, _CONTROL)
    if card.host:
        notes = (*notes, _REMOTE.format(card.host))
    return Contender(card, technique, answers, measurements, outcome.recipe, tuple(dict.fromkeys(notes)))


def failed(records: Sequence[Record]) -> tuple[FailedCandidate, ...]:
    """Return what broke while quality was measured; a fault that all techniques of a candidate share is told once."""
    mine = [r for r in _latest(records) if r.trial.measures != "memory"]
    found: dict[tuple[str, str, str], list[Record]] = {}
    for record in mine:
        if isinstance(record.outcome, Failed):
            found.setdefault((record.trial.candidate, record.outcome.stage, record.outcome.error), []).append(record)
    tried = {name: sum(r.trial.candidate == name for r in mine) for name, *_ in found}
    return tuple(
        FailedCandidate(
            candidate=name, technique=technique, stage=stage, error=error, hint=group[0].outcome.hint, log=group[0].outcome.log
        )
        for (name, stage, error), group in found.items()
        for technique in ([""] if len(group) == tried[name] else dict.fromkeys(r.trial.technique for r in group))
        if isinstance(group[0].outcome, Failed)
    )


def skipped(records: Sequence[Record]) -> tuple[SkippedCandidate, ...]:
    """Return what could not be tried while quality was measured, each reason of a candidate once."""
    found = (
        SkippedCandidate(candidate=r.trial.candidate, reason=r.outcome.reason)
        for r in _latest(records)
        if r.trial.measures != "memory" and isinstance(r.outcome, Skipped)
    )
    return tuple(dict.fromkeys(found))


def _latest(records: Iterable[Record]) -> list[Record]:
    """Return the last record of each trial, in the order in which the trials first occur."""
    return list({record.trial.key: record for record in records}.values())
