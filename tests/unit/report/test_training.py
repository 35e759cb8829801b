from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.race import Race
from harness.core.report import Report
from harness.core.run import Settings
from harness.core.shown import DASH
from harness.core.technique_names import technique_name
from harness.core.training_report import Training
from harness.core.trial import Finished
from harness.report import race
from harness.report.document import to_document, write
from harness.report.figures import draw
from harness.report.html import to_html
from harness.report.markdown import to_markdown
from harness.report.summarise import summarise
from harness.techniques.catalogue import TECHNIQUES
from tests.unit.report.trained import HEADS, LANES, PLAN, Trained, hostile, trained


def report_of(sample: Trained) -> Report:
    return summarise(sample.info, sample.ranking, sample.records)


@pytest.fixture(scope="module")
def sample() -> Trained:
    return trained()


@pytest.fixture(scope="module")
def report(sample: Trained) -> Report:
    return report_of(sample)


@pytest.fixture(scope="module")
def training(report: Report) -> Training:
    assert report.training
    return report.training


def test_every_technique_has_a_name_for_sentences() -> None:
    known = {name: technique_name(name) for name in TECHNIQUES if name != "fit"}
    assert all(name != word for name, word in known.items())
    assert len(set(known.values())) == len(known)


def test_the_matrix_has_candidates_by_techniques_those_on_frozen_features_first(training: Training) -> None:
    assert [column.label for column in training.matrix.columns] == ["Nearest neighbors", "Linear probe", "Full fine-tuning", "LoRA"]
    assert [row.candidate for row in training.matrix.rows] == ["minilm-l6-v2", "bge-small", "minilm-first1"]
    first, second, third = (row.cells for row in training.matrix.rows)
    assert [(c.text, c.tie, c.recommended) for c in first[2:]] == [("0.919", 1, True), ("0.912", 1, False)]
    assert second[0].note == "does not apply: it was not asked for"
    assert (second[3].text, second[3].detail) == ("0.450", "trained 0.45 of 3 epochs")
    assert [(c.text, c.note) for c in third[2:]] == [(DASH, "not tried")] * 2


def test_a_technique_that_failed_is_told_in_its_cell() -> None:
    lanes = [LANES[0], replace(LANES[6], technique="lora", candidate="minilm-l6-v2")]
    found = report_of(trained(lanes, [*HEADS, ("bge-small", "knn", 0.7)])).training
    assert found
    assert "lora" in {column.key for column in found.matrix.columns}, "what failed for everybody was tried too"
    for one in (found, report_of(trained([*lanes, LANES[5]])).training):
        assert one
        cell = one.matrix.rows[0].cells[[column.key for column in one.matrix.columns].index("lora")]
        assert (cell.text, cell.note) == ("failed", "failed: training diverged at step 41")


def test_gains_are_the_rankings_in_points(sample: Trained, training: Training) -> None:
    row = training.rows[0]
    gain = next(g for g in sample.ranking.gains if (g.candidate, g.technique) == (row.candidate, row.technique))
    assert row.gain
    assert row.gain.text == f"{100 * gain.gain:+.1f}"
    assert row.gain.interval == f"[{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"
    assert (row.gain.over, row.gain.verdict) == ("linear probe", "")
    assert row.gain.bar
    assert row.gain.zero < row.gain.bar.start < row.gain.bar.mark < row.gain.bar.start + row.gain.bar.width <= 100


def test_a_loss_of_who_left_is_one_so_far_and_has_no_bar(training: Training, report: Report) -> None:
    row = next(row for row in training.rows if row.candidate == "bge-small" and row.technique == "lora")
    assert row.gain
    assert (row.gain.verdict, row.gain.bar, row.reached) == ("a loss", None, "trained 0.45 of 3 epochs")
    assert "a loss so far" in to_html(report)


def test_costs_stand_with_share_and_estimate(training: Training) -> None:
    lora = next(row for row in training.rows if row.technique == "lora")
    assert (lora.cells["trainable_parameters"].text, lora.cells["trainable_parameters"].detail) == ("311 K", "1.4 %")
    assert [lora.cells[key].text for key in ("training_s_per_1000_rows", "stored_mb", "padding_share")] == ["6.10", "1.2", "4.3 %"]
    assert next(column.unit for column in training.columns if column.key == "training_minutes") == "min, estimated"
    assert "learning_rate 0.0002" in lora.recipe
    assert "class_weights balanced" in lora.recipe


def test_conditions_of_costs_are_told_under_their_names(training: Training) -> None:
    told = {fact.label: fact.text for fact in training.conditions}
    assert told["Time per 1,000 rows"] == "steps only, cpu"
    assert told["Stored"] == "kept for this task"
    assert told["Time in all"].startswith("estimated: 4000 rows")
    assert "" not in told


