"""What a card needs whose model runs on a server."""

from __future__ import annotations

from harness.core.card import Card
from harness.errors import BenchError, CandidateError
from harness.load.yaml_file import YamlFile

_ADAPTER = "openai"
_ADDRESS = "give the address up to /v1, such as https://api.example.org/v1, without a login; a key goes into remote.key_variable"


def plugin_fault(card: Card) -> tuple[str, str] | None:
    """Return what is wrong with a plugin's card that names a server, and what to do; None where nothing is."""
    if card.remote is None:
        return None
    if not card.host:
        return f'the card "{card.name}" has `remote`, and its `source` is not the address of a server', _ADDRESS
    if card.remote.key_variable:
        hint = "leave remote.key_variable out, or describe the server in a card file, with the adapter openai"
        return f'the card "{card.name}" asks for the key in {card.remote.key_variable}, and no plugin is handed one', hint
    return None


def served_faults(card: Card, file: YamlFile, index: int) -> list[BenchError]:
    """Check that a card of a server names its address and how it is asked, and that no other card does.

    What is wrong with an address is told without it: it may hold a password.
    """
    found: list[tuple[str, str, str]] = []
    if card.adapter != _ADAPTER and card.remote is not None:
        found.append(
            ("remote", f'the adapter "{card.adapter}" loads a model here, and `remote` is for one of a server', "leave it out")
        )
    if card.adapter == _ADAPTER and card.remote is None:
        hint = "add `remote: {model: …, offers: [embeddings]}`; `bench schema card` has all keys"
        found.append(("remote", f'the card "{card.name}" does not say how its server is asked', hint))
    if card.remote is not None and card.source and not card.host:
        found.append(("source", "`source` is not the address of a server", _ADDRESS))
    if card.adapter == _ADAPTER and card.modality != ("text",):
        found.append(("modality", f'the adapter "{_ADAPTER}" reads text alone', "write modality: [text]"))
    return [CandidateError(what, where=file.locate((index, key)), hint=hint) for key, what, hint in found]
