"""What is known of each candidate that ran, and whether it may have seen the task's data before."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath
from urllib.parse import urlsplit

from harness.core.card import Card
from harness.core.ranking import RankedContender, Ranking
from harness.core.report import Known, Link
from harness.core.run import RunInfo
from harness.core.shown import DASH
from harness.report import numbers
from harness.report.prose import listing


def build(info: RunInfo, ranking: Ranking) -> tuple[Known, ...]:
    """Return one entry for every candidate of the ranking, in its order."""
    cards = {card.name: card for card in info.cards}
    first: dict[str, RankedContender] = {}
    for row in ranking.rows:
        first.setdefault(row.candidate, row)
    return tuple(_describe(cards[name], info, row) for name, row in first.items() if name in cards)


def seen_before(card: Card, info: RunInfo) -> tuple[str, ...]:
    """Return the data sets in a card's pre-training data that bear the name of the task's data.

    Compared are the task's name, a Hub id with and without its owner, and the folders and file that the rows came from; case and
    punctuation do not matter.
    """
    names = {_plain(name) for name in _data_names(info)} - {""}
    return tuple(known for known in card.pretraining.contains if names & {_plain(known), _plain(known.rpartition("/")[2])})


def _data_names(info: RunInfo) -> Iterable[str]:
    yield info.task.name
    for source in (info.settings.data or info.task.data.train, info.data.source):
        path = PurePath(source)
        yield source
        yield from path.parts
        yield path.stem


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _describe(card: Card, info: RunInfo, row: RankedContender) -> Known:
    parameters = row.value("parameters")
    seen = seen_before(card, info)
    shared = {_plain(domain) for domain in info.task.domains}
    warnings = (
        [f"It was pre-trained on {listing(seen)}, which looks like this task's data: its scores may be too good."] if seen else []
    )
    return Known(
        candidate=card.name,
        summary=card.summary,
        pretraining=numbers.or_dash(card.pretraining.data),
        domains=tuple(domain for domain in card.pretraining.domains if _plain(domain) not in shared),
        shared=tuple(domain for domain in card.pretraining.domains if _plain(domain) in shared),
        license=card.license,
        access=card.access,
        released=numbers.or_dash(card.released or ""),
        parameters=numbers.quantity(card.parameters if parameters is None else parameters, numbers.count),
        reads=_reads(card),
        languages=", ".join(card.languages) or DASH,
        source=card.source + (f" @ {card.revision[:12]}" if card.revision else ""),
        links=tuple(_links(card)),
        warnings=tuple(warnings),
    )


def _reads(card: Card) -> str:
    parts = [f"{card.context:,} tokens"] if card.context else []
    parts += [f"{card.image_size} × {card.image_size} px"] if card.image_size else []
    return ", ".join(parts) or DASH


def _links(card: Card) -> Iterable[Link]:
    """Yield the card's links; only web addresses become links."""
    for text, address in (
        ("card", card.links.card),
        ("paper", card.links.paper),
        ("code", card.links.code),
        ("terms", card.links.terms),
    ):
        if address is not None and urlsplit(str(address)).scheme in {"http", "https"}:
            yield Link(text=text, address=str(address))