def test_the_race_tells_who_left_when_and_why(training: Training) -> None:
    found = {runner.name: runner for runner in training.race.runners}
    assert [runner.number for runner in training.race.runners] == list(range(1, 8))
    ended = found["minilm-l6-v2 · full fine-tuning · lr 2e-05"]
    assert (ended.end, ended.reason, ended.left, ended.recommended) == ("trained to the end", "", False, True)
    left = found["bge-small · LoRA · lr 0.0002"]
    assert (left.end, left.left, left.chance.text) == ("left after round 1", True, "0.04")
    assert left.reason == "a chance of 4% to end within the margin of the best"
    assert [score.text for score in left.scores] == ["0.450", DASH, DASH]
    broken = found["bge-small · full fine-tuning · lr 5e-05"]
    assert (broken.end, broken.reason) == ("left in round 1", "failed: training diverged at step 41")
    assert broken.scores[0].note == "did not finish"
    assert len(training.race.absent) == 3


def test_who_had_no_time_for_the_next_round_left_for_that(sample: Trained) -> None:
    assert sample.info.race
    first, second, _ = sample.info.race.rounds
    keeps = second.model_copy(update={"runners": second.runners[:1]})
    found = race.build(Race(rounds=(first, keeps)), sample.ranking)
    assert (found.runners[0].end, found.runners[0].left) == ("stopped at 1.2 of 3 epochs", True)
    assert found.runners[1].reason == "no time was left for its next round"


def test_recipes_are_told_apart_by_what_differs() -> None:
    one, other = {"learning_rate": 2e-4, "rank": 8, "epochs": 3}, {"learning_rate": 2e-4, "rank": 16, "epochs": 3}
    assert race.setting(one, [one, other]) == "lr 0.0002, rank 8"
    assert race.setting({}, [{}]) == ""


def test_curves_are_joined_over_rounds_and_the_ranked_recipe_alone_is_shown(training: Training) -> None:
    assert [curve.name for curve in training.curves][:2] == ["minilm-l6-v2 · full fine-tuning", "minilm-l6-v2 · LoRA"]
    assert len(training.curves) == 4
    epochs = [point.epoch for point in training.curves[0].points]
    assert epochs == sorted(epochs)
    assert (len(epochs), epochs[-1]) == (6, 3.0)
    assert (training.curves[-1].points[-1].epoch, training.curves[-1].of) == (0.45, 3.0)


def test_curves_leave_out_what_a_mean_of_weights_answered_between_rounds(sample: Trained, training: Training) -> None:
    """Each round of the sample ends with a point of its own; only the last one's belongs to the whole way."""
    records = []
    for one in sample.records:
        if isinstance(one.outcome, Finished) and one.trial.measures == "training" and one.trial.fidelity:
            mean = {"weights": "averaged"} if one.trial.fidelity.share < 1 else {}
            one = one.model_copy(update={"outcome": one.outcome.model_copy(update={"recipe": {**one.outcome.recipe, **mean}})})  # noqa: PLW2901
        records.append(one)
    found = summarise(sample.info, sample.ranking, records).training
    assert found is not None
    before, after = ([point.epoch for point in one.curves[0].points] for one in (training, found))
    assert after == [before[0], before[2], *before[4:]]
    assert found.curves[-1].points[-1] == training.curves[-1].points[-1]


def test_facts_name_effort_budget_and_plan(training: Training) -> None:
    assert [(fact.label, fact.text) for fact in training.facts] == [("Effort", "standard"), ("Budget", "10 min"), ("Plan", PLAN)]


def test_a_row_says_how_far_it_was_trained_and_why_it_has_no_test_score(report: Report) -> None:
    row = next(row for row in report.table.rows if row.candidate == "bge-small" and row.technique == "full")
    assert (row.how, row.reached, row.untested) == (
        "full fine-tuning",
        "trained 1.2 of 3 epochs",
        "not predicted: it left the race",
    )
    assert row.test is None
    probe = next(row for row in report.table.rows if row.technique == "linear-probe")
    assert (probe.how, probe.reached, probe.untested, probe.name) == ("", "", "", "minilm-l6-v2 · linear-probe")
    for text in (to_html(report), to_markdown(report)):
        assert "not predicted: it left the race" in text
        assert "trained 1.2 of 3 epochs" in text


def test_half_trained_models_do_not_stretch_the_scale(report: Report) -> None:
    row = next(row for row in report.table.rows if row.candidate == "bge-small" and row.technique == "lora")
    assert not row.in_view


def test_the_method_says_what_trained_scores_are_worth(report: Report) -> None:
    text = " ".join(report.method)
    assert "slightly optimistic; the test score confirms" in text
    assert "did not predict the test rows" in text


