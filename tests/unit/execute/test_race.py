"""The race, over contenders whose learning curves are known; everything but the training is real: journal, predictions, ranking."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from harness.core.candidate import Registered
from harness.core.card import Card
from harness.core.data import Dataset, Rows, Split
from harness.core.measurement import Measurement
from harness.core.progress import Progress
from harness.core.run import DataFacts, RunInfo, Settings
from harness.core.task import Task
from harness.core.trial import Epoch, Failed, Finished, Record, Trial
from harness.execute import standings
from harness.execute.campaign import Campaign, weigh
from harness.execute.clock import Clock
from harness.execute.plan import Ground
from harness.execute.quality_pass import keep, tell
from harness.execute.race import hold_race
from harness.rank.ranking import rank
from harness.store import predictions, runs

CLASSES, LEARN, CHOOSING, TEST = 4, 1200, 800, 400
S_PER_ROW = 0.01


def dataset() -> Dataset:
    n = LEARN + CHOOSING + TEST
    rows = Rows(
        ids=tuple(f"r{i}" for i in range(n)),
        inputs=tuple(f"text {i}" for i in range(n)),
        labels=tuple(i % CLASSES for i in range(n)),
        classes=tuple("abcd"),
    )
    learn, rest = tuple(range(LEARN)), tuple(range(LEARN, LEARN + CHOOSING))
    return Dataset(rows, Split(learn, (rest,), tuple(range(LEARN + CHOOSING, n))), "digest", "made")


@dataclass
class Simulated(Campaign):
    """A campaign whose trainings are answered by formulas: `final` is the score of a candidate's technique at a learning rate.

    `spent` counts epochs as they are trained, each from where the last round left it.
    """

    folder: Path
    info: RunInfo
    ready: Sequence[tuple[Registered, Path | None]]
    data: Dataset
    final: Callable[[Trial], float]
    tell: Callable[[Progress], None] = lambda _progress: None
    spent: dict[str, float] = field(default_factory=dict)
    runs: list[Trial] = field(default_factory=list)
    stop_after: int = 10**6
    slope: float = 0.05
    late: str = ""
    halts: str = ""
    misleads: bool = False

    def execute(self, trials: Sequence[Trial], is_stopped: Callable[[], bool]) -> Iterator[Progress]:
        for trial in trials:
            if is_stopped() or len(self.runs) >= self.stop_after:
                return
            self.runs.append(trial)
            yield Progress("record", candidate=trial.candidate, record=self._record(trial))

    def _record(self, trial: Trial) -> Record:
        final = self.final(trial)
        if math.isnan(final):
            outcome: Finished | Failed = Failed(stage="full", error="training diverged at step 3: the loss is nan")
        else:
            outcome = self._train(trial, final)
        return Record(trial=trial, outcome=outcome, started="2024-01-01T00:00:00", seconds=1.0)

    def _train(self, trial: Trial, final: float) -> Finished:
        epochs, of = (trial.fidelity.epochs, trial.fidelity.of) if trial.fidelity else (1.0, 1.0)
        if trial.measures == "training":
            self.spent[trial.runner] = epochs
            (self.checkpoints / trial.runner).mkdir(parents=True, exist_ok=True)
        curve = tuple(
            Epoch(epoch=e, train_loss=1.0, validation_loss=score if self.misleads else 1 - score, validation_score=score)
            for e, score in ((e, self.reach(trial, final, e / of)) for e in (epochs / 2, epochs))
        )
        measurements = [
            Measurement(name="score", value=self.reach(trial, final, epochs / of), better="higher"),
            Measurement(name="trainable_parameters", value=1),
        ]
        if trial.measures == "training":
            measurements.append(Measurement(name="training_s_per_1000_rows", value=1000 * S_PER_ROW))
        shares = [answer(self.data, part, self.reach(trial, final, epochs / of), trial) for part in ("choosing", "test")]
        test = shares[1] if trial.confirms else shares[1][:0]
        told = tell(self.data, shares[0], test)
        kept = keep(self.data, (shares[0], test), told, metric_name="accuracy", metric=None, seed=0)
        predictions.write(self.folder / "predictions" / f"{trial.key}.parquet", kept)
        recipe: dict[str, str | int | float] = {"stopped_at": 2, "epochs_reached": epochs} if trial.technique == self.halts else {}
        return Finished(measurements=tuple(measurements), recipe=recipe, curve=curve if trial.measures == "training" else ())

    def reach(self, trial: Trial, final: float, share: float) -> float:
        """Return a score on the way to the final one; of the technique that is late, the error falls as a power of the epochs."""
        if trial.technique == self.late and trial.measures == "training":
            return 1 - (1 - final) * share**-0.7
        return score(final, share, self.slope)


def score(final: float, share: float, slope: float) -> float:
    """A learning curve that is straight over the logarithm of the share, as many are."""
    return final + slope * math.log2(min(1.0, share)) if share else 0.25


def answer(data: Dataset, part: str, right: float, trial: Trial) -> np.ndarray:
    """Probabilities of which a share is right, which rows being drawn by the trial's runner."""
    where = data.split.choosing if part == "choosing" else data.split.test
    labels = np.asarray(data.rows.labels)[np.asarray(where)]
    order = np.random.default_rng(int(trial.runner[:8], 16)).permutation(len(labels))
    told = labels.copy()
    told[order[round(right * len(labels)) :]] += 1
    return np.eye(CLASSES, dtype=np.float32)[told % CLASSES]


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Simulated]:
    def make(final: Callable[[Trial], float], probes: dict[str, float], **settings: object) -> Simulated:
        cards = [Card(name=name, adapter="transformers", source="a/b", parameters=1_000_000) for name in probes]
        data = dataset()
        info = RunInfo(
            run="20240101-000000-abcd",
            task=Task(name="made", kind="text-classification", data={"train": "x"}, metric="accuracy"),
            task_path="x",
            settings=Settings.model_validate(settings),
            data=DataFacts(
                source="made", digest="digest", classes=data.rows.classes, train=LEARN + CHOOSING, validation=CHOOSING, folds=1,
                test=TEST, smallest_class=100, largest_class=100,
            ),
            cards=tuple(cards),
            environment={},
            versions={},
            started="2024-01-01T00:00:00",
        )  # fmt: skip
        folder = tmp_path / "run"
        folder.mkdir(exist_ok=True)
        ready = [(Registered(card, "x.yaml", "user", is_plugin=False), None) for card in cards]
        heads = [
            Trial(
                candidate=name, technique="linear-probe", task="made", task_digest="digest", metric="accuracy", source_digest=name
            )
            for name in probes
        ]
        info = info.model_copy(update={"plan": tuple(head.key for head in heads)})
        runs.write_info(folder, info)
        campaign = Simulated(folder, info, ready, data, lambda t: probes[t.candidate] if t.measures == "quality" else final(t))
        campaign.run(heads, lambda: False)
        campaign.runs.clear()
        return campaign

    return make


