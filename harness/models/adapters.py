"""From a card to its loaded model: which file speaks to which library."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.card import Card
from harness.core.trust import Trust
from harness.errors import CandidateError, suggest
from harness.models.formats import weights_only

if TYPE_CHECKING:
    from harness.models.trainable import Aim, Trainable

# (adapter, modality) -> the module whose `load(card, folder, device, trust)` returns the model; of a server, `load(card, key)`.
ADAPTERS = {
    ("transformers", "text"): "harness.models.transformers_text",
    ("transformers", "image"): "harness.models.transformers_image",
    ("timm", "image"): "harness.models.timm_image",
    ("open_clip", "image"): "harness.models.open_clip_image",
    ("openai", "text"): "harness.models.openai_text",
}

# (adapter, modality) -> the module and its function that returns the model with a new head, to be trained.
CLASSIFIERS = {
    ("transformers", "text"): ("harness.models.sentence_classifier", "load"),
    ("transformers", "image"): ("harness.models.transformers_classifier", "load_image"),
    ("timm", "image"): ("harness.models.timm_classifier", "load_image"),
    ("open_clip", "image"): ("harness.models.open_clip_classifier", "load_image"),
}

# The same where each word of a sentence gets a tag.
TAGGERS = {("transformers", "text"): ("harness.models.transformers_tagger", "load_tagger")}


def adapter_modules(card: Card) -> tuple[str, ...]:
    """Return the names of the modules that load a card, one for each kind of rows that it reads.

    Raises:
        CandidateError: no adapter of that name reads that modality.
    """
    found = [ADAPTERS[card.adapter, modality] for modality in card.modality if (card.adapter, modality) in ADAPTERS]
    if not found:
        what = f'no adapter "{card.adapter}" for {" and ".join(card.modality)}'
        raise CandidateError(
            what, where=f"card {card.name}, key adapter", hint=suggest(card.adapter, {name for name, _ in ADAPTERS})
        )
    return tuple(found)


def load_model(card: Card, folder: Path | None, device: str, trust: Trust, *, key: str = "") -> object:
    """Load a card's model from its folder onto a device, doing no more than the user trusts it with.

    Of a card for several kinds of rows it is the model for the first: ask for `card.reading(…)`. A server takes the `key`.
    """
    load = importlib.import_module(adapter_modules(card)[0]).load
    if card.remote is not None:
        served: object = load(card, key)
        return served
    with weights_only(card):
        model: object = load(card, folder, device, trust)
    return model


def can_train(card: Card) -> str:
    """Return nothing where a card's model can be fine-tuned, else why it cannot, as far as the card tells."""
    if card.baseline:
        return "a baseline is fitted from scratch, there is nothing to fine-tune"
    if card.remote is not None:
        return f"it runs at {card.host}, and bench has none of its weights"
    if not card.adapter:
        return "a Python plugin has features or answers only, bench does not see its weights"
    if not any((card.adapter, modality) in CLASSIFIERS for modality in card.modality):
        return f'no adapter "{card.adapter}" fine-tunes {" and ".join(card.modality)}'
    return ""


def training_modules(card: Card) -> tuple[str, ...]:
    """Return the names of the modules that fine-tuning a card's model imports, none where it cannot be fine-tuned."""
    if can_train(card):
        return ()
    return tuple(CLASSIFIERS[card.adapter, one][0] for one in card.modality if (card.adapter, one) in CLASSIFIERS)


def load_trainable(card: Card, folder: Path | None, device: str, trust: Trust, *, aim: Aim) -> Trainable:
    """Load a card's model with a new head for what it is to tell, doing no more than the user trusts it with.

    The head is drawn from torch's generator as it stands: seed it before.

    Raises:
        CandidateError: it cannot be fine-tuned.
    """
    reason = can_train(card)
    if not reason and folder is None and not card.source.startswith("random:"):
        reason = "it names no folder to load from"
    if reason:
        raise CandidateError(f"{card.name} cannot be fine-tuned: {reason}", where=f"card {card.name}", hint="use a probe")
    if aim.target == "text":
        from harness.models.transformers_writer import load_writer  # noqa: PLC0415 - as every library's file

        with weights_only(card):
            return load_writer(card, folder, device, trust)
    if aim.target == "documents":
        from harness.models.transformers_searcher import load_searcher  # noqa: PLC0415 - as every library's file

        with weights_only(card):
            return load_searcher(card, folder, device, trust)
    ways = TAGGERS if aim.target == "tags" else CLASSIFIERS
    found = next((ways[card.adapter, one] for one in card.modality if (card.adapter, one) in ways), None)
    if found is None:
        raise CandidateError(f"{card.name} cannot be fine-tuned for tags of words", where=f"card {card.name}", hint="use a probe")
    module, function = found
    load = getattr(importlib.import_module(module), function)
    with weights_only(card):
        trainable: Trainable = load(card, folder, device, trust, aim=aim)
    return trainable
