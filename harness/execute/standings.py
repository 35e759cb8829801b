"""Where each runner of a race stands after a round, and where it leads: by that the next round's are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.core.kinds import Target
from harness.core.metric_facts import facts_of
from harness.core.trial import Finished, Record, Trial
from harness.execute.budget import Entrant
from harness.execute.campaign import Campaign, Evidence

# The loss of a text depends on how a model cuts it into tokens, that of a query on what stands beside it in its batch.
_UNLIKE = ("text", "documents")


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a runner at the end of a round: after how many epochs, its score, and its loss in validation.

    Where losses of different models cannot be compared, the distance of the score to the best there is stands for the loss.
    """

    epochs: float
    score: float
    loss: float


@dataclass(frozen=True, slots=True)
class Standing:
    """A runner after a round: its record if it has one, what the last round and this one showed, and its chance.

    `lead` is the loss that it is to end with.
    """

    entrant: Entrant
    trial: Trial
    record: Record | None
    before: Look | None = None
    now: Look | None = None
    chance: float | None = None
    lead: float = 0.0

    @property
    def finished(self) -> Finished | None:
        """Return what came of the round's training, None where it broke or did not end."""
        outcome = self.record.outcome if self.record else None
        return outcome if isinstance(outcome, Finished) else None

    def worth(self, *, is_over: bool) -> float:
        """Return by what runners are ordered, the best having the most: where they lead, when it `is_over` the score."""
        measured, score = self.finished.find("score") if self.finished else None, self.now.score if self.now else 0.0
        if not is_over:
            return -self.lead
        return -score if measured and measured.better == "lower" else score

    def refresh(self) -> Entrant:
        """Return the entrant with what its training really took a row."""
        measured = self.finished.find("training_s_per_1000_rows") if self.finished else None
        return replace(self.entrant, s_per_row=measured.value / 1000) if measured else self.entrant


def has_loss(target: Target) -> bool:
    """Tell whether losses of different models are comparable where this is told of a row."""
    return target not in _UNLIKE


def judge(standings: Sequence[Standing], found: Evidence, campaign: Campaign) -> list[Standing]:
    """Add what this round showed, and chances against each other and against everything that is complete."""
    from harness.rank import contender, survival  # noqa: PLC0415 - numpy is not needed to say that a task is wrong
    from harness.rank.ranking import is_lower  # noqa: PLC0415 - as above
    from harness.rank.scoring import reference, score_contenders  # noqa: PLC0415 - as above

    info, running = campaign.info, [s for s in standings if s.finished]
    if not running:
        return list(standings)
    complete = [a for a in found.answers if a.record.trial.measures == "quality"]
    by_key = {a.record.trial.key: a for a in found.answers}
    field = contender.one_each(info, [*(by_key[s.trial.key] for s in running), *complete], found.records)
    right = reference(found.truth, "validation", len(info.data.classes), info.task.target)
    scores = score_contenders(info.task.metric, field, right, "validation", seed=info.settings.seed)
    sign, bound = -1.0 if is_lower(info.task.metric, field) else 1.0, facts_of(info.task.metric).best
    draws = sign * scores.draws
    # Of a metric without a best value nobody knows how far it goes.
    most = sign * bound if bound is not None else float(2 * draws.max() - draws.min())
    points = [float(score) for score in scores.points[: len(running)]]
    distances = [None if has_loss(info.task.target) else most - sign * score for score in points]
    seen = [_look(*one) for one in zip(running, points, distances, strict=True)]
    left = [survival.remainder(_points(s, sign), _end(s), most=most) for s in seen]
    margin, seed = info.task.margin, info.settings.seed
    chances = survival.chances(draws[:, : len(seen)], left, draws[:, len(seen) :], margin=margin, most=most, seed=seed)
    judged = {s.trial.key: replace(s, chance=float(chance)) for s, chance in zip(seen, chances, strict=True)}
    return [judged.get(s.trial.key, s) for s in standings]


def put_in_order(able: Sequence[Standing], *, by_technique: bool) -> list[Standing]:
    """Return each candidate's best recipe of each technique before the others, and with `by_technique` each technique's best first.

    Techniques begin too differently to be compared after the first round: a new head knows nothing, one of a probe much.
    """
    best: dict[str, Standing] = {}
    own: dict[tuple[str, str], Standing] = {}
    for one in able:
        best.setdefault(one.entrant.technique, one)
        own.setdefault((one.entrant.candidate, one.entrant.technique), one)
    order = [*(best.values() if by_technique else ()), *own.values(), *able]
    return list({one.trial.key: one for one in order}.values())


def _look(one: Standing, score: float, distance: float | None) -> Standing:
    """Return a standing with its score, its loss or the distance that stands for it, and where both looks lead."""
    from harness.rank import survival  # noqa: PLC0415 - as in `judge`

    loss, reached = distance, one.trial.fidelity.epochs if one.trial.fidelity else one.entrant.epochs
    if one.finished and loss is None:
        measured = one.finished.find("validation_loss")
        # Records of earlier versions have it in their curve alone.
        loss = measured.value if measured else one.finished.curve[-1].validation_loss if one.finished.curve else None
    if one.finished:
        reached = float(one.finished.recipe.get("epochs_reached", reached))
    one = replace(one, now=Look(reached, score, float("inf") if loss is None else loss))
    looks = [(look.epochs, look.loss) for look in (one.before, one.now) if look]
    return replace(one, lead=survival.lead(looks, _end(one)))


def _end(one: Standing) -> float:
    """Return after how many epochs a training is over: as many as it plans, or those at which it was stopped early."""
    is_stopped = one.finished is not None and "stopped_at" in one.finished.recipe
    return one.now.epochs if one.now and is_stopped else one.entrant.epochs


def _points(one: Standing, sign: float) -> list[tuple[float, float]]:
    """Return epochs and score at each look, more being better."""
    return [(look.epochs, sign * look.score) for look in (one.before, one.now) if look]