def ground(campaign: Simulated) -> Ground:
    return Ground("cpu", "digest", "software", {c.card.name: c.card.name for c, _ in campaign.ready})


class Counting(Clock):
    """A clock that goes by what trainings would have taken."""

    def __init__(self, campaign: Simulated, budget_s: float) -> None:
        super().__init__(None, 0.0, lambda: False)
        self._campaign, self._budget_s = campaign, budget_s

    def left(self) -> float:
        return self._budget_s - sum(self._campaign.spent.values()) * LEARN * S_PER_ROW


def race(campaign: Simulated, budget_s: float | None = None) -> Simulated:
    from time import monotonic

    clock = Clock(None, monotonic(), lambda: False) if budget_s is None else Counting(campaign, budget_s)
    hold_race(campaign, ground(campaign), clock)
    return campaign


def rate(trial: Trial) -> float:
    return float(trial.recipe["learning_rate"])


def best_at(candidate: str, technique: str) -> Callable[[Trial], float]:
    """One contender is the best by far, whatever its learning rate, and the others are equal."""
    return lambda t: 0.93 if (t.candidate, t.technique) == (candidate, technique) else 0.80


def winners(campaign: Simulated) -> set[tuple[str, str]]:
    assert campaign.info.race is not None
    last = campaign.info.race.rounds[-1].runners
    return {(one.candidate, one.technique) for one in last if not one.reason}


