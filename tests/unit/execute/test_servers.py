"""What is planned for models of servers, and what they are found to cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from harness.core.candidate import Registered
from harness.core.card import Card
from harness.core.remote import Price, Remote
from harness.core.run import Settings
from harness.core.task import Task
from harness.core.wording import Wording
from harness.execute.plan import Ground, find_gap, limits_of, plan
from harness.execute.process import wants_torch
from harness.execute.speakers import find_speakers
from harness.execute.spending import measure_cost
from harness.models.capabilities import Spent


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
