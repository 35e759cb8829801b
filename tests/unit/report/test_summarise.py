from __future__ import annotations

import json
from typing import Any

import pytest

from harness.core.measurement import Measurement
from harness.core.ranking import Ranking
from harness.core.remote import Remote
from harness.core.report import Report
from harness.core.shown import DASH
from harness.report.summarise import summarise


def report_of(sample: Any) -> Report:
    return summarise(sample.info, sample.ranking, sample.records)


def with_ranking(sample: Any, **changes: object) -> Report:
    ranking = Ranking.model_validate(sample.ranking.model_dump() | changes)
    return summarise(sample.info, ranking, sample.records)


def test_a_report_survives_json(any_sample: Any) -> None:
    report = report_of(any_sample)
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_no_number_is_missing_in_disguise(any_sample: Any) -> None:
    def refuse(constant: str) -> None:
        pytest.fail(f"the report holds {constant}")

    json.loads(report_of(any_sample).model_dump_json(), parse_constant=refuse)


def test_the_schema_names_its_version() -> None:
    schema = Report.model_json_schema()
    assert schema["properties"]["format"]["const"] == "bench.report/1"
    assert schema["additionalProperties"] is False
    json.dumps(schema)


def test_no_text_holds_a_control_character(any_sample: Any) -> None:
    def texts(value: object) -> list[str]:
        if isinstance(value, str):
            return [value]
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
        return [text for item in items for text in texts(item)]

    found = texts(report_of(any_sample).model_dump())
    assert found
    assert not [text for text in found if any(ord(c) < 32 or c in "\u202e\u2066" for c in text)]


def test_what_is_not_decisive_says_how_many_rows_would_settle_it(samples: dict[str, Any]) -> None:
    advice = report_of(samples["realistic"]).advice
    assert advice.headline == "Fine-tune minilm-l6-first3 with a linear probe"
    assert advice.decisive is False
    assert advice.verdict == "Not decisive: about 410 more labeled rows would settle it"
    assert any("--data" in step.command for step in advice.next)


def test_a_decisive_answer_asks_for_no_more_rows(samples: dict[str, Any]) -> None:
    advice = report_of(samples["large"]).advice
    assert advice.verdict == "Decisive"
    assert not any("--data" in step.command for step in advice.next)


def test_a_baseline_that_suffices_comes_first(samples: dict[str, Any]) -> None:
    advice = report_of(samples["large"]).advice
    assert advice.headline == "You need no foundation model: tfidf-linear is enough"
    assert advice.sentences[0].startswith("A baseline suffices")


def test_a_model_beside_a_sufficient_baseline_is_told_after_it(samples: dict[str, Any]) -> None:
    chosen = samples["realistic"].ranking.recommendation.model_dump() | {"baseline_suffices": True}
    headline = with_ranking(samples["realistic"], recommendation=chosen).advice.headline
    assert headline.startswith("A baseline without a foundation model is nearly as good")
    assert headline.endswith("minilm-l6-first3 with a linear probe")


@pytest.mark.parametrize(
    ("technique", "how"),
    [("zero-shot", "class names alone"), ("prompted", "a prompt"), ("few-shot", "a prompt with examples")],
)
def test_a_model_that_is_used_as_it_is_is_not_to_be_fine_tuned(technique: str, how: str, samples: dict[str, Any]) -> None:
    chosen = samples["realistic"].ranking.recommendation.model_dump() | {"technique": technique}
    advice = with_ranking(samples["realistic"], recommendation=chosen).advice
    assert advice.headline == f"Train nothing: minilm-l6-first3 with {how} is enough"
    assert not any("finetune" in step.command for step in advice.next)