def test_the_best_contender_wins_for_a_part_of_the_price(start) -> None:  # noqa: ANN001 - a factory fixture
    campaign = race(start(best_at("b", "lora"), {"a": 0.8, "b": 0.78}))
    assert ("b", "lora") in winners(campaign)
    assert len({t.runner for t in campaign.runs}) == 12
    epochs = sum(campaign.spent[t.runner] for t in {t.runner: t for t in campaign.runs}.values())
    whole = sum(t.fidelity.of for t in {t.runner: t for t in campaign.runs}.values() if t.fidelity)
    assert epochs < 0.3 * whole


def test_a_candidate_with_the_worse_probe_can_win(start) -> None:  # noqa: ANN001 - as above
    assert ("b", "full") in winners(race(start(best_at("b", "full"), {"a": 0.88, "b": 0.80})))


def test_who_is_far_behind_by_every_signal_is_not_trained_and_the_report_is_told(start) -> None:  # noqa: ANN001 - as above
    campaign = race(start(best_at("a", "full"), {"a": 0.90, "b": 0.40}))
    assert {t.candidate for t in campaign.runs} == {"a"}
    assert campaign.info.race is not None
    assert [line for line in campaign.info.race.absent if line.startswith("b: every signal")]


def test_test_rows_are_predicted_in_the_last_round_only(start) -> None:  # noqa: ANN001 - as above
    campaign = race(start(best_at("a", "full"), {"a": 0.8, "b": 0.8}))
    assert {t.confirms: t.fidelity.share for t in campaign.runs if t.fidelity} == {False: 0.25, True: 1.0}
    assert all(t.timed == t.confirms for t in campaign.runs)


def test_where_training_is_hopeless_against_the_probe_it_ends_early(start) -> None:  # noqa: ANN001 - as above
    campaign = race(start(lambda _t: 0.5, {"a": 0.99}))
    assert campaign.info.race is not None
    assert campaign.info.race.rounds[-1].share < 1
    assert all("a chance of " in one.reason for one in campaign.info.race.rounds[-1].runners)


def test_many_of_whom_nothing_is_known_do_not_leave_for_being_many(start) -> None:  # noqa: ANN001 - as above
    # All have hardly begun after the first round; at the end they are better than the probe.
    campaign = start(lambda _t: 0.95, dict.fromkeys("abcdef", 0.93), effort="thorough", techniques=("full", "lora", "ia3"))
    campaign.slope = 0.2
    race(campaign)
    assert campaign.info.race is not None
    assert [len(one.runners) for one in campaign.info.race.rounds] == [54, 18, 6]
    assert campaign.info.race.rounds[-1].runners[0].score == pytest.approx(0.95, abs=0.01)


def test_of_equals_those_go_on_that_give_way_to_a_budget_last(start) -> None:  # noqa: ANN001 - as above
    campaign = race(start(lambda _t: 0.9, {"a": 0.8}))
    assert winners(campaign) == {("a", "probe-then-finetune"), ("a", "lora")}


@pytest.mark.parametrize(("best", "finalists"), [(8, 2), (16, 1)])
def test_to_the_end_go_two_or_one_that_goes_twice_as_far(best: int, finalists: int, start) -> None:  # noqa: ANN001 - as above
    """Of nine contenders with the same two early rounds that takes at most a quarter of what all would take to their ends."""
    techniques = ("full", "lora", "probe-then-finetune")
    campaign = start(lambda t: 0.93 if t.fidelity.of == best else 0.85, {"a": 0.8}, effort="thorough", techniques=techniques)
    race(campaign)
    assert campaign.info.race is not None
    rounds = campaign.info.race.rounds
    assert [len(one.runners) for one in rounds] == [9, 3, finalists]
    assert rounds[-1].runners[0].of == best
    taken = sum({(one.technique, *one.recipe.items()): one.epochs for done in rounds for one in done.runners}.values())
    assert taken < 0.25 * sum(one.of for one in rounds[0].runners)


