"""Comparisons made by hand: a realistic one, one full of hostile names, one where nothing qualifies, an empty one, a large one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from harness.core.card import Card, Links, Pretraining
from harness.core.constraint import Constraints
from harness.core.measurement import Measurement
from harness.core.ranking import (
    Alternative,
    Estimate,
    Excluded,
    FailedCandidate,
    RankedContender,
    Ranking,
    Recommendation,
    SkippedCandidate,
)
from harness.core.run import DataFacts, RunInfo, Settings
from harness.core.task import Data, Task
from harness.core.trial import Finished, Record, Trial
from tests.unit.report import trained

HOSTILE = (
    "<script>alert(1)</script>",
    "a|b`c`\"d'e",
    "مرحبا بالعالم",
    "\u202egnp.exe",
    "x" * 300,
    "](javascript:alert(1))",
    '"><img src=x onerror=alert(1)>',
    "line\nbreak\x00nul",
)


@dataclass(frozen=True)
class Sample:
    """What the report is made from."""

    info: RunInfo
    ranking: Ranking
    records: tuple[Record, ...]


def measurements(
    p95: float, memory: float, parameters: float, *, logme: float | None = None, batch: int = 32
) -> tuple[Measurement, ...]:
    """Return what a worker measures of one contender."""
    where = "2 threads, float32, cpu"
    found = [
        Measurement(name="latency_p50_ms", value=p95 * 0.8, unit="ms", better="lower", n=643, conditions=f"batch 1, {where}"),
        Measurement(name="latency_p95_ms", value=p95, unit="ms", better="lower", n=643, conditions=f"batch 1, {where}"),
        Measurement(name="latency_p99_ms", value=p95 * 1.2, unit="ms", better="lower", n=643, conditions=f"batch 1, {where}"),
        Measurement(
            name="throughput_per_s", value=1900 / p95, unit="rows/s", better="higher", conditions=f"batch {batch}, {where}"
        ),
        Measurement(name="load_s", value=p95 / 10, unit="s", better="lower", conditions=where),
        Measurement(name="first_call_ms", value=p95 * 9, unit="ms", better="lower", conditions=f"batch 1, {where}"),
        Measurement(name="memory_mb", value=memory, unit="MB", better="lower", conditions=f"peak, batch 1, {where}"),
    ]
    if parameters:
        found += [
            Measurement(name="parameters", value=parameters, better="lower"),
            Measurement(name="weights_mb", value=parameters * 4 / 2**20, unit="MB", better="lower"),
            Measurement(name="flops", value=parameters * 31, better="lower", conditions="one row of median length"),
            Measurement(name="truncated_share", value=0.0125, better="lower", n=720),
        ]
    if logme is not None:
        found += [
            Measurement(name="logme", value=logme, better="higher", n=576, conditions="mean over layers"),
            Measurement(name="h_score", value=8 + logme * 4, better="higher", n=576, conditions="mean over layers"),
        ]
    return tuple(found)


def contender(name: str, place: tuple[int, int], score: float, found: Sequence[Measurement], **changes: object) -> RankedContender:
    """Return a row with an interval of plausible width; `place` is rank and tie group."""
    rank, tie = place
    candidate, _, technique = name.partition("/")
    half = 0.02 + 0.03 * (1 - score)
    values: dict[str, object] = {
        "rank": rank,
        "tie": tie,
        "candidate": candidate,
        "technique": technique or "linear-probe",
        "metric": "macro_f1",
        "validation": Estimate(score=score, low=max(0.0, score - half), high=min(1.0, score + half)),
        "test": Estimate(score=max(0.0, score - 0.008), low=max(0.0, score - 0.03), high=score + 0.02),
        "train_score": min(1.0, score + 0.03),
        "expected_regret": max(0.0, 0.934 - score),
        "probability_best": 0.58 if rank == 1 else 0.003,
        "overfit": False,
        "pareto": rank in {1, 2, 4},
        "baseline": technique == "fit",
        "control": False,
        "license": "apache-2.0",
        "measurements": tuple(found),
        "recipe": {"layer": 4, "c": 3.1622776601683795} if technique != "fit" else {},
        "notes": (),
    }
    return RankedContender.model_validate(values | changes)


def card(name: str, **changes: object) -> Card:
    """Return a card with everything on it."""
    return Card.model_validate(
        {
            "name": name,
            "adapter": "transformers",
            "source": f"sentence-transformers/{name}",
            "revision": "5c38ec7c405ec4b44b94cc5a9bb96e735b38267a",
            "license": "apache-2.0",
            "parameters": 22713216,
            "languages": ("en",),
            "context": 256,
            "pretraining": Pretraining(
                data="1.17 B sentence pairs (Reddit, S2ORC, WikiAnswers, PAQ, Stack Exchange, MS MARCO, …)",
                domains=("web", "qa", "customer-support"),
                contains=("ms_marco", "squad"),
            ),
            "released": "2021-08",
            "links": Links.model_validate(
                {"card": f"https://huggingface.co/sentence-transformers/{name}", "paper": "https://arxiv.org/abs/2002.10957"}
            ),
            "summary": "A small sentence encoder.",
        }
        | changes
    )


def run_info(cards: Sequence[Card] = (), **changes: object) -> RunInfo:
    """Return the head of a run of the embedded text task."""
    values: dict[str, object] = {
        "run": "20250301-120000-ab12",
        "task": Task(
            name="support-intents",
            kind="text-classification",
            description="Route a customer's message to the team that can answer it.",
            data=Data(train="train.csv", text="message", label="intent", license="cc-by-4.0"),
            domains=("customer-support",),
            languages=("en",),
            constraints=Constraints.model_validate(
                {"license": "commercial", "latency_ms": 50, "memory_mb": 2000, "min_quality": 0.5}
            ),
        ),
        "task_path": "tasks/support-intents/task.yaml",
        "settings": Settings(offline=True),
        "data": DataFacts(
            source="train.csv",
            digest="9f2c5a7be1d04c33",
            classes=tuple(f"intent-{i}" for i in range(12)),
            train=576,
            validation=576,
            folds=5,
            test=144,
            smallest_class=60,
            largest_class=60,
            notes=("columns inferred: text=message, label=intent",),
            warnings=("3 texts occur with different labels",),
        ),
        "cards": tuple(cards),
        "card_warnings": ("roberta-large-mystery: the license is unknown",),
        "environment": {
            "system": "Linux-6.1", "processor": "AMD EPYC 7B13", "cores": 2, "memory_gb": 7.8, "device": "cpu", "threads": 2,
        },
        "versions": {"python": "3.11.7", "foundation-model-bench": "0.1.0", "torch": "2.8.0", "transformers": "5.0.0"},
        "started": "2025-03-01T12:00:00+00:00",
    }  # fmt: skip
    return RunInfo.model_validate(values | changes)


def ranking_of(rows: Sequence[RankedContender], **changes: object) -> Ranking:
    """Return a ranking of rows; the first is recommended."""
    values: dict[str, object] = {
        "task": "support-intents",
        "metric": "macro_f1",
        "higher_is_better": True,
        "margin": 0.01,
        "prefer": "latency",
        "validation_rows": 576,
        "test_rows": 144,
        "rows": tuple(rows),
        "recommendation": recommend(rows[0]) if rows and rows[0].rank else None,
        "alternatives": (),
        "excluded": (),
        "failed": (),
        "skipped": (),
    }
    return Ranking.model_validate(values | changes)


def recommend(row: RankedContender, **changes: object) -> Recommendation:
    """Recommend a row, decisively."""
    values: dict[str, object] = {
        "candidate": row.candidate,
        "technique": row.technique,
        "score": row.validation.score,
        "low": row.validation.low,
        "high": row.validation.high,
        "expected_regret": row.expected_regret,
        "probability_best": row.probability_best,
        "probability_within_margin": 0.974,
        "decisive": True,
        "reason": f"{row.candidate} with a linear probe is the cheapest (p95 latency 3.9 ms) of the 3 contenders that are expected "
        "to lose at most the margin of 0.01 of macro_f1 against the best; it is within the margin of the best with probability "
        "0.97.",
    }
    return Recommendation.model_validate(values | changes)


def records_of(info: RunInfo, rows: Sequence[RankedContender]) -> tuple[Record, ...]:
    """Return a quality record for each row."""
    return tuple(
        Record(
            trial=Trial(
                candidate=row.candidate, technique=row.technique, task=info.task.name, task_digest="t", source_digest="s", seed=0
            ),
            outcome=Finished(measurements=row.measurements, recipe=row.recipe, notes=row.notes),
            started="2025-03-01T12:00:05+00:00",
            seconds=14.25,
        )
        for row in rows
    )


def realistic() -> Sample:
    """Return what a run of the embedded task looks like, with 40 skipped, one failed, some excluded."""
    busy = ("the machine was busy while latency was measured: indexer used 41 % of a core",)
    rows = [
        contender("minilm-l6-v2", (1, 1), 0.931, measurements(5.42, 143.0, 22713216, logme=0.412, batch=128), pareto=True),
        contender(
            "minilm-l6-first3", (2, 1), 0.926, measurements(2.91, 121.4, 17389824, logme=0.377), notes=busy, probability_best=0.41
        ),
        contender("minilm-l6-v2/knn", (3, 2), 0.902, measurements(5.61, 143.0, 22713216, logme=0.412)),
        contender("minilm-l6-first3/knn", (4, 2), 0.899, measurements(3.02, 121.4, 17389824, logme=0.377)),
        contender(
            "minilm-l6-first1", (5, 3), 0.866, measurements(1.31, 98.7, 13840896, logme=0.302), overfit=True, train_score=0.998
        ),
        contender("tfidf-linear/fit", (6, 3), 0.858, measurements(0.613, 21.5, 0), pareto=True),
        contender("minilm-l6-first1/knn", (7, 4), 0.811, measurements(1.42, 98.7, 13840896, logme=0.302)),
        contender("majority/fit", (8, 5), 0.0128, measurements(0.0021, 0.1, 0), pareto=True, train_score=0.0128),
        contender("bge-small-en-v1.5", (0, 0), 0.934, measurements(61.2, 312.0, 33360000, logme=0.44), license="mit", pareto=False),
    ]
    info = run_info([card(row.candidate) for row in rows if row.technique == "linear-probe"])
    skipped = tuple(
        SkippedCandidate(
            candidate=f"hub-model-{i:02}", reason="its weights are not on this machine, and fetching is off (offline)", is_away=True
        )
        for i in range(38)
    )
    skipped += tuple(SkippedCandidate(candidate=f"pickled-{i}", reason="its weights are not in safetensors form") for i in range(2))
    ranking = ranking_of(
        rows,
        recommendation=recommend(
            rows[1],
            decisive=False,
            probability_within_margin=0.83,
            more_rows=410,
            rivals=(rows[0].name,),
            reason="minilm-l6-first3 with a linear probe is the cheapest (p95 latency 2.91 ms) of the 2 contenders that are "
            "expected to lose at most the margin of 0.01 of macro_f1 against the best; it is within the margin of the best with "
            "probability 0.83, so it is not separated from minilm-l6-v2 with a linear probe; about 410 more labeled rows would.",
        ),
        alternatives=(
            Alternative(
                wish="best by quality alone",
                candidate="minilm-l6-v2",
                technique="linear-probe",
                detail="macro_f1 0.931 [0.909, 0.953], p95 latency 5.42 ms, memory 143 MB",
            ),
            Alternative(
                wish="with p95 latency ≤ 2 ms",
                candidate="minilm-l6-first1",
                technique="linear-probe",
                detail="macro_f1 0.866 [0.842, 0.890], p95 latency 1.31 ms, memory 98.7 MB",
            ),
        ),
        excluded=(
            Excluded(
                candidate="bge-small-en-v1.5",
                technique="linear-probe",
                constraint="latency_ms.p95",
                verdict="fail",
                reason="p95 latency is 61.2 ms, the limit is 50 ms.",
            ),
            Excluded(candidate="nomic-mystery", constraint="license", verdict="unknown", reason="The license is not known."),
        ),
        failed=(
            FailedCandidate(
                candidate="my-plugin",
                stage="embed",
                error="features of 3 of 720 rows are NaN or infinite",
                hint="look for a division by zero",
            ),
        ),
        skipped=skipped,
    )
    return Sample(info, ranking, records_of(info, rows))


def hostile() -> Sample:
    """Return a run in which every free text is hostile."""
    rows = [contender("fine", (1, 1), 0.93, measurements(4.0, 100.0, 1e7, logme=0.4))]
    for i, text in enumerate(HOSTILE, 2):
        rows.append(
            contender(
                "replaced",
                (i, 2),
                0.92 - i / 100,
                measurements(4.0 + i, 100.0, 1e7, logme=0.3 - i / 100),
                candidate=text,
                technique=text,
                license=text,
                recipe={text: text},
                notes=(text,),
            )
        )
    text = " ".join(HOSTILE)
    pretraining = Pretraining(data=text, domains=HOSTILE, contains=("support-intents", *HOSTILE))
    links = Links.model_validate({"card": "https://a.example/x|y?q=<b>&r='\"#`"})
    info = run_info(
        [card("fine", pretraining=pretraining, summary=text, links=links)],
        card_warnings=HOSTILE,
        versions=dict.fromkeys(HOSTILE, text),
    )
    task = info.task.model_copy(update={"description": text, "domains": HOSTILE})
    data = info.data.model_copy(update={"source": text, "classes": HOSTILE, "notes": HOSTILE, "warnings": HOSTILE})
    settings = Settings(candidates=HOSTILE, data=text, constraints=HOSTILE)
    info = info.model_copy(update={"task": task, "data": data, "settings": settings, "environment": dict.fromkeys(HOSTILE, text)})
    ranking = ranking_of(
        rows,
        recommendation=recommend(rows[0], reason=text, rivals=HOSTILE),
        alternatives=tuple(Alternative(wish=t, candidate=t, technique=t, detail=t) for t in HOSTILE),
        excluded=tuple(Excluded(candidate=t, technique=t, constraint=t, verdict=t, reason=t) for t in HOSTILE),
        failed=tuple(FailedCandidate(candidate=t, technique=t, stage=t, error=t, hint=t) for t in HOSTILE),
        skipped=tuple(SkippedCandidate(candidate=t, reason=t) for t in HOSTILE),
    )
    return Sample(info, ranking, records_of(info, rows))


def nothing_qualifies() -> Sample:
    """Return a run whose contenders all miss a limit."""
    rows = [contender(f"model-{i}", (0, 0), 0.7 + i / 50, measurements(60.0 + i, 900.0, 1e8), pareto=False) for i in range(3)]
    reason = "p95 latency is above the limit of 50 ms."
    excluded = tuple(
        Excluded(candidate=row.candidate, technique=row.technique, constraint="latency_ms.p95", verdict="fail", reason=reason)
        for row in rows
    )
    info = run_info([card(row.candidate) for row in rows])
    return Sample(info, ranking_of(rows, excluded=excluded), records_of(info, rows))


def empty() -> Sample:
    """Return a run in which no candidate could be tried."""
    skipped = tuple(
        SkippedCandidate(candidate=f"hub-{i}", reason="its weights are not on this machine", is_away=True) for i in range(40)
    )
    return Sample(run_info(), ranking_of((), skipped=skipped), ())


def large() -> Sample:
    """Return a run of 25 contenders with long names and nearly equal scores, in which a baseline suffices."""
    rows = [
        contender(
            f"very-long-candidate-name-of-an-organization-model-{i:02}-multilingual-instruct",
            (i + 1, 1 + i // 6),
            0.90 - i * 0.004,
            measurements(3.0 * 1.17**i, 100.0 + 40 * i, 1e7 * 1.3**i, logme=0.5 - i * 0.01),
        )
        for i in range(24)
    ]
    rows.append(contender("tfidf-linear/fit", (25, 5), 0.80, measurements(0.6, 20.0, 0)))
    info = run_info([card(row.candidate) for row in rows if not row.baseline])
    reason = "A baseline suffices: tfidf-linear, without a foundation model, is the cheapest (p95 latency 0.6 ms)."
    chosen = recommend(rows[-1], baseline_suffices=True, reason=reason)
    return Sample(info, ranking_of(rows, recommendation=chosen), records_of(info, rows))


SAMPLES = {
    "realistic": realistic,
    "hostile": hostile,
    "nothing": nothing_qualifies,
    "empty": empty,
    "large": large,
    "trained": trained.trained,
    "trained-hostile": trained.hostile,
}


@pytest.fixture(scope="session", params=sorted(SAMPLES))
def any_sample(request: pytest.FixtureRequest) -> Sample:
    """Each of the samples in turn."""
    sample: Sample = request.getfixturevalue("samples")[request.param]
    return sample


@pytest.fixture(scope="session")
def samples() -> dict[str, Sample]:
    """All samples by name."""
    return {name: make() for name, make in SAMPLES.items()}