def test_a_choice_that_runs_elsewhere_is_called_and_the_best_that_runs_here_is_named(samples: dict[str, Any]) -> None:
    sample = samples["realistic"]
    chosen = sample.ranking.recommendation
    mine = next(row for row in sample.ranking.rows if (row.candidate, row.technique) == (chosen.candidate, chosen.technique))
    paid = Measurement(name="cost_per_1000_rows", value=0.01234, unit="EUR", n=32, conditions="EUR, 9 tokens sent")
    rows = [
        row.model_copy(update={"measurements": (*row.measurements, paid)}) if row == mine else row for row in sample.ranking.rows
    ]
    far = {"source": "https://api.example.org/v1", "remote": Remote(model="m", offers=("embeddings",))}
    cards = [card.model_copy(update=far) if card.name == chosen.candidate else card for card in sample.info.cards]
    info = sample.info.model_copy(update={"cards": tuple(cards)})
    report = summarise(info, sample.ranking.model_copy(update={"rows": tuple(rows)}), sample.records)
    assert report.advice.headline.startswith(f"Call {chosen.candidate}")
    assert report.advice.headline.endswith("which runs at api.example.org")
    _, elsewhere, best = report.advice.sentences
    assert "cannot be fine-tuned" in elsewhere
    assert best.startswith("The best that runs here is ")
    assert chosen.candidate not in best
    assert not any("bench finetune" in step.command for step in report.advice.next)
    assert ("Cost of 1,000 rows", "0.0123 EUR") in [(fact.label, fact.text) for fact in report.advice.facts]
    column = next(one for one in report.table.columns if one.key == "cost_per_1000_rows")
    assert column.conditions == "EUR, 9 tokens sent"
    assert [row.cells["cost_per_1000_rows"].text for row in report.table.rows if row.recommended] == ["0.0123"]
    assert any(f"{chosen.candidate} at api.example.org" in one and "cannot be fine-tuned" in one for one in report.method)
    # Who calls no server sees no column for it.
    assert "cost_per_1000_rows" not in [one.key for one in report_of(sample).table.columns]


def test_what_the_same_model_does_without_labels_stands_beside_its_score(samples: dict[str, Any]) -> None:
    sample = samples["realistic"]
    rows = [row.model_dump() for row in sample.ranking.rows]
    other = next(row for row in rows if row["candidate"] == sample.ranking.recommendation.candidate and row["technique"] == "knn")
    other |= {"technique": "zero-shot", "validation": {"score": 0.512, "low": 0.48, "high": 0.54}}
    facts = {fact.label: (fact.text, fact.note) for fact in with_ranking(sample, rows=rows).advice.facts}
    assert facts["Without labels"] == ("0.512", "[0.480, 0.540]")
    assert "Without labels" not in {fact.label for fact in report_of(sample).advice.facts}


def test_when_nothing_qualifies_the_constraints_are_counted(samples: dict[str, Any]) -> None:
    report = report_of(samples["nothing"])
    assert report.advice.headline == "Nothing qualifies"
    assert report.advice.candidate == ""
    assert "Ruled out by: latency_ms.p95 (3)." in report.advice.sentences
    assert [group.tie for group in report.table.groups] == [0]
    assert all(row.reasons == ("p95 latency is above the limit of 50 ms.",) for row in report.table.rows)


def test_when_nothing_qualifies_another_limit_is_offered(samples: dict[str, Any]) -> None:
    commands = [step.command for step in report_of(samples["nothing"]).advice.next]
    assert "bench report 20250301-120000-ab12 --constraint KEY=VALUE" in commands


def test_without_rows_there_are_neither_figures_nor_a_table(samples: dict[str, Any]) -> None:
    report = report_of(samples["empty"])
    assert (report.figures, report.table.groups, report.known, report.transfer.rows) == ((), (), (), ())
    assert "40 candidates could not be tried; the reasons stand below." in report.advice.sentences


def test_groups_hold_the_rows_in_order_and_the_excluded_last(samples: dict[str, Any]) -> None:
    groups = report_of(samples["realistic"]).table.groups
    assert [group.tie for group in groups] == [1, 2, 3, 4, 5, 0]
    assert [row.rank for group in groups for row in group.rows] == [1, 2, 3, 4, 5, 6, 7, 8, 0]
    assert groups[0].title == "The best: 2 contenders that the evidence does not separate"
    assert groups[-1].rows[0].reasons == ("p95 latency is 61.2 ms, the limit is 50 ms.",)


def test_exactly_the_recommended_row_is_marked(samples: dict[str, Any]) -> None:
    marked = [row.name for row in report_of(samples["realistic"]).table.rows if row.recommended]
    assert marked == ["minilm-l6-first3 · linear-probe"]