def test_the_best_recipe_of_each_technique_survives_the_first_look(start) -> None:  # noqa: ANN001 - as above
    techniques = ("full", "lora", "probe-then-finetune")
    campaign = race(start(lambda t: 0.86 if t.technique == "full" else 0.9, {"a": 0.8}, effort="thorough", techniques=techniques))
    assert campaign.info.race is not None
    first, second, _ = campaign.info.race.rounds
    assert len(first.runners) == 9
    assert {one.technique for one in second.runners} == set(techniques)


def test_of_every_technique_one_survives_the_first_look_whichever_candidate_it_is_of(start) -> None:  # noqa: ANN001 - as above
    """Of twelve four go on: the best with each technique, though one of them is far behind, and then the next best."""
    finals = {"full": 0.7, "lora": 0.9, "probe-then-finetune": 0.88}
    campaign = race(start(lambda t: finals[t.technique] + 0.02 * (t.candidate == "b"), {"a": 0.8, "b": 0.8}))
    assert campaign.info.race is not None
    first, second, *_ = campaign.info.race.rounds
    assert len(first.runners) == 12
    assert [(one.candidate, one.technique) for one in second.runners] == [
        ("b", "lora"), ("b", "probe-then-finetune"), ("a", "lora"), ("b", "full"),
    ]  # fmt: skip


def test_who_climbs_late_goes_on_by_where_its_curve_leads(start) -> None:  # noqa: ANN001 - as above
    """A new head stands at 0.79 when others that began as a probe are at 0.83 and climb no more."""
    campaign = start(lambda t: 0.92 if t.technique == "full" else 0.84, {"a": 0.8})
    campaign.slope, campaign.late = 0.005, "full"
    race(campaign)
    assert campaign.info.race is not None
    second = campaign.info.race.rounds[1].runners
    assert {one.technique: one.score for one in second}["full"] == pytest.approx(0.79, abs=0.01)
    last = campaign.info.race.rounds[-1].runners
    assert last[0].technique == "full"
    assert len(last) == 2
    (behind,) = (one.reason for one in second if one.reason)
    assert behind.startswith("2 of 3 go on, the best recipe of each technique first, by where the loss in validation leads, to 0.1")


@pytest.mark.parametrize("comparable", [True, False])
def test_where_losses_cannot_be_compared_the_score_decides(start, monkeypatch: pytest.MonkeyPatch, *, comparable: bool) -> None:  # noqa: ANN001 - as above
    """The worst have the least loss here; two of three go to the end, where the score counts in any case."""
    monkeypatch.setattr(standings, "has_loss", lambda _target: comparable)
    finals = {"full": 0.9, "lora": 0.88, "probe-then-finetune": 0.86}
    campaign = start(lambda t: finals[t.technique], {"a": 0.8})
    campaign.misleads = True
    assert (("a", "full") in winners(race(campaign))) == (not comparable)
    assert campaign.info.race is not None
    scores = [one.score for one in campaign.info.race.rounds[-1].runners]
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)


def test_who_was_stopped_leads_to_where_it_stands(start) -> None:  # noqa: ANN001 - as above
    campaign = start(lambda t: 0.92 if t.technique == "full" else 0.84, {"a": 0.8})
    campaign.slope, campaign.late, campaign.halts = 0.005, "full", "full"
    assert ("a", "full") not in winners(race(campaign))


