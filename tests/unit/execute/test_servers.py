"""What is planned for models of servers, and what they are found to cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.core.candidate import Registered
from harness.core.card import Card
from harness.core.data import Dataset
from harness.core.remote import Price, Remote
from harness.core.run import Settings
from harness.core.task import Task
from harness.core.trial import Finished, Record, Trial
from harness.core.wording import Wording
from harness.execute import subject
from harness.execute.job import Job
from harness.execute.plan import Ground, find_gap, limits_of, plan
from harness.execute.process import wants_torch
from harness.execute.speakers import find_speakers
from harness.execute.spending import measure_cost, note_silent, spent_by
from harness.execute.uplink import Uplink
from harness.execute.worker import Worker
from harness.execute.writing_worker import WritingWorker
from harness.models.capabilities import Spent
from tests.unit.execute.plugins import dataset, job
from tests.unit.execute.test_writing import data as written
from tests.unit.openai_server import Answer, Call, serve


def card(*offers: str, **settings: Any) -> Card:
    remote = Remote.model_validate({"model": "m", "offers": offers, **settings})
    return Card(name="far", adapter="openai", source="https://api.example.org/v1", remote=remote)


def register(one: Card) -> Registered:
    return Registered(one, "cards.yaml", "user", is_plugin=False)


def task(kind: str, **more: Any) -> Task:
    data = {"query": "q", "document": "d"} if kind == "retrieval" else {}
    return Task.model_validate({"name": "t", "kind": kind, "data": {"train": "x.csv", **data}, **more})


@pytest.mark.parametrize(
    ("kind", "offers", "gap"),
    [
        ("text-classification", ("chat",), ""),
        ("text-classification", ("embeddings",), ""),
        ("text-regression", ("chat", "completions"), "chat and completions for it, and the kind text-regression needs embeddings"),
        ("retrieval", ("chat",), "offers chat for it, and the kind retrieval needs embeddings"),
        ("retrieval", ("chat", "embeddings"), ""),
        ("generation", ("completions",), ""),
        ("generation", ("embeddings",), "offers embeddings for it, and the kind generation needs chat or completions"),
        ("token-classification", ("chat", "embeddings"), "needs features of each word, which no such server gives"),
    ],
)  # fmt: skip
def test_a_server_that_offers_nothing_for_a_kind_is_left_out_with_the_reason(kind: str, offers: tuple[str, ...], gap: str) -> None:
    found = find_gap(card(*offers), task(kind))
    assert found.endswith(gap)
    assert bool(found) == bool(gap)
    assert find_gap(Card(name="near"), task(kind)) == ""


def test_a_server_is_embedded_or_asked_as_it_offers_and_its_memory_is_nobody_s_business() -> None:
    ground = Ground("cpu", "data", "software", {"far": "source"})

    def planned(one: Card) -> list[tuple[str, str]]:
        ready = register(one)
        speakers = find_speakers([(ready, None)], Wording("{text} {label}", (("a",), ("b",))))
        trials = plan(task("text-classification"), [ready], Settings(), ground, has_words=True, speakers=speakers)
        return [(trial.technique, trial.measures) for trial in trials]

    heads = [("zero-shot", "quality"), ("knn", "quality"), ("linear-probe", "quality")]
    asked = [("prompted", "quality"), ("few-shot", "quality")]
    assert planned(card("embeddings")) == heads
    assert planned(card("chat")) == asked
    assert planned(card("completions", "embeddings")) == heads + asked
    assert not wants_torch([register(card("chat"))])


def test_a_server_has_the_time_that_its_card_asks_for() -> None:
    def seconds(one: Card, answers: int = 0) -> float:
        return limits_of(one, Settings(), 1000, (10**9, 10**9), answers=answers).seconds or 0

    assert seconds(card("embeddings")) > seconds(Card(name="near"))
    slow = card("chat", requests_per_minute=60)
    # A call a second, of each row for each of two answers at least.
    assert seconds(slow, answers=2) > 2000 + 600
    assert seconds(slow) > seconds(card("chat"))


class Metered:
    """Takes three tokens and gives one a row."""

    def __init__(self, *, tells: bool = True) -> None:
        self.rows, self.tells = 5, tells

    def spent(self) -> Spent:
        return Spent(self.rows, 3 * self.rows * self.tells, self.rows * self.tells)

    def answer(self, rows: Sequence[int]) -> None:
        self.rows += len(rows)


def test_replies_without_a_text_are_told_of_the_calls_since() -> None:
    class Thinker:
        def __init__(self) -> None:
            self.used = Spent(100, silent=50)

        def spent(self) -> Spent:
            return self.used

    model = Thinker()
    before = spent_by(model)
    assert note_silent(model, before) == ()
    model.used = Spent(140, silent=53)
    (note,) = note_silent(model, before)
    assert note.startswith("3 of 40 replies ended at the limit before any text; ")
    assert "max_completion_tokens" in note
    assert note_silent(object(), spent_by(object())) == ()


class Sent(Uplink):
    """Keeps records."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def send(self, kind: str, content: str = "") -> None:
        self.records += [Record.model_validate_json(content)] if kind == "record" else []


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Keep the models that workers in this process load, whose connections are to be closed."""
    found: list[Any] = []
    load = subject.load

    def keep(given: Job) -> object:
        found.append(load(given))
        return found[-1]

    monkeypatch.setattr(subject, "load", keep)
    return found


def is_silent(call: Call) -> bool:
    return "3" in call.body["messages"][-1]["content"]


def think(call: Call) -> Answer:
    """Reach the limit before any text where a row has a three in it."""
    silent = is_silent(call)
    choice = {"message": {"content": None if silent else "refund"}, "finish_reason": "length" if silent else "stop"}
    return 200, {}, {"choices": [choice]}


@pytest.mark.parametrize("data", [replace(dataset(), wording=Wording("{text} {label}", (("refund",), ("parcel",)))), written()])
def test_a_trial_notes_replies_that_its_limit_had_no_room_for(data: Dataset, tmp_path: Path, loaded: list[Any]) -> None:
    trial = Trial(candidate="far", technique="prompted", task="t", task_digest="d", source_digest="s", timed=False)
    worker, metric, aside = (WritingWorker, "exact_match", 1) if data.writing else (Worker, "accuracy", 0)
    sent = Sent()
    with serve(think) as log:
        one = register(card("chat").model_copy(update={"source": log.url}))
        worker(replace(job(one, (trial,), tmp_path), data=data, metric=metric), sent).run()
        loaded.pop().endpoint.close()
    (record,) = sent.records
    assert isinstance(record.outcome, Finished), record.outcome
    (note,) = [one for one in record.outcome.notes if "before any text" in one]
    # The first call of all belongs to no trial.
    calls = log.calls[aside:]
    assert note.startswith(f"{sum(map(is_silent, calls))} of {len(calls)} replies ended at the limit before any text; ")


PRICED = card("chat", price=Price(input=2, output=10, currency="EUR"))


@pytest.mark.parametrize("rows", [4, 64])
def test_the_cost_is_what_the_server_counts_at_the_prices_of_the_card(rows: int) -> None:
    model = Metered()
    (found,) = measure_cost(PRICED, model, model.answer, rows)
    # Three tokens at two millionths and one at ten, a thousand times.
    assert found.value == pytest.approx(1000 * (3 * 2 + 1 * 10) / 1_000_000)
    assert (found.unit, found.n, found.better) == ("EUR", min(rows, 32), "lower")
    assert found.conditions == "EUR, 3 tokens sent and 1 written a row, at the prices of its card"


def test_without_prices_or_counts_nothing_is_made_up() -> None:
    model, silent = Metered(), Metered(tells=False)
    assert measure_cost(card("chat"), model, model.answer, 8) == []
    assert model.rows == 5
    assert measure_cost(PRICED, silent, silent.answer, 8) == []
    assert measure_cost(PRICED, object(), lambda _rows: None, 8) == []
