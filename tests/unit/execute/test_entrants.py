"""Who enters a race, with which recipe, and in which order."""

from __future__ import annotations

from harness.core.card import Card
from harness.core.measurement import Measurement
from harness.core.ranking import Estimate, RankedContender, Ranking
from harness.core.run import Settings
from harness.execute.entrants import choose_candidates, find_burden, list_entrants, seconds_per_row, training_techniques
from harness.training.recipes import recipes


def ranking(**values: float) -> Ranking:
    row = RankedContender(
        rank=1, tie=1, candidate="a", technique="linear-probe", metric="accuracy",
        validation=Estimate(score=0.8, low=0.7, high=0.9), test=None, train_score=None, expected_regret=0.0, probability_best=1.0,
        overfit=False, pareto=True, baseline=False,
        control=False, license="MIT", measurements=tuple(Measurement(name=name, value=v) for name, v in values.items()), recipe={},
    )  # fmt: skip
    return Ranking(
        task="t", metric="accuracy", higher_is_better=True, margin=0.01, prefer="latency", validation_rows=9, test_rows=9,
        rows=(row,), recommendation=None, alternatives=(), excluded=(), failed=(), skipped=(),
    )  # fmt: skip


def test_the_recipe_follows_the_parameters_that_were_counted() -> None:
    for stated in (None, 300_000_000):
        card = Card(name="a", adapter="transformers", source="a/b", parameters=stated)
        (found,) = list_entrants([card], ranking(parameters=1_000_000), ["full"], effort="quick", rows=5000)
        assert found.recipe == recipes("full", 1_000_000, 5000)[0] != recipes("full", stated, 5000)[0]


def test_what_begins_from_the_probe_gives_way_to_a_budget_last() -> None:
    card = Card(name="a", adapter="transformers", source="a/b")
    found = list_entrants([card], ranking(), ["full", "lora", "probe-then-finetune"], effort="standard", rows=5000)
    assert [one.technique for one in found] == ["probe-then-finetune", "lora", "full"] * 2


def test_training_is_foreseen_from_the_quickest_of_what_was_measured() -> None:
    card = Card(name="a", adapter="transformers", source="a/b", parameters=1_000_000)
    assert seconds_per_row(card, ranking(embed_s_per_1000_rows=4.0, throughput_per_s=100.0)) == 0.012
    assert seconds_per_row(card, ranking(throughput_per_s=100.0)) == 0.03


def test_a_pair_of_a_search_takes_as_long_as_both_of_its_texts() -> None:
    card = Card(name="a", adapter="transformers", source="a/b")
    assert seconds_per_row(card, ranking(index_s_per_1000_documents=20.0, throughput_per_s=100.0)) == 0.09


def test_a_corpus_that_takes_too_long_to_embed_is_told() -> None:
    card, known = Card(name="a", adapter="transformers", source="a/b"), ranking(index_s_per_1000_documents=20.0)
    assert find_burden(card, known, 90_000) == ""
    assert find_burden(card, known, 500_000).startswith("500,000 documents take 167 min")
    assert find_burden(card, ranking(), 500_000) == ""


def test_vectors_that_search_already_take_smaller_steps_and_no_head() -> None:
    card = Card(name="a", adapter="transformers", source="a/b", parameters=110_000_000)
    known = ranking().model_copy(update={"metric": "ndcg@10"})
    (found,) = list_entrants([card], known, ["full"], effort="quick", rows=100, target="documents")
    rows = recipes("full", 110_000_000, 100)[0]
    assert found.recipe["learning_rate"] == 0.3 * rows["learning_rate"]  # type: ignore[operator]
    assert (found.recipe["batch_size"], found.epochs) == (32, 3)
    assert not [name for name in found.recipe if name.startswith("head")]
    assert training_techniques(Settings(effort="thorough"), "retrieval") == ("full", "lora", "ia3")


def test_who_is_trained_does_not_depend_on_the_names_of_classes() -> None:
    def row(candidate: str, technique: str, score: float) -> RankedContender:
        estimate = Estimate(score=score, low=score - 0.05, high=score + 0.05)
        return ranking().rows[0].model_copy(update={"candidate": candidate, "technique": technique, "validation": estimate})

    probes = (row("b", "linear-probe", 0.82), row("a", "linear-probe", 0.80))
    known = ranking().model_copy(update={"rows": (*probes, row("a", "zero-shot", 0.7), row("b", "zero-shot", 0.2))})
    cards = [Card(name=name, adapter="transformers", source="a/b") for name in "ab"]
    chosen, _ = choose_candidates(cards, known, most=1)
    assert [card.name for card in chosen] == ["b"]
