"""The report of a suite: what it says, and that nothing from data is taken for a mark."""

from __future__ import annotations

import re
from typing import Any

import pytest

from harness.core.ranking import Estimate, Recommendation
from harness.core.run import RunInfo, Settings
from harness.core.suite import Entry, Suite, SuiteInfo
from harness.core.suite_ranking import (
    Gap,
    GroupRanking,
    JudgedTask,
    Loss,
    MissingTask,
    SingleChoice,
    SuiteRanking,
    SuiteRow,
    TaskScore,
)
from harness.core.suite_report import SuiteReport
from harness.report.suite_document import to_document, to_html, to_markdown
from harness.report.suite_section import build
from harness.report.suite_summary import summarise
from tests.unit.report.conftest import HOSTILE, run_info
from tests.unit.report.test_html import LOADING, Page

TASKS = ("mail", "calls")


def estimate(score: float, half: float = 0.01) -> Estimate:
    return Estimate(score=score, low=score - half, high=score + half)


def own(candidate: str, technique: str = "linear-probe") -> Recommendation:
    return Recommendation(
        candidate=candidate, technique=technique, score=0.9, low=0.88, high=0.92, expected_regret=0, probability_best=1,
        probability_within_margin=1, decisive=True, reason="It is.",
    )  # fmt: skip


def task(name: str, chosen: Recommendation | None, **changes: Any) -> JudgedTask:
    facts: dict[str, Any] = {
        "run": f"run-{name}", "weight": 1, "share": 0.5, "metric": "macro_f1", "higher_is_better": True, "margin": 0.01, "scale": 1,
        "validation_rows": 1200, "test_rows": 300, "recommendation": chosen,
    }  # fmt: skip
    return JudgedTask(task=name, **facts | changes)


def row(candidate: str, rank: int, techniques: tuple[str, ...] = ("linear-probe", "linear-probe"), **changes: Any) -> SuiteRow:
    scores = tuple(
        TaskScore(
            task=name, technique=technique, validation=estimate(0.9), test=estimate(0.89), expected_regret=0.004,
            latency_p95_ms=4.0, recommended=rank == 1,
        )
        for name, technique in zip(TASKS, techniques, strict=False)
    )  # fmt: skip
    known: dict[str, Any] = {
        "tie": min(rank, 1), "baseline": False, "license": "apache-2.0", "regret": estimate(0.004, 0.003) if rank else None,
        "place": estimate(1.5, 0.5) if rank else None, "excess": 0.001 if rank else None, "probability_best": 0.6 if rank else None,
        "cost": 4.0 if rank else None, "scores": scores,
    }  # fmt: skip
    return SuiteRow(rank=rank, candidate=candidate, **known | changes)


def single(candidate: str, losses: tuple[Loss, ...], cost: Estimate, **changes: Any) -> SingleChoice:
    known: dict[str, Any] = {
        "technique": "linear-probe", "regret": estimate(0.004, 0.003), "place": estimate(1.5, 0.5), "excess": 0.001,
        "probability_best": 0.6, "probability_within_margin": 0.97, "decisive": True, "reason": f"{candidate} is the cheapest.",
    }  # fmt: skip
    return SingleChoice(candidate=candidate, cost=cost, losses=losses, **known | changes)


def loss(name: str, candidate: str, value: float, half: float = 0.01) -> Loss:
    return Loss(task=name, candidate=candidate, technique="lora", loss=value, low=value - half, high=value + half)


def group(choice: SingleChoice | None, *rows: SuiteRow, **changes: Any) -> GroupRanking:
    known: dict[str, Any] = {
        "modality": "text", "tasks": (task("mail", own("small")), task("calls", own("big", "lora"))), "unit": "macro_f1",
        "margin": 0.01, "prefer": "latency",
    }  # fmt: skip
    return GroupRanking(rows=rows, single=choice, **known | changes)


PLAIN = single("small", (loss("mail", "small", 0, 0), loss("calls", "big", 0.03)), estimate(0.015, 0.005))


@pytest.fixture
def info() -> SuiteInfo:
    return SuiteInfo(
        run="20250101-000000-abcd",
        suite=Suite(name="office", description="What people ask.", tasks=TASKS),
        path="/tasks/office/suite.yaml",
        settings=Settings(candidates=("small", "big"), data_of={"mail": "my mail.csv"}, budget_s=600),
        entries=tuple(Entry(task=name, path="", weight=1, run=f"run-{name}") for name in TASKS),
        started="2025-01-01T00:00:00+00:00",
    )