def test_overfitting_is_marked_where_it_is_acted_on_and_its_size_stands_in_every_row(samples: dict[str, Any]) -> None:
    sample = samples["realistic"]
    rows = [row.model_copy(update={"overfit": True, "train_score": 0.998}) for row in sample.ranking.rows]
    shown = [row for group in with_ranking(sample, rows=rows).table.groups for row in group.rows]
    assert [row.recommended for row in shown if any(badge.text == "overfits" for badge in row.badges)] == [True]
    assert all(row.cells["train_score"].detail == f"{0.998 - row.validation.score:+.3f}" for row in shown)


def test_every_row_has_a_cell_for_every_column(any_sample: Any) -> None:
    table = report_of(any_sample).table
    for row in table.rows:
        assert set(row.cells) == {column.key for column in (*table.columns, *table.more_columns)}


def test_bars_lie_on_the_scale_and_keep_the_order(any_sample: Any) -> None:
    rows = [row.validation for row in report_of(any_sample).table.rows]
    for score in rows:
        assert 0 <= score.bar.start <= score.bar.mark <= score.bar.start + score.bar.width + 0.011 <= 100.02
    for one in rows:
        for other in rows:
            assert one.score <= other.score or one.bar.mark >= other.bar.mark


def test_a_baseline_far_off_is_left_out_of_view(samples: dict[str, Any]) -> None:
    report = report_of(samples["realistic"])
    assert [row.candidate for row in report.table.rows if not row.in_view] == ["majority"]
    assert "majority · fit (0.013)" in report.figures[0].caption


def test_conditions_are_told_once_and_differences_at_the_cell(samples: dict[str, Any]) -> None:
    table = report_of(samples["realistic"]).table
    told = {fact.label: fact.text for fact in table.conditions}
    assert told["Latency"] == "batch 1, 2 threads, float32, cpu"
    assert told["Throughput"] == "2 threads, float32, cpu"
    assert [row.cells["throughput_per_s"].detail for row in table.rows[:2]] == ["batch 128", "batch 32"]
    assert table.rows[0].cells["latency_p95_ms"].detail == ""


def test_what_was_not_measured_is_a_dash(samples: dict[str, Any]) -> None:
    row = next(row for row in report_of(samples["realistic"]).table.rows if row.candidate == "tfidf-linear")
    assert (row.cells["parameters"].text, row.cells["parameters"].note) == (DASH, "not measured")


def test_skipped_are_grouped_by_reason_the_largest_first(samples: dict[str, Any]) -> None:
    groups = report_of(samples["realistic"]).skipped
    assert [len(group.candidates) for group in groups] == [38, 2]


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({}, "bench compare --task support-intents --seed 0"),
        (
            {"candidates": ["a", "b*"], "techniques": ["knn"]},
            "bench compare --task support-intents --candidates 'a,b*' --techniques knn --seed 0",
        ),
        (
            {"constraints": ["latency_ms=5"], "offline": True},
            "bench compare --task support-intents --constraint latency_ms=5 --seed 0 --offline",
        ),
        (
            {"data": "my file.csv", "device": "cuda:0", "seed": 7},
            "bench compare --task support-intents --data 'my file.csv' --device cuda:0 --seed 7",
        ),
    ],
)
def test_the_command_repeats_the_run(samples: dict[str, Any], changes: dict[str, object], command: str) -> None:
    sample = samples["empty"]
    settings = type(sample.info.settings).model_validate(changes)
    info = sample.info.model_copy(update={"settings": settings})
    assert summarise(info, sample.ranking, ()).command == command


def test_notes_of_trials_become_warnings_once(samples: dict[str, Any]) -> None:
    warnings = report_of(samples["realistic"]).warnings
    assert warnings[0] == "3 texts occur with different labels"
    assert warnings[1].startswith("minilm-l6-first3 · linear-probe: the machine was busy")
    assert len(warnings) == 2


def test_without_test_rows_the_report_warns(samples: dict[str, Any]) -> None:
    assert "There are no test rows, so nothing confirms the scores." in with_ranking(samples["realistic"], test_rows=0).warnings


def test_the_method_names_resamples_seed_and_time(samples: dict[str, Any]) -> None:
    text = " ".join(report_of(samples["realistic"]).method)
    assert "2,000 resamples" in text
    assert "Seed 0; 9 trials took 2 min 8 s." in text
