"""The race of contenders that are trained: rounds of growing fidelity, after each of which the hopeless ones leave.

Round 0, the frozen features, is over when it begins. A round trains each runner further from where the last one left it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.core.progress import Progress
from harness.core.race import Race, Round, Runner
from harness.core.trial import Failed, Fidelity, Inapplicable, Skipped, Trial
from harness.execute import budget
from harness.execute.budget import Amounts, Entrant
from harness.execute.campaign import Campaign, weigh
from harness.execute.clock import Clock
from harness.execute.entrants import CANDIDATES, choose_candidates, find_burden, list_entrants, training_techniques
from harness.execute.plan import Ground
from harness.execute.standings import Look, Standing, has_loss, judge, put_in_order
from harness.techniques.pairs import find_lack
from harness.techniques.tuning import applies

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


# How many are trained again, and with how many seeds in all.
_FINALISTS, _SEEDS = 2, 3


def hold_race(campaign: Campaign, ground: Ground, clock: Clock) -> None:
    """Train what is promising, as far as the clock allows; the run's head tells of every round."""
    techniques = training_techniques(campaign.info.settings, campaign.info.task.kind)
    if not techniques:
        return
    campaign.adopt(lambda trial: trial.technique in techniques and ground.holds(trial))
    track = _Track(campaign, ground, clock)
    if clock.is_over():
        track.publish(Race(plan="no time is left to train anything"))
        return
    entrants, absent = _enter(campaign, techniques)
    if not entrants:
        track.publish(Race(plan="nothing is trained", absent=tuple(absent)))
        return
    chosen = budget.fit(entrants, track.amounts, clock.left())
    if not chosen:
        least = budget.least_seconds(entrants, track.amounts)
        plan = f"the {_minutes(clock.left())} that are left train nothing; one epoch of one contender takes about {_minutes(least)}"
        track.publish(Race(plan=plan, absent=tuple(absent)))
        return
    absent += [f"{e.candidate} {e.technique} {_tell(e.recipe)}: no time for it in the budget" for e in entrants[len(chosen) :]]
    track.publish(Race(plan=_plan(chosen, track.amounts, clock), absent=tuple(absent)))
    track.run(chosen)
    if campaign.info.settings.effort == "thorough":
        track.repeat()
    if not clock.is_over():
        # One that was stopped or out of time goes on from them when it is resumed.
        shutil.rmtree(campaign.checkpoints, ignore_errors=True)


def _enter(campaign: Campaign, techniques: Sequence[str]) -> tuple[list[Entrant], list[str]]:
    """Return the contenders that could be trained, in the order in which they give way, and who cannot."""
    from harness.rank.ranking import rank  # noqa: PLC0415 - numpy is not needed to say that a task is wrong

    if lack := find_lack(campaign.data):
        return [], [lack]
    info, found = campaign.info, weigh(campaign.folder, campaign.info)
    # What was trained before does not change who enters: the same run, taken up again, holds the same race.
    frozen = [one for one in found.answers if one.record.trial.measures == "quality"]
    ranking = rank(info, frozen, found.truth, found.records)
    broken = {r.trial.candidate for r in found.records if isinstance(r.outcome, Failed) and r.outcome.stage == "load"}
    cards = [c.card for c, _ in campaign.ready if not (c.card.baseline or c.is_plugin or c.card.name in broken)]
    absent = [
        f"{c.card.name}: bench does not train what a plugin loads" for c, _ in campaign.ready if c.is_plugin and not c.card.baseline
    ]
    embedded = len(campaign.data.split.folds) * (campaign.data.size - len(campaign.data.rows))
    burdened = {card.name: why for card in cards if (why := find_burden(card, ranking, embedded))}
    absent += [f"{name}: {why}" for name, why in burdened.items()]
    cards = [card for card in cards if card.name not in burdened]
    chosen, others = choose_candidates(cards, ranking, CANDIDATES[info.settings.effort])
    rows = len(campaign.data.split.training(0))
    unfit = [f"{card.name} {name}: {why}" for card in chosen for name in techniques if (why := applies(name, card))]
    entrants = list_entrants(chosen, ranking, techniques, effort=info.settings.effort, rows=rows, target=info.task.target)
    return entrants, [*absent, *others, *unfit]


