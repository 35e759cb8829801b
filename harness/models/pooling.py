"""How a text model was trained to turn its tokens into one vector, as far as its files tell."""

from __future__ import annotations

from pathlib import Path

from transformers import AutoConfig

from harness.core.card import Card
from harness.errors import CandidateError
from harness.models.json_file import read_json

# Names of sentence-transformers, and bench's.
_MODES = {"cls": "cls", "lasttoken": "last", "mean": "mean"}
# Its files had a switch for each mode before version 6, and one key since.
_SWITCHES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_FILE = "1_Pooling/config.json"


def choose_pooling(folder: Path, config: AutoConfig, card: Card) -> str:
    """Return the card's pooling, else what the files of sentence-transformers state, else what the architecture suggests.

    Raises:
        CandidateError: they state one that bench does not have, and the card does not say what to do instead.
    """
    if card.options.pooling:
        return card.options.pooling
    stated = read_json(folder / _FILE)
    if not stated:
        return "last" if any(name.endswith("ForCausalLM") for name in config.architectures or ()) else "mean"
    modes = _stated_modes(stated)
    without_prompt = stated.get("include_prompt") is False and bool(card.options.prompt)
    if len(modes) != 1 or modes[0] not in _MODES or without_prompt:
        what = f"it was trained with a pooling that bench does not have: {' and '.join(modes)[:100]}"
        what += ", the prompt's tokens left out" if without_prompt else ""
        hint = "to use another one, let options.pooling in the card name it: mean, cls or last"
        raise CandidateError(what, where=f"card {card.name}, file {_FILE}", hint=hint)
    return _MODES[modes[0]]


def _stated_modes(stated: dict[str, object]) -> list[str]:
    """Return the modes whose vectors are joined; where none is stated sentence-transformers averages."""
    modes = stated.get("pooling_mode")
    if modes is None:
        return [mode for switch, mode in _SWITCHES.items() if stated.get(switch)] or ["mean"]
    return [str(mode) for mode in modes] if isinstance(modes, list) else [str(modes)]
