from __future__ import annotations

import pytest

from harness.core.card import Card
from harness.core.kinds import Kind
from harness.core.measurement import Measurement
from harness.core.ranking import Estimate, Excluded, RankedContender, Ranking, Recommendation
from harness.core.run import DataFacts, RunInfo, Settings
from harness.core.task import Data, Task
from harness.core.trial import Fidelity, Finished, Record, Trial
from harness.errors import BenchError
from harness.execute.finalist import Finalist, Wish, choose_finalist

BERT = Card(name="bert", adapter="transformers", source="org/bert", parameters=20_000_000)
VIT = Card(name="vit", adapter="timm", source="org/vit", modality=("image",))
CARDS = (
    BERT,
    VIT,
    Card(name="tfidf", baseline=True),
    Card(name="plugin"),
    Card(name="random", adapter="timm", source="random:resnet10t", control=True, modality=("image",)),
)
Recipe = dict[str, str | int | float]
RECIPE: Recipe = {"learning_rate": 1e-3, "epochs": 10}


def row(candidate: str, technique: str, rank: int = 1, recipe: Recipe | None = None) -> RankedContender:
    return RankedContender(
        rank=rank, tie=1, candidate=candidate, technique=technique, metric="accuracy",
        validation=Estimate(score=0.9, low=0.8, high=0.95), test=None, train_score=None, expected_regret=0.0, probability_best=1.0,
        overfit=False, pareto=True, baseline=candidate == "tfidf", control=False, license="MIT",
        measurements=(Measurement(name="latency_p95_ms", value=1.0),), recipe=recipe or {},
    )  # fmt: skip


def record(candidate: str, technique: str, used: Recipe, *, epochs: float = 10, seed: int = 0) -> Record:
    fidelity = Fidelity(epochs=epochs, of=10) if technique in {"lora", "full"} else None
    trial = Trial(
        candidate=candidate, technique=technique, task="t", task_digest="d", source_digest="s",
        measures="training" if fidelity else "quality", recipe=RECIPE if fidelity else {}, fidelity=fidelity, seed=seed,
    )  # fmt: skip
    return Record(trial=trial, outcome=Finished(recipe=used), started="2026-01-01T00:00:00", seconds=1.0)


def choose(
    wish: Wish,
    rows: tuple[RankedContender, ...],
    *,
    best: tuple[str, str] | None = None,
    records: tuple[Record, ...] = (),
    excluded: tuple[Excluded, ...] = (),
    kind: Kind = "text-classification",
) -> Finalist:
    keys = {(r.trial.candidate, r.trial.technique): r.trial.key for r in reversed(records)}
    rows = tuple(one.model_copy(update={"trial": keys.get((one.candidate, one.technique), "")}) for one in rows)
    chosen = best and Recommendation(
        candidate=best[0], technique=best[1], score=0.9, low=0.8, high=0.95, expected_regret=0.0, probability_best=1.0,
        probability_within_margin=1.0, decisive=True, reason="It is best.",
    )  # fmt: skip
    ranking = Ranking(
        task="t", metric="accuracy", higher_is_better=True, margin=0.01, prefer="latency", validation_rows=9, test_rows=9,
        rows=rows, recommendation=chosen, alternatives=(), excluded=excluded, failed=(), skipped=(),
    )  # fmt: skip
    facts = DataFacts(
        source="s", digest="d", classes=("a", "b"), train=9, validation=3, folds=1, test=9, smallest_class=4, largest_class=5
    )
    task = Task(name="t", kind=kind, data=Data(train="rows.csv"))
    info = RunInfo(
        run="r1", task=task, task_path="t", settings=Settings(), data=facts, cards=CARDS, environment={}, versions={}, started="now"
    )
    return choose_finalist(info, ranking, records, wish)


def test_the_recommended_contender_takes_the_recipe_and_epochs_of_its_record() -> None:
    used = {**RECIPE, "rows_at_once": 4}
    mine = record("bert", "lora", used)
    other = record("bert", "lora", {**used, "learning_rate": 0.5}, seed=1)
    found = choose(Wish(), (row("bert", "lora", recipe=used),), best=("bert", "lora"), records=(mine, other))
    assert (found.card.name, found.technique, found.trial, found.notes) == ("bert", "lora", mine.trial.key, ())
    assert found.recipe == RECIPE
    assert found.fidelity == Fidelity(epochs=10, of=10)


