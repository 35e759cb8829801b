"""From a card to its loaded model: which file speaks to which library."""

from __future__ import annotations

import importlib
from pathlib import Path

from harness.core.card import Card
from harness.core.trust import Trust
from harness.errors import CandidateError, suggest
from harness.models.formats import weights_only

# (adapter, modality) -> the module whose `load(card, folder, device, trust)` returns the model.
ADAPTERS = {
    ("transformers", "text"): "harness.models.transformers_text",
    ("transformers", "image"): "harness.models.transformers_image",
    ("timm", "image"): "harness.models.timm_image",
    ("open_clip", "image"): "harness.models.open_clip_image",
}


def adapter_module(card: Card) -> str:
    """Return the name of the module that loads a card.

    Raises:
        CandidateError: no adapter of that name reads that modality.
    """
    found = [ADAPTERS[card.adapter, modality] for modality in card.modality if (card.adapter, modality) in ADAPTERS]
    if not found:
        what = f'no adapter "{card.adapter}" for {" and ".join(card.modality)}'
        raise CandidateError(
            what, where=f"card {card.name}, key adapter", hint=suggest(card.adapter, {name for name, _ in ADAPTERS})
        )
    return found[0]


def load_model(card: Card, folder: Path | None, device: str, trust: Trust) -> object:
    """Load a card's model from its folder onto a device, doing no more than the user trusts it with."""
    load = importlib.import_module(adapter_module(card)).load
    with weights_only(card):
        model: object = load(card, folder, device, trust)
    return model