@pytest.fixture
def heads() -> tuple[RunInfo, ...]:
    return tuple(run_info().model_copy(update={"task": run_info().task.model_copy(update={"name": name})}) for name in TASKS)


def test_the_answer_names_the_model_its_technique_and_its_price() -> None:
    section = build(group(PLAIN, row("small", 1), row("big", 2)), several=False)
    assert (section.advice.headline, section.advice.verdict) == ("One model for both tasks: small", "Decisive")
    assert section.advice.sentences == (
        "small is the cheapest.",
        "The same technique serves all tasks: linear probe.",
        "Choosing for each task instead would gain 0.015 macro-F1 [0.010, 0.020] on average.",
    )
    facts = {fact.label: (fact.text, fact.note) for fact in section.advice.facts}
    assert facts["Mean regret"] == ("0.004", "[0.001, 0.007] macro-F1")
    assert facts["Mean rank"] == ("1.5", "[1.0, 2.0] of 2 models")
    assert facts["Cost of a single choice"] == ("0.015", "[0.010, 0.020] macro-F1")
    assert facts["p95 latency"] == ("4.00 ms", "mean over the tasks")
    assert [(line.task, line.own, line.loss.text, line.verdict) for line in section.losses] == [
        ("mail", "small with LoRA", "0.000", "the same model"),
        ("calls", "big with LoRA", "0.030", "the task's own choice is better"),
    ]
    assert [line.recommended for line in section.lines] == [True, False]
    assert section.lines[0].cells[0].note == "regret 0.004; test 0.890 [0.880, 0.900]"


@pytest.mark.parametrize(
    ("cost", "losses", "told"),
    [
        (estimate(0, 0), (loss("mail", "small", 0, 0), loss("calls", "small", 0, 0)), "the single choice costs nothing"),
        (
            estimate(0.004),
            (loss("mail", "big", 0.001), loss("calls", "big", 0.007)),
            "not tell from nothing; most is lost on calls.",
        ),
        (estimate(-0.02), (loss("mail", "tiny", -0.02), loss("calls", "tiny", -0.02)), "0.020 macro-F1 higher than what the tasks"),
    ],
)
def test_what_the_single_choice_costs_in_words(cost: Estimate, losses: tuple[Loss, ...], told: str) -> None:
    section = build(group(single("small", losses, cost), row("small", 1), row("big", 2)), several=False)
    assert told in section.advice.sentences[-1]


def test_techniques_that_differ_are_told() -> None:
    choice = single("small", PLAIN.losses, PLAIN.cost, technique="")
    section = build(group(choice, row("small", 1, ("lora", "knn"))), several=True)
    assert section.title == "The 2 text tasks"
    assert section.advice.sentences[1] == "Its technique differs: LoRA on mail; nearest neighbors on calls."
    assert section.advice.headline == "One model for both text tasks: small"


def test_baselines_and_doubt_change_the_headline() -> None:
    tfidf = row("tfidf", 1, ("fit", "fit"), baseline=True)
    enough = single("tfidf", (), estimate(0, 0), technique="fit", baseline_suffices=True, decisive=False, more_times=2.5)
    section = build(group(enough, tfidf), several=False)
    assert section.advice.headline == "You need no foundation model for both tasks: tfidf is enough"
    assert section.advice.verdict == "Not decisive: about 2.5 times the labeled rows of every task would settle it"
    near = build(group(single("small", (), estimate(0, 0), baseline_suffices=True), row("small", 1)), several=False)
    assert near.advice.headline == "A baseline is nearly as good for both tasks; the model to take is small"


def test_without_a_model_for_all_the_reason_is_told() -> None:
    gap = Gap(task="calls", state="failed", reason="embed: NaN")
    section = build(group(None, row("small", 0, ("knn",), gaps=(gap,))), several=False)
    assert section.advice.headline == "No model serves the 2 tasks"
    assert "No model has a score on every one of them." in section.advice.sentences[0]
    assert [(line.candidate, line.task, line.state, line.reason) for line in section.absent] == [
        ("small", "calls", "failed", "embed: NaN")
    ]
    assert (section.lines[0].cells[1].text, section.lines[0].cells[1].note) == ("–", "embed: NaN")
    none = group(None, tasks=(task("mail", None), task("calls", own("big"))))
    assert "Nothing qualifies on mail. What calls by itself" in build(none, several=False).advice.sentences[0]


