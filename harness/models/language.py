"""Which folders hold a language model, as their own files say; light, so that a run can be planned by it."""

from __future__ import annotations

from pathlib import Path

from harness.core.card import Card
from harness.models.json_file import read_json

_DECODERS = ("ForCausalLM", "LMHeadModel")
_TRANSLATORS = "ForConditionalGeneration"


def is_language_model(card: Card, folder: Path | None) -> bool:
    """Tell whether a card's model goes on from a prompt as it was trained to: neither shortened, nor made a model of sentences."""
    if folder is None or card.adapter != "transformers" or "text" not in card.modality:
        return False
    if card.options.layers or card.control or (folder / "modules.json").is_file():
        return False
    config = read_json(folder / "config.json")
    named = config.get("architectures")
    name = str(named[0]) if isinstance(named, list) and named else ""
    return name.endswith(_DECODERS) or (name.endswith(_TRANSLATORS) and bool(config.get("is_encoder_decoder")))