def test_of_recipes_that_went_equally_far_the_better_stands_for_the_technique(start) -> None:  # noqa: ANN001 - as above
    from harness.rank.contender import gather

    campaign = start(lambda t: 0.93 if t.fidelity.of > 10 else 0.8, {"a": 0.8}, effort="thorough", techniques=("full",))
    campaign.stop_after = 3
    race(campaign)
    found = weigh(campaign.folder, campaign.info)
    assert {r.trial.fidelity.epochs for r in found.records if r.trial.fidelity} == {0.64}
    (full,) = (one for one in gather(campaign.info, found.answers, found.records) if one.technique == "full")
    assert full.answers.record.trial.fidelity.of == 16


def test_what_diverges_leaves_alone(start) -> None:  # noqa: ANN001 - as above
    final = best_at("a", "full")
    campaign = race(start(lambda t: math.nan if t.technique == "lora" else final(t), {"a": 0.8}))
    assert campaign.info.race is not None
    reasons = {(r.technique, r.reason) for r in campaign.info.race.rounds[0].runners if r.technique == "lora"}
    assert reasons == {("lora", "failed: training diverged at step 3: the loss is nan")}
    assert ("a", "full") in winners(campaign)


def test_a_budget_trains_fewer_and_says_who_had_to_stay_away(start) -> None:  # noqa: ANN001 - as above
    free = race(start(best_at("a", "full"), {"a": 0.8, "b": 0.8}))
    assert free.info.race is not None
    assert free.info.race.absent == ()


@pytest.mark.parametrize("budget_s", [600.0, 2000.0])
def test_a_budget_is_planned_for(start, budget_s: float) -> None:  # noqa: ANN001 - as above
    campaign = race(start(best_at("a", "full"), {"a": 0.8, "b": 0.8}), budget_s)
    assert campaign.info.race is not None
    trained = {t.runner: t for t in campaign.runs}.values()
    seconds = sum(campaign.spent[t.runner] * LEARN * S_PER_ROW for t in trained)
    assert seconds <= budget_s
    assert len(trained) + len(campaign.info.race.absent) == 12


def test_what_is_left_of_a_budget_trains_more_of_them_on(start) -> None:  # noqa: ANN001 - as above
    alone, beside = (race(start(lambda _: 0.8, {"a": 0.8}), budget_s).info.race for budget_s in (None, 2000.0))
    assert alone is not None
    assert beside is not None
    assert [len(one.runners) for one in alone.rounds] == [6, 3, 2]
    assert [len(one.runners) for one in beside.rounds] == [6, 6, 6]


def test_all_run_equally_far_until_the_last_round(start) -> None:  # noqa: ANN001 - as above
    long = race(start(lambda t: 0.93 if t.fidelity.of > 10 else 0.8, {"a": 0.8}, effort="thorough")).info.race
    assert long is not None
    assert [one.share for one in long.rounds] == [0.08, 0.25, 1.0]
    shortest = min(one.of for one in long.rounds[0].runners)
    assert max(one.of for one in long.rounds[0].runners) == 2 * shortest
    for done in long.rounds[:-1]:
        assert [one.epochs for one in done.runners] == pytest.approx([done.share * shortest] * len(done.runners))
    assert all(one.epochs == one.of for one in long.rounds[-1].runners)


@pytest.mark.parametrize("budget_s", [150.0, 250.0, 400.0])
def test_what_a_lone_runner_reaches_is_told_in_the_same_share(start, budget_s: float) -> None:  # noqa: ANN001 - as above
    campaign = start(lambda t: 0.93 if t.fidelity.of > 10 else 0.8, {"a": 0.8}, effort="thorough", techniques=("full",))
    found = race(campaign, budget_s).info.race
    assert found is not None
    shortest, shares = min(one.of for one in found.rounds[0].runners), [one.share for one in found.rounds]
    assert shares == sorted(shares)
    for done in found.rounds:
        if done.share != 1:
            assert [one.epochs for one in done.runners] == pytest.approx([done.share * shortest] * len(done.runners), abs=0.01)


def test_a_budget_too_small_says_what_would_do(start) -> None:  # noqa: ANN001 - as above
    campaign = race(start(best_at("a", "full"), {"a": 0.8}), 5.0)
    assert campaign.runs == []
    assert campaign.info.race is not None
    assert "one epoch of one contender takes about" in campaign.info.race.plan


