from __future__ import annotations

from typing import Any

import pytest

from harness.core.card import Card, Pretraining
from harness.core.run import Settings
from harness.report import known


def card_with(*contains: str) -> Card:
    return Card(name="c", pretraining=Pretraining(contains=contains))


# What stands after a plus is to be noticed.
@pytest.mark.parametrize(
    ("source", "contains"),
    [
        (("mteb/banking77", None), ["+banking77", "squad"]),
        (("mteb/banking77", None), ["+PolyAI/banking77"]),
        (("mteb/banking77", None), ["+Banking-77"]),
        (("mteb/banking77", None), ["squad", "bank"]),
        (("train.csv", "../data/banking77/train.csv"), ["+banking77"]),
        (("mteb/banking77", "../data/mine/train.csv"), ["banking77"]),
        (("train.csv", None), ["+support-intents"]),
        (("train.csv", None), []),
    ],
)
def test_pretraining_on_the_tasks_data_is_noticed(
    samples: dict[str, Any], source: tuple[str, str | None], contains: list[str]
) -> None:
    train, data = source
    info = samples["empty"].info
    task = info.task.model_copy(update={"data": info.task.data.model_copy(update={"train": train})})
    facts = info.data.model_copy(update={"source": data or train})
    info = info.model_copy(update={"task": task, "settings": Settings(data=data), "data": facts})
    wanted = tuple(name.removeprefix("+") for name in contains if name.startswith("+"))
    assert known.seen_before(card_with(*(name.removeprefix("+") for name in contains)), info) == wanted


def test_domains_in_common_stand_apart(samples: dict[str, Any]) -> None:
    sample = samples["realistic"]
    entry = known.build(sample.info, sample.ranking)[0]
    assert (entry.shared, entry.domains) == (("customer-support",), ("web", "qa"))
    assert entry.warnings == ()


def test_each_candidate_is_told_once_in_the_order_of_the_ranking(samples: dict[str, Any]) -> None:
    sample = samples["realistic"]
    names = [entry.candidate for entry in known.build(sample.info, sample.ranking)]
    assert names == ["minilm-l6-v2", "minilm-l6-first3", "minilm-l6-first1", "bge-small-en-v1.5"]


def test_only_web_addresses_become_links(samples: dict[str, Any]) -> None:
    for sample in samples.values():
        for entry in known.build(sample.info, sample.ranking):
            assert all(link.address.startswith("https://") for link in entry.links)
