"""What training adds to frozen features."""

import numpy as np
import pytest

from harness.core.trial import Fidelity
from harness.rank import wording
from harness.rank.gains import find_gains

TRAINED = {"trainable_parameters": 1000.0, "training_minutes": 4.0, "training_memory_mb": 1900.0}


def test_a_gain_is_over_the_best_head_of_the_same_candidate(make_row, make_field) -> None:  # noqa: ANN001 - factory fixtures
    rows = [
        make_row("a", 0.90, "lora", **TRAINED),
        make_row("a", 0.86, "knn"),
        make_row("a", 0.87, "linear-probe"),
        make_row("a", 0.89, "few-shot"),
        make_row("b", 0.99, "linear-probe"),
        make_row("c", 0.95, "full", **TRAINED),
    ]
    found = find_gains(make_field(rows))
    assert [(g.candidate, g.technique, g.over) for g in found] == [("a", "lora", "linear-probe")]
    assert found[0].gain == pytest.approx(0.03)
    assert found[0].is_seen


def test_where_texts_are_written_a_gain_is_over_what_is_written_without_training(make_row, make_field) -> None:  # noqa: ANN001 - as above
    rows = [make_row("a", 0.30, "lora", **TRAINED), make_row("a", 0.2, "prompted"), make_row("a", 0.25, "few-shot")]
    rows = [row.model_copy(update={"metric": "rouge_l"}) for row in rows]
    [gain] = find_gains(make_field(rows))
    assert (gain.over, gain.gain) == ("few-shot", pytest.approx(0.05))
    assert "over a prompt with examples; training it takes" in wording.training(rows[0], [gain], rows)


def test_its_interval_is_of_the_paired_difference(make_row, make_field) -> None:  # noqa: ANN001 - as above
    shared, own = np.random.default_rng(0).normal(0, [0.05, 0.01], (4000, 2)).T
    rows = [make_row("a", 0.88, "full", **TRAINED), make_row("a", 0.87, "linear-probe")]
    gain = find_gains(make_field(rows, np.stack([shared + own, shared], axis=1)))[0]
    # What both share cancels; 1.96 deviations of 0.01 remain.
    assert (gain.low, gain.high) == (pytest.approx(0.01 - 0.0196, abs=0.001), pytest.approx(0.01 + 0.0196, abs=0.001))
    assert not gain.is_seen


def test_the_recommendation_says_what_training_adds_and_costs(make_run, entry) -> None:  # noqa: ANN001 - as above
    entries = [
        entry("a", 0.90, "linear-probe"),
        entry("a", 0.95, "lora", costs=TRAINED),
        entry("a", 0.94, "full", costs=TRAINED),
    ]
    found = make_run(entries).rank()
    assert found.recommendation.technique == "lora"
    reason = found.recommendation.reason
    assert "+5.0 points [" in reason
    assert (
        "over a linear probe on its frozen features; training it takes 4 min and 1,900 MB; full fine-tuning adds nothing" in reason
    )
    assert {g.technique for g in found.gains} == {"lora", "full"}


def test_who_left_the_race_is_not_said_to_add_nothing(make_row, make_field) -> None:  # noqa: ANN001 - as above
    rows = [
        make_row("a", 0.95, "full", **TRAINED),
        make_row("a", 0.90, "linear-probe"),
        make_row("a", 0.94, "ia3", **TRAINED),
        make_row("a", 0.91, "lora", **TRAINED).model_copy(update={"epochs": 0.5, "of": 5.0}),
    ]
    said = wording.training(rows[0], find_gains(make_field(rows)), rows)
    assert said.endswith("; IA³ adds nothing to that; LoRA left the race early.")


def test_where_the_probe_is_recommended_it_says_what_training_would_change(make_run, entry) -> None:  # noqa: ANN001 - as above
    slow = TRAINED | {"latency_p95_ms": 50.0}
    reason = make_run([entry("a", 0.95), entry("a", 0.951, "full", costs=slow)]).rank().recommendation.reason
    assert "Training its weights (full fine-tuning) changes the score by +0.1 points" in reason
    assert "which these rows do not tell from nothing" in reason


def test_the_furthest_trained_recipe_of_a_technique_takes_part_then_the_best(make_run, entry) -> None:  # noqa: ANN001 - as above
    run = make_run([entry("a", right, "full") for right in (0.99, 0.8, 0.9)])
    answers = []
    for one, epochs in zip(run.answers, (1.0, 4.0, 4.0), strict=True):
        trial = one.record.trial.model_copy(update={"measures": "training", "fidelity": Fidelity(epochs=epochs, of=4)})
        answers.append(type(one)(one.record.model_copy(update={"trial": trial}), one.validation, one.test))
    found = type(run)(run.info, tuple(answers), run.truth, run.records).rank()
    assert [row.validation.score for row in found.rows] == [0.9]


def test_who_did_not_predict_the_test_rows_has_no_test_score(make_run, entry) -> None:  # noqa: ANN001 - as above
    run = make_run([entry("a", 0.9), entry("b", 0.8, "full")])
    first, second = run.answers
    trial = second.record.trial.model_copy(update={"measures": "training", "confirms": False})
    left = type(second)(second.record.model_copy(update={"trial": trial}), second.validation, np.empty(0, np.int64))
    rows = type(run)(run.info, (first, left), run.truth, run.records).rank().rows
    assert [(row.candidate, row.test is None) for row in rows] == [("a", False), ("b", True)]


@pytest.mark.parametrize(("limit", "is_out"), [(1000, True), (2000, False)])
def test_limits_on_training_bind_what_is_trained_only(make_run, entry, limit, is_out) -> None:  # noqa: ANN001 - as above
    entries = [entry("a", 0.90), entry("a", 0.95, "full", costs=TRAINED)]
    found = make_run(entries, constraints={"training_memory_mb": limit}).rank()
    assert [e.technique for e in found.excluded] == (["full"] if is_out else [])
    assert found.recommendation.technique == ("linear-probe" if is_out else "full")


def test_to_prefer_a_low_cost_of_training_is_to_prefer_none(make_run, entry) -> None:  # noqa: ANN001 - as above
    entries = [entry("a", 0.950), entry("a", 0.951, "full", costs=TRAINED), entry("b", 0.951, "full", costs=TRAINED)]
    assert make_run(entries, prefer="training_cost").rank().recommendation.technique == "linear-probe"