class _Track:
    """Rounds one after the other, with everything published as it becomes known."""

    def __init__(self, campaign: Campaign, ground: Ground, clock: Clock) -> None:
        self.campaign, self.ground, self.clock = campaign, ground, clock
        self.amounts = Amounts.of(campaign.data)
        self.race = Race()
        self.pace = 0.0
        self._finalists: list[Standing] = []
        self._looks: dict[str, Look] = {}

    def publish(self, race: Race) -> None:
        """Write the race into the run's head, and say its plan when it is new."""
        if race.plan != self.race.plan:
            self.campaign.tell(Progress("message", text=f"training: {race.plan}"))
        self.race = race
        self.campaign.update(self.campaign.info.model_copy(update={"race": race}))

    def run(self, entrants: Sequence[Entrant]) -> None:
        """Run the rounds until one contender or none is left, everything is trained, or the time is over."""
        until, since, running = list(budget.shares(len(entrants))), 0.0, list(entrants)
        self.pace = entrants[0].pace or entrants[0].epochs
        while until and running and not self.clock.is_over():
            running, until = self._cut(running, until, since)
            if not running:
                break
            share = until.pop(0)
            standings = self._round(running, share, is_last=not until)
            after = self._leave(standings, until, share)
            runners = tuple(_runner(one, reason) for one, reason in after)
            for one, reason in after:
                if reason:
                    shutil.rmtree(self.campaign.checkpoints / one.trial.runner, ignore_errors=True)
            # One that is alone runs by shares of its own epochs; what is told stays a share of the shortest training's.
            told = share if share >= 1 else round(running[0].reach(share) / self.pace, 3)
            done = Round(number=len(self.race.rounds) + 1, share=told, runners=runners)
            self.publish(self.race.model_copy(update={"rounds": (*self.race.rounds, done)}))
            self._finalists = [one for one, reason in after if not (reason or until)]
            running = [one.refresh() for one, reason in after if not reason]
            since = share

    def repeat(self) -> None:
        """Train the finalists again, from the beginning and with other seeds, as often as the time allows."""
        # Of several recipes of one technique, the best stands for it.
        best: dict[tuple[str, str], Standing] = {}
        for one in self._finalists:
            best.setdefault((one.trial.candidate, one.trial.technique), one)
        finalists = list(best.values())[:_FINALISTS]
        for seed in range(1, _SEEDS):
            again = [one.refresh() for one in finalists]
            takes = sum(one.seconds(self.amounts, 1.0) for one in again)
            if not again or self.clock.is_over() or not budget.is_affordable(takes, self.clock.left()):
                return
            self.campaign.tell(Progress("message", text=f"training: {len(again)} of the best again with another seed"))
            self._execute([one.trial.model_copy(update={"seed": one.trial.seed + seed, "timed": False}) for one in finalists])

    def _cut(self, running: Sequence[Entrant], until: list[float], since: float) -> tuple[list[Entrant], list[float]]:
        """Return as many runners as the time allows, and the rounds left: where one alone has no time for all, shorter ones."""
        seconds = self.clock.left()
        count = budget.room(running, self.amounts, until, since=since, seconds=seconds)
        if count:
            return list(running[:count]), until
        last, until, since = budget.alone(running[0], until, since)
        share = budget.affordable(last, self.amounts, since=since, seconds=seconds)
        return ([last], [*(early for early in until if early < share), share]) if share > since else ([], [])

    def _round(self, running: Sequence[Entrant], share: float, *, is_last: bool) -> list[Standing]:
        """Train every runner up to a round's end, and weigh what came of it."""
        trials = [self._trial(one, share, is_last=is_last) for one in running]
        self._execute(trials)
        found = weigh(self.campaign.folder, self.campaign.info)
        records = {record.trial.key: record for record in found.records}
        standings = [
            Standing(one, trial, records.get(trial.key), self._looks.get(trial.runner))
            for one, trial in zip(running, trials, strict=True)
        ]
        judged = judge(standings, found, self.campaign)
        self._looks |= {one.trial.runner: one.now for one in judged if one.now}
        return judged

    def _execute(self, trials: Sequence[Trial]) -> None:
        """Add trials to the run's plan, and run those that are not done."""
        info = self.campaign.info
        keys = dict.fromkeys((*info.plan, *(trial.key for trial in trials)))
        self.campaign.update(info.model_copy(update={"plan": tuple(keys)}))
        self.campaign.run(trials, self.clock.is_over)

    def _trial(self, one: Entrant, share: float, *, is_last: bool) -> Trial:
        info = self.campaign.info
        return Trial(
            candidate=one.candidate,
            technique=one.technique,
            task=info.task.name,
            task_digest=self.ground.data,
            metric=info.task.metric,
            source_digest=self.ground.sources[one.candidate],
            software_digest=self.ground.software,
            measures="training",
            timed=is_last and "latency" in info.settings.measures,
            device=self.ground.device,
            seed=info.settings.seed,
            recipe=one.recipe,
            fidelity=Fidelity(epochs=one.reach(share), of=one.epochs),
            confirms=is_last,
        )

    def _leave(self, standings: Sequence[Standing], until: Sequence[float], since: float) -> list[tuple[Standing, str]]:
        """Return the runners as they go on, equals as they entered, each with the reason for which it leaves, if it does."""
        from harness.rank.survival import LEAST_CHANCE  # noqa: PLC0415 - numpy is not needed to say that a task is wrong

        is_last = not until
        able = sorted((s for s in standings if s.finished), key=lambda s: s.worth(is_over=is_last), reverse=True)
        # At the only look that there is, techniques are compared as they stand.
        is_first = not self.race.rounds and len(until) > 1
        if not is_last:
            able = put_in_order(able, by_technique=is_first)
        techniques = len({one.entrant.technique for one in able}) if is_first else 1
        places = len(able) if is_last else max(budget.survivors(len(standings), techniques), self._room(able, until, since))
        told: list[tuple[Standing, str]] = []
        for place, one in enumerate(able):
            reason = ""
            if not is_last and (one.chance or 0) < LEAST_CHANCE:
                reason = f"a chance of {one.chance or 0:.0%} to end within the margin of the best"
            elif place >= places:
                reason = f"{places} of {len(standings)} go on, {self._order(one)}"
            told.append((one, reason))
        return [*told, *((s, _why_not(s, self.clock)) for s in standings if not s.finished)]

    def _order(self, one: Standing) -> str:
        """Return in words by what runners are ordered that are not at their end."""
        told = "loss in validation" if has_loss(self.campaign.info.task.target) else "distance of the score to the best"
        how = f"the {told}, {one.lead:.3f} here" if one.before is None else f"where the {told} leads, to {one.lead:.3f} here"
        return f"the best recipe of each technique first, by {how}"

    def _room(self, able: Sequence[Standing], until: Sequence[float], since: float) -> int:
        """Return how many runners the rest of a budget can train on: it is there to be used; without one two go on to the end."""
        seconds = self.clock.left()
        if seconds == float("inf"):
            return budget.finalists([one.entrant for one in able]) if len(until) == 1 else 0
        return budget.room([one.refresh() for one in able], self.amounts, until, since=since, seconds=seconds)


