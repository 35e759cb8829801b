"""Runs in which models were trained: predictions of known quality, ranked by the real ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.core.card import Card
from harness.core.evidence import Answers, Truth
from harness.core.measurement import Measurement
from harness.core.metric import METRICS, score
from harness.core.race import Race, Round, Runner
from harness.core.ranking import Ranking
from harness.core.run import DataFacts, RunInfo, Settings
from harness.core.task import Task
from harness.core.trial import Epoch, Failed, Fidelity, Finished, Inapplicable, Outcome, Record, Trial
from harness.rank.ranking import rank

ROWS, TESTS, CLASSES = 800, 200, 4
SHARES = (0.15, 0.4, 1.0)
SIZES = {"full": (22_713_216, 1.0, 86.6, 410.5), "lora": (310_532, 0.0135, 1.2, 188.25)}


@dataclass(frozen=True)
class Trained:
    """What the report is made from."""

    info: RunInfo
    ranking: Ranking
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Lane:
    """One runner: its score after each round that it ran, and why it left (empty: it ran to the end)."""

    candidate: str
    technique: str
    rate: float
    scores: tuple[float, ...]
    reason: str = ""
    chance: float | None = None
    seconds: float = 6.1
    rank: int | None = None

    @property
    def recipe(self) -> dict[str, str | int | float]:
        """Return the recipe that was asked for."""
        more: dict[str, str | int | float] = {"rank": self.rank} if self.rank else {}
        return {"learning_rate": self.rate, "epochs": 3, "batch_size": 32, **more}


HEADS = (
    ("minilm-l6-v2", "linear-probe", 0.872),
    ("minilm-l6-v2", "knn", 0.841),
    ("bge-small", "linear-probe", 0.861),
    ("minilm-first1", "linear-probe", 0.80),
    ("tfidf-linear", "fit", 0.79),
)
LANES = (
    Lane("minilm-l6-v2", "full", 2e-5, (0.66, 0.86, 0.919), chance=0.93, seconds=14.2),
    Lane("minilm-l6-v2", "lora", 2e-4, (0.61, 0.85, 0.9125), chance=0.71),
    Lane("minilm-l6-v2", "full", 5e-5, (0.70, 0.83), "2 of 4 go on", 0.22, seconds=14.0),
    Lane("bge-small", "full", 2e-5, (0.52, 0.81), "2 of 4 go on", 0.11, seconds=31.5),
    Lane("minilm-l6-v2", "lora", 5e-4, (0.33,), "a chance of 3% to end within the margin of the best", 0.03),
    Lane("bge-small", "lora", 2e-4, (0.45,), "a chance of 4% to end within the margin of the best", 0.04, seconds=12.5),
    Lane("bge-small", "full", 5e-5, (), "failed: training diverged at step 41"),
)  # fmt: skip
ABSENT = (
    "minilm-first1: every signal of its frozen features is far behind",
    "my-plugin: bench does not train what a plugin loads",
    "bge-small lora at a learning rate of 0.0005: no time for it in the budget",
)
EVIL = "<script>alert(1)</script>|`](javascript:x)\u202e\"'"
PLAN = "8 contenders of minilm-l6-v2, bge-small in 3 rounds, up to 15% and 40% of the epochs and to the end; about 7 min"


def trained(lanes: Sequence[Lane] = LANES, heads: Sequence[tuple[str, str, float]] = HEADS, **changes: object) -> Trained:
    """Return a run of the lanes in rounds, after heads on frozen features of known quality."""
    labels, test = np.arange(ROWS) % CLASSES, np.arange(TESTS) % CLASSES
    records: list[Record] = []
    answers: list[Answers] = []
    for candidate, technique, right in heads:
        record, told = _head(candidate, technique, right, labels)
        records.append(record)
        answers.append(Answers(record, told, _predict(test, right, len(answers))))
    rounds = []
    for number, share in enumerate(SHARES, 1):
        runners = []
        for seed, lane in enumerate(lanes):
            runner, record, told = _step(lane, number, labels, seed)
            if runner is None or record is None:
                continue
            runners.append(runner)
            records.append(record)
            if told is not None:
                answers.append(Answers(record, told, _predict(test, lane.scores[-1] - 0.006, seed) if number == 3 else told[:0]))
        rounds.append(Round(number=number, share=share, runners=tuple(runners)))
    values: dict[str, object] = {"race": Race(plan=PLAN, rounds=tuple(rounds), absent=ABSENT), **changes}
    info = _info([*(h[0] for h in heads), *(lane.candidate for lane in lanes)], values)
    records.append(_record(Trial(candidate="bge-small", technique="knn", **_SAME), Inapplicable(reason="it was not asked for")))
    return Trained(info, rank(info, tuple(answers), Truth(labels, test), tuple(records)), tuple(records))


def hostile() -> Trained:
    """Return a run with training in which every free text is hostile."""
    lane = Lane(EVIL, "lora", 2e-4, (0.4, 0.5), EVIL, 0.01)
    lanes = [lane, replace(lane, candidate="fine", scores=(0.4, 0.6, 0.9), reason=""), replace(lane, technique=EVIL, scores=(0.3,))]
    sample = trained(lanes, [(EVIL, "linear-probe", 0.8), ("fine", "linear-probe", 0.8)])
    runners = [
        one.model_copy(update={"recipe": {**one.recipe, EVIL: EVIL if one.technique == EVIL else 1}})
        for one in sample.info.race.rounds[0].runners  # type: ignore[union-attr]
    ]
    rounds = (sample.info.race.rounds[0].model_copy(update={"runners": tuple(runners)}),)  # type: ignore[union-attr]
    info = sample.info.model_copy(update={"race": Race(plan=EVIL, rounds=rounds, absent=(EVIL,))})
    rows = tuple(row.model_copy(update={"recipe": {EVIL: EVIL}}) for row in sample.ranking.rows)
    return Trained(info, sample.ranking.model_copy(update={"rows": rows}), sample.records)


_SAME = {"task": "support-intents", "task_digest": "t", "source_digest": "s", "metric": "macro_f1"}


def _head(candidate: str, technique: str, right: float, labels: np.ndarray) -> tuple[Record, np.ndarray]:
    told = _predict(labels, right, sum(map(ord, candidate)))
    found = [*_scores(labels, told), *_costs(3.0 + len(candidate) / 5)]
    if technique == "linear-probe":
        found.append(Measurement(name="logme", value=right / 2, better="higher", n=ROWS))
    outcome = Finished(measurements=tuple(found), recipe={"c": 1.0})
    return _record(Trial(candidate=candidate, technique=technique, **_SAME), outcome), told


def _step(lane: Lane, number: int, labels: np.ndarray, seed: int) -> tuple[Runner | None, Record | None, np.ndarray | None]:
    """Return what one runner did in one round; nothing where it had left before."""
    if number > max(1, len(lane.scores)):
        return None, None, None
    fidelity = Fidelity(epochs=round(3 * SHARES[number - 1], 3), of=3.0)
    trial = Trial(
        candidate=lane.candidate, technique=lane.technique, measures="training", recipe=lane.recipe, fidelity=fidelity,
        confirms=number == 3, timed=number == 3, **_SAME,
    )  # fmt: skip
    is_last = number >= len(lane.scores)
    runner = Runner(
        candidate=lane.candidate, technique=lane.technique, recipe=lane.recipe, trial=trial.key, epochs=fidelity.epochs, of=3.0,
        score=None, chance=lane.chance if is_last else 0.5, reason=lane.reason if is_last else "",
    )  # fmt: skip
    if not lane.scores:
        failed = Failed(stage="train", error="training diverged at step 41", hint="lower the learning rate")
        return runner.model_copy(update={"chance": None}), _record(trial, failed), None
    told = _predict(labels, lane.scores[number - 1], seed)
    right = float(score("macro_f1", labels, told, CLASSES))
    outcome = Finished(
        measurements=(*_scores(labels, told), *_training(lane), *(_costs(4.2) if number == 3 else ())),
        recipe={**lane.recipe, "accumulation": 2, "class_weights": "balanced"},
        curve=_curve(lane, number),
    )
    return runner.model_copy(update={"score": right}), _record(trial, outcome), told


def _curve(lane: Lane, number: int) -> tuple[Epoch, ...]:
    """Return the points of one round alone; the report has to join them."""
    since = SHARES[number - 2] if number > 1 else 0.0
    return tuple(
        Epoch(
            epoch=round(3 * at, 3),
            train_loss=1.4 * 0.2 ** (at * 1.3),
            validation_loss=1.45 * 0.25**at + (0.12 * at if lane.technique == "full" else 0),
            validation_score=lane.scores[number - 1] - 0.05 * (SHARES[number - 1] - at),
            train_score=lane.scores[number - 1] + 0.03 * at,
        )
        for at in np.linspace(since, SHARES[number - 1], 3)[1:]
    )


def _predict(labels: np.ndarray, right: float, seed: int) -> np.ndarray:
    """Answer a share of the rows rightly, always the same ones first."""
    order = np.random.default_rng(7).permutation(len(labels))
    wrong = np.roll(order, seed % 5)[round(right * len(labels)) :]
    told = labels.copy()
    told[wrong] = (told[wrong] + 1) % CLASSES
    return told


def _scores(labels: np.ndarray, told: np.ndarray) -> list[Measurement]:
    found = [Measurement(name=name, value=score(name, labels, told, CLASSES), better="higher") for name in METRICS]
    right = score("macro_f1", labels, told, CLASSES)
    return [
        Measurement(name="score", value=right, better="higher", n=ROWS),
        Measurement(name="train_score", value=min(1.0, right + 0.02), better="higher", n=2000),
        Measurement(name="test_score", value=right, better="higher", n=TESTS),
        *found,
    ]


def _costs(p95: float) -> list[Measurement]:
    return [
        Measurement(name="latency_p95_ms", value=p95, unit="ms", better="lower", n=50, conditions="batch 1, cpu"),
        Measurement(name="memory_mb", value=30 * p95, unit="MB", better="lower"),
        Measurement(name="parameters", value=22_713_216, better="lower"),
    ]


def _training(lane: Lane) -> list[Measurement]:
    weights, share, stored, memory = SIZES.get(lane.technique, SIZES["full"])
    return [
        Measurement(name="training_s_per_1000_rows", value=lane.seconds, unit="s", better="lower", conditions="steps only, cpu"),
        Measurement(name="training_memory_mb", value=memory, unit="MB", better="lower", conditions="peak, 32 rows at once"),
        Measurement(name="trainable_parameters", value=weights, better="lower"),
        Measurement(name="trainable_share", value=share, better="lower"),
        Measurement(name="stored_mb", value=stored, unit="MB", better="lower", conditions="kept for this task"),
        Measurement(name="padding_share", value=0.043, better="lower"),
        Measurement(
            name="training_minutes", value=lane.seconds * 4 * 3 / 60, unit="min", better="lower",
            conditions="estimated: 4000 rows, 3 epochs at the measured speed",
        ),
    ]  # fmt: skip


def _record(trial: Trial, outcome: Outcome) -> Record:
    return Record(trial=trial, outcome=outcome, started="2025-03-01T12:00:05+00:00", seconds=9.0)


def _info(names: Sequence[str], changes: dict[str, object]) -> RunInfo:
    values: dict[str, object] = {
        "run": "20250301-120000-ab12",
        "task": Task(name="support-intents", kind="text-classification", data={"train": "train.csv", "test": "test.csv"}),
        "task_path": "tasks/support-intents/task.yaml",
        "settings": Settings(effort="standard", budget_s=600),
        "data": DataFacts(
            source="train.csv", digest="9f2c5a7be1d04c33", classes=tuple(f"c{i}" for i in range(CLASSES)), train=4000,
            validation=ROWS, folds=1, test=TESTS, smallest_class=1000, largest_class=1000,
        ),
        "cards": tuple(
            # A copy is not checked: the report must stand names that no card can have.
            Card(name="x", license="apache-2.0", parameters=22_713_216).model_copy(
                update={"name": name, "baseline": name == "tfidf-linear"}
            )
            for name in dict.fromkeys(names)
        ),
        "environment": {"device": "cpu"},
        "versions": {"python": "3.11.7"},
        "started": "2025-03-01T12:00:00+00:00",
    }  # fmt: skip
    return RunInfo.model_validate(values | changes)