def test_regrets_in_margins_are_said_to_be(info: SuiteInfo, heads: tuple[RunInfo, ...]) -> None:
    tasks = (task("mail", own("small"), margin=0.02, scale=0.02), task("calls", own("big"), metric="mcc", scale=0.01))
    found = summarise(
        info, SuiteRanking(suite="office", groups=(group(PLAIN, row("small", 1), tasks=tasks, unit="margins", margin=1),)), heads
    )
    assert any("divided by its margin (0.02 macro-F1 on mail and 0.01 MCC on calls)" in sentence for sentence in found.method)
    assert found.sections[0].unit == "margins"


def test_the_command_and_what_is_missing(info: SuiteInfo, heads: tuple[RunInfo, ...]) -> None:
    ranking = SuiteRanking(
        suite="office", groups=(group(PLAIN, row("small", 1)),), missing=(MissingTask(task="chat", weight=1, reason="no rows"),)
    )
    found = summarise(info, ranking, heads)
    line = "bench compare --task office --candidates small,big --data 'mail=my mail.csv' --seed 0 --budget 600s"
    assert found.command == line
    assert "1 of 2 tasks could not be judged (chat)" in found.warnings[0]
    assert f"{line} --resume 20250101-000000-abcd" in found.warnings[0]
    assert [(lost.task, lost.reason) for lost in found.missing] == [("chat", "no rows")]
    halted = group(PLAIN, row("small", 1), tasks=(task("mail", own("small"), unfinished=2), task("calls", own("big"))))
    told = summarise(info, SuiteRanking(suite="office", groups=(halted,)), heads).warnings
    assert told[0].startswith("mail: the run was stopped before everything was tried")
    limited = info.model_copy(update={"settings": info.settings.model_copy(update={"constraints": ("latency_ms=5",)})})
    again = summarise(limited, SuiteRanking(suite="office", groups=(group(PLAIN, row("small", 1)),)), heads)
    assert again.warnings == (
        "Ranked again under latency_ms=5. The tasks' own reports, to which their names lead, stand as they were.",
    )
    assert "--constraint latency_ms=5" in again.command
    spot = summarise(info.model_copy(update={"path": ""}), ranking, heads)
    assert spot.command.startswith("bench compare --task mail --task calls ")
    document = to_document(info, ranking, {})
    assert document["schema"] == "bench.suite/1"
    nothing = summarise(info, SuiteRanking(suite="office", groups=()), ())
    assert "No task was judged" in to_html(nothing)
    assert "No task was judged" in to_markdown(nothing)


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_from_data_becomes_a_mark(name: str, info: SuiteInfo, heads: tuple[RunInfo, ...]) -> None:
    gap = Gap(task="calls", state="failed", reason=name)
    rows = (row(name, 1, license=name), row("big", 0, ("knn",), gaps=(gap,)))
    ranking = SuiteRanking(
        suite="office",
        groups=(group(single(name, (loss("mail", name, 0), loss("calls", "big", 0.1)), estimate(0.1)), *rows),),
        missing=(MissingTask(task="chat", weight=1, reason=name, hint=name),),
    )
    hostile = info.model_copy(update={"suite": info.suite.model_copy(update={"description": name})})
    found = summarise(hostile, ranking, heads, {"mail": "../mail/a%20b/report.html"})
    page = Page(to_html(found))
    assert page.open == []
    tags = {tag for tag, _ in page.elements}
    assert not tags & LOADING
    assert not [attributes for _, attributes in page.elements if any(key.startswith("on") for key in attributes)]
    assert {a["href"] for tag, a in page.elements if tag == "a" and not str(a["href"]).startswith("#")} == {
        "../mail/a%20b/report.html"
    }
    # Inside code nothing is a mark.
    text = re.sub(r"(`+).*?\1", "", to_markdown(found))
    assert "<script>" not in text
    assert "<img" not in text
    assert "\u202e" not in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(len(line.replace("\\|", "").split("|")) > 3 for line in tables)
    assert SuiteReport.model_validate_json(found.model_dump_json()) == found