def test_what_was_not_carried_to_the_end_is_trained_to_the_end() -> None:
    found = choose(Wish("bert"), (row("bert", "lora", recipe=RECIPE),), records=(record("bert", "lora", RECIPE, epochs=2.5),))
    assert found.fidelity == Fidelity(epochs=10, of=10)


def test_training_stops_where_it_was_stopped() -> None:
    used = {**RECIPE, "stopped_at": 4, "epochs_reached": 4.0}
    found = choose(Wish("bert"), (row("bert", "lora", recipe=used),), records=(record("bert", "lora", used),))
    assert found.fidelity == Fidelity(epochs=4, of=10)


def test_a_technique_that_was_not_tried_takes_its_default_and_says_so() -> None:
    found = choose(Wish(technique="full"), (row("bert", "linear-probe"),), best=("bert", "linear-probe"))
    assert (found.technique, found.recipe, found.fidelity, found.row) == ("full", {}, None, None)
    assert "did not try full" in found.notes[0]


def test_of_a_named_candidate_the_best_that_can_be_handed_over_is_taken() -> None:
    rows = (row("bert", "knn"), row("bert", "linear-probe", 2))
    assert choose(Wish("bert"), rows, best=("tfidf", "fit")).technique == "linear-probe"
    assert choose(Wish("bert"), rows, best=("bert", "knn")).technique == "linear-probe"


def test_for_a_search_only_what_searches_is_handed_over() -> None:
    rows = (row("bert", "dense-search"), row("bert", "lora", 2, RECIPE))
    records = (record("bert", "lora", RECIPE),)
    assert choose(Wish("bert"), rows, records=records, kind="retrieval").technique == "lora"
    for wish in (Wish(), Wish("bert", "probe-then-finetune"), Wish("bert", "linear-probe")):
        with pytest.raises(BenchError, match=r"as it is|documents are to be found") as error:
            choose(wish, rows, best=("bert", "dense-search"), records=records, kind="retrieval")
        assert str(error.value).endswith("--technique full | lora | ia3")


def test_what_a_constraint_rules_out_must_be_named() -> None:
    rows = (row("vit", "linear-probe"), row("bert", "lora", 0, RECIPE))
    records = (record("bert", "lora", RECIPE), record("vit", "linear-probe", {}))
    out = (Excluded(candidate="bert", technique="lora", constraint="latency_ms", verdict="fail", reason="12 ms, the limit is 5"),)
    found = choose(Wish("bert"), rows, best=("vit", "linear-probe"), records=records, excluded=out)
    assert (found.technique, found.row is not None) == ("lora", True)
    assert "latency_ms: 12 ms" in found.notes[0]
    with pytest.raises(BenchError, match="ruled out"):
        choose(Wish(technique="lora"), rows, best=("bert", "linear-probe"), records=records, excluded=out)


@pytest.mark.parametrize(
    ("wish", "best", "problem", "hint"),
    [
        (Wish(), None, "recommends nothing", "--candidate: bert"),
        (Wish("brt"), None, 'no candidate "brt"', 'use "bert"'),
        (Wish(technique="lorra"), None, 'unknown technique "lorra"', 'use "lora"'),
        (Wish("bert", "knn"), None, "training rows", "--technique linear-probe | full"),
        (Wish(), ("bert", "knn"), "training rows", "--technique linear-probe | full"),
        (Wish(), ("tfidf", "fit"), "fitted from scratch", "--candidate"),
        (Wish("plugin"), None, "plugin", "--candidate"),
        (Wish("random"), None, "control", "--candidate"),
        (Wish("vit", "prompt-tuning"), None, "reads pictures", "--technique linear-probe"),
    ],
)
def test_what_cannot_be_handed_over_is_told_in_three_lines(
    wish: Wish, best: tuple[str, str] | None, problem: str, hint: str
) -> None:
    with pytest.raises(BenchError, match=problem) as error:
        choose(wish, (row("bert", "knn"), row("tfidf", "fit", 2)), best=best)
    _, where, do = str(error.value).splitlines()
    assert where.startswith("where: ")
    assert hint in do