def test_that_a_mean_of_weights_answered_is_told_where_it_did(sample: Trained, report: Report) -> None:
    told = "with the mean of its weights along the way"
    assert told not in " ".join(report.method)
    first = next(one for one in sample.records if isinstance(one.outcome, Finished) and one.trial.measures == "training")
    mean = first.outcome.model_copy(update={"recipe": {**first.outcome.recipe, "weights": "averaged"}})
    records = [first.model_copy(update={"outcome": mean}), *sample.records]
    assert told in " ".join(summarise(sample.info, sample.ranking, records).method)


def test_transferability_compares_heads_alone(report: Report) -> None:
    measured = {row.candidate: row.cells["measured"].text for row in report.transfer.rows}
    assert measured["minilm-l6-v2"] == "0.872"


def test_the_command_repeats_effort_and_budget(sample: Trained) -> None:
    settings = Settings(effort="thorough", budget_s=600)
    info = sample.info.model_copy(update={"settings": settings})
    assert "--effort thorough --budget 600s" in summarise(info, sample.ranking, sample.records).command


def test_figures_are_drawn_offline_with_each_panel_named(report: Report) -> None:
    drawn = draw(report)
    assert set(drawn) == {"quality-latency", "intervals", "race", "learning-curves"}
    assert drawn["race"].light == draw(report)["race"].light
    assert "best without training it" in drawn["race"].light
    assert "minilm-l6-v2 · LoRA · lr 0.0002" in drawn["race"].light
    assert "bge-small · LoRA" in drawn["learning-curves"].light


def test_a_lower_metric_turns_the_race_over(sample: Trained) -> None:
    ranking = sample.ranking.model_copy(update={"higher_is_better": False})
    found = summarise(sample.info, ranking, sample.records)
    assert found.training
    assert found.training.race.frozen == min(
        row.validation.score for row in ranking.rows if row.technique in {"knn", "linear-probe"}
    )
    assert "lower is better" in draw(found)["race"].light


def test_a_race_that_did_not_begin_says_why() -> None:
    plan = "the 20 s that are left train nothing; one epoch of one contender takes about 90 s"
    found = report_of(trained([], race=Race(plan=plan, absent=("x: it is a plugin",))))
    assert found.training
    assert (found.training.rows, found.training.matrix.rows, found.training.figures) == ((), (), ())
    for text in (to_html(found), to_markdown(found)):
        assert plan in text
        assert "x: it is a plugin" in text
    assert "Weights were trained" not in " ".join(found.method)


def test_without_a_race_there_is_no_training() -> None:
    sample = trained([], race=None)
    found = report_of(sample)
    assert found.training is None
    assert "Training</h2>" not in to_html(found)
    assert "## Training" not in to_markdown(found)
    assert to_document(sample.info, sample.ranking, {})["race"] is None


def test_the_document_gains_training_race_and_gains(sample: Trained) -> None:
    found = json.loads(json.dumps(to_document(sample.info, sample.ranking, {}), allow_nan=False))
    first, probe = found["ranking"][0], next(row for row in found["ranking"] if row["technique"] == "linear-probe")
    assert first["training"] == {
        "s_per_1000_rows": 14.2,
        "memory_mb": 410.5,
        "trainable_parameters": 22713216,
        "trainable_share": 1.0,
        "stored_mb": 86.6,
        "minutes": pytest.approx(2.84),
    }
    assert (first["epochs"], first["of"]) == (3.0, 3.0)
    assert (probe["training"], probe["epochs"], probe["of"]) == (None, None, None)
    assert [one["share"] for one in found["race"]["rounds"]] == [0.15, 0.4, 1.0]
    assert {gain["over"] for gain in found["gains"]} == {"linear-probe"}


def test_the_files_come_with_the_figures_and_read_back(report: Report, tmp_path: Path) -> None:
    found = write(report, tmp_path)
    assert {"figures/race.svg", "figures/learning-curves.svg"} <= set(found)
    assert Report.model_validate_json(found["json"].read_bytes()) == report


def test_whatever_the_data_say_is_text() -> None:
    found = report_of(hostile())
    html, markdown = to_html(found), to_markdown(found)
    for text in (html, *(drawing.file for drawing in draw(found).values())):
        assert "<script" not in text
        assert "onerror" not in text
        assert "\u202e" not in text
    assert html.count("&lt;script&gt;") > 10
    outside = re.sub(r"(`+).*?\1", "", markdown)
    assert "<script" not in outside
    assert not re.search(r"(?<!\\)\]\((?!<https|figures/)", outside)
    width = 0
    for before, line in zip(["", *markdown.splitlines()], markdown.splitlines(), strict=False):
        if line.startswith("|"):
            cells = len(re.findall(r"(?<!\\)(?:\\\\)*\|", line))
            width = width if before.startswith("|") else cells
            assert cells == width
