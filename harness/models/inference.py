"""Which folders hold a model that was trained to tell what follows from a text, as their own files say; light, for planning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.core.card import Card
from harness.models.json_file import read_json

_CLASSIFIERS = "ForSequenceClassification"
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Where the outputs of such a model stand: that a text entails a hypothesis, and that it contradicts or does not entail it."""

    entailed: int
    against: int


def find_verdicts(card: Card, folder: Path | None) -> Verdicts | None:
    """Return which outputs of a card's model tell of entailment; None where it was not trained to.

    Source: the pipeline `zero-shot-classification` of transformers, for labels that begin with "entail" in any case.
    """
    labels = _labels(card, folder)
    entailed = next((place for name, place in labels.items() if name.lower().startswith("entail")), None)
    if entailed is None or len(labels) < 2:
        return None
    others = [(name.lower(), place) for name, place in labels.items() if place != entailed]
    contrary = [place for name, place in others if name.startswith(("contra", "not", "non"))]
    # Where names do not tell, the library takes the output at the other end.
    return Verdicts(entailed, contrary[0] if contrary else max(labels.values()) if entailed == 0 else 0)


def explain_lack(card: Card, folder: Path | None) -> str:
    """Return why a card's model cannot tell what a text entails."""
    labels = list(_labels(card, folder))
    if not labels:
        return "it is no classifier that was trained for inference, and entailment asks one"
    shown = ", ".join(labels[:_SHOWN]) + (", …" if len(labels) > _SHOWN else "")
    return f"none of its labels ({shown}) means entailment"


def _labels(card: Card, folder: Path | None) -> dict[str, int]:
    """Return the labels of a whole classifier of texts with their outputs, nothing where the folder holds none."""
    if folder is None or card.adapter != "transformers" or "text" not in card.modality or card.options.layers or card.control:
        return {}
    config = read_json(folder / "config.json")
    named, places, names = config.get("architectures"), config.get("label2id"), config.get("id2label")
    if not (isinstance(named, list) and named and str(named[0]).endswith(_CLASSIFIERS)):
        return {}
    known = places if isinstance(places, Mapping) and places else _turn(names)
    found = {str(name): place for name, place in known.items() if type(place) is int}
    return found if sorted(found.values()) == list(range(len(found))) else {}


def _turn(names: object) -> dict[str, object]:
    """Return labels with their outputs from outputs, written as text, with their labels."""
    if not isinstance(names, Mapping):
        return {}
    return {str(name): int(place) for place, name in names.items() if str(place).isdecimal()}