def _runner(one: Standing, reason: str) -> Runner:
    return Runner(
        candidate=one.entrant.candidate,
        technique=one.entrant.technique,
        recipe=one.entrant.recipe,
        trial=one.trial.key,
        epochs=one.trial.fidelity.epochs if one.trial.fidelity else one.entrant.epochs,
        of=one.entrant.epochs,
        score=one.now.score if one.now else None,
        chance=one.chance,
        reason=reason,
    )


def _why_not(one: Standing, clock: Clock) -> str:
    outcome = one.record.outcome if one.record else None
    if isinstance(outcome, Failed):
        return f"failed: {outcome.error}"
    if isinstance(outcome, Skipped | Inapplicable):
        return outcome.reason
    if clock.has_run_out():
        return "the budget was spent"
    return "the run was stopped" if clock.is_over() else "it gave no result"


def _plan(chosen: Sequence[Entrant], amounts: Amounts, clock: Clock) -> str:
    """Return in a sentence what will be done, how long it will take, and how much time there is."""
    until = budget.shares(len(chosen))
    names = dict.fromkeys(one.candidate for one in chosen)
    is_unlimited = clock.left() == float("inf")
    takes = _minutes(budget.race_seconds(chosen, amounts, until, last=2 if is_unlimited else 1))
    early = " and ".join(f"{share:.0%}" for share in until[:-1])
    of = "the" if len({entrant.epochs for entrant in chosen}) == 1 else "the shortest training's"
    rounds = f"{len(until)} rounds, up to {early} of {of} epochs and to the end" if len(until) > 1 else "one round"
    limit = "" if is_unlimited else f" of the {_minutes(clock.left())} that are left"
    one = "contender" if len(chosen) == 1 else "contenders"
    return f"{len(chosen)} {one} of {', '.join(names)} in {rounds}; about {takes}{limit}"


def _minutes(seconds: float) -> str:
    return f"{max(0, seconds):.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _tell(recipe: dict[str, str | int | float]) -> str:
    return f"at a learning rate of {recipe['learning_rate']:g}" if isinstance(recipe.get("learning_rate"), float) else ""