def test_quick_effort_trains_nothing_and_a_named_technique_only_that(start) -> None:  # noqa: ANN001 - as above
    assert race(start(best_at("a", "full"), {"a": 0.8}, effort="quick")).info.race is None
    campaign = race(start(best_at("a", "full"), {"a": 0.8}, techniques=("lora",)))
    assert {t.technique for t in campaign.runs} == {"lora"}


def test_what_was_interrupted_goes_on_with_everything_that_it_had_finished(start) -> None:  # noqa: ANN001 - as above
    final = best_at("b", "lora")
    campaign = start(final, {"a": 0.8, "b": 0.78})
    campaign.stop_after = 5
    race(campaign)
    known = {r.trial.key for r in weigh(campaign.folder, campaign.info).records if r.trial.measures == "training"}
    assert len(known) == 5
    campaign.stop_after, campaign.runs = 10**6, []
    race(campaign)
    assert not known & {t.key for t in campaign.runs}
    assert ("b", "lora") in winners(campaign)
    assert campaign.info.race is not None
    assert len(campaign.info.race.rounds[0].runners) == 12


def test_another_budget_keeps_what_an_earlier_one_has_paid_for(start) -> None:  # noqa: ANN001 - as above
    campaign = race(start(best_at("b", "lora"), {"a": 0.8, "b": 0.78}))
    plan = set(campaign.info.plan)
    campaign.runs, heads = [], campaign.info.plan[:2]
    campaign.update(campaign.info.model_copy(update={"plan": heads, "race": None}))
    race(campaign, 1.0)
    assert campaign.runs == []
    assert set(campaign.info.plan) == plan


def test_who_may_go_on_keeps_its_checkpoint_and_who_left_does_not(start) -> None:  # noqa: ANN001 - as above
    from time import monotonic

    campaign = start(best_at("b", "lora"), {"a": 0.8, "b": 0.78})
    hold_race(campaign, ground(campaign), Clock(None, monotonic(), lambda: len(campaign.runs) >= 8))
    assert campaign.info.race is not None
    stay = {one.trial for one in campaign.info.race.rounds[0].runners if not one.reason}
    runners = {trial.runner for trial in campaign.runs if trial.key in stay}
    assert {path.name for path in campaign.checkpoints.iterdir()} == runners
    assert 0 < len(runners) < 8
    assert not race(campaign).checkpoints.exists()


def test_the_finalists_of_a_thorough_race_are_trained_with_three_seeds_and_count_as_one(start) -> None:  # noqa: ANN001 - as above
    final = best_at("b", "lora")
    campaign = race(start(final, {"a": 0.8, "b": 0.78}, effort="thorough", techniques=("full", "lora")))
    whole = [t for t in campaign.runs if t.fidelity and t.fidelity.share == 1]
    again = {t.model_copy(update={"seed": 0, "timed": True}).key for t in whole if t.seed}
    assert sorted(t.seed for t in whole if t.seed) == [1] * len(again) + [2] * len(again)
    assert len({(t.candidate, t.technique) for t in whole if t.key in again}) == len(again) > 0
    found = weigh(campaign.folder, campaign.info)
    ranking = rank(campaign.info, found.answers, found.truth, found.records)
    (mine,) = [row for row in ranking.rows if (row.candidate, row.technique) == ("b", "lora")]
    assert len(mine.repeats) == 2
    assert mine.trial not in mine.repeats
    runs = len(campaign.runs)
    assert len(race(campaign).runs) == runs


def test_seeds_for_which_no_time_is_left_are_left_out(start) -> None:  # noqa: ANN001 - as above
    campaign = start(best_at("a", "full"), {"a": 0.8}, effort="thorough", techniques=("full",))

    class Nearly(Clock):
        def left(self) -> float:
            return 1.0 if any(t.seed for t in campaign.runs) else math.inf

    hold_race(campaign, ground(campaign), Nearly(None, 0.0, lambda: False))
    assert {t.seed for t in campaign.runs} == {0, 1}
