"""How a text model was trained to turn a text into one vector, as far as the files of sentence-transformers tell."""

from __future__ import annotations

import json
from pathlib import Path

from transformers import AutoConfig

from harness.core.card import Card
from harness.errors import CandidateError
from harness.models.capabilities import Role
from harness.models.json_file import read_json

# What sentence-transformers calls the prompts of queries and of documents; the first that a model has counts.
_ROLES: dict[Role, tuple[str, ...]] = {"query": ("query",), "document": ("document", "passage", "corpus")}
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
_STEPS, _PROMPTS = "modules.json", "config_sentence_transformers.json"
# A vector's length, which Normalize changes, is left as it is: no cosine depends on it, and a probe standardizes.
_KNOWN_STEPS = ("Transformer", "Pooling", "Normalize")
_WRITTEN_BY_BENCH = "bench.json"


def choose_prompt(folder: Path, card: Card) -> str:
    """Return what stands before each text: the card's prompt, be it empty, else the default one that the model's files name."""
    if card.options.prompt is not None:
        return card.options.prompt
    stated = read_json(folder / _PROMPTS)
    name, prompts = stated.get("default_prompt_name"), stated.get("prompts")
    default = prompts.get(name) if isinstance(prompts, dict) and isinstance(name, str) else None
    return default if isinstance(default, str) else ""


def choose_role_prompt(folder: Path, card: Card, role: Role) -> str:
    """Return what stands before each text in its role: the card's own for it, else the files', else the card's for all texts.

    As with sentence-transformers, the default prompt that files name is for texts without a role.

    Raises:
        CandidateError: the model was trained to leave a prompt's tokens out of its pooling, which bench does not.
    """
    own = card.options.query_prompt if role == "query" else card.options.document_prompt
    prompts = read_json(folder / _PROMPTS).get("prompts")
    named = [prompts[name] for name in _ROLES[role] if isinstance(prompts.get(name), str)] if isinstance(prompts, dict) else []
    found = own if own is not None else named[0] if named else card.options.prompt or ""
    if found and not card.options.pooling and read_json(folder / _FILE).get("include_prompt") is False:
        what = f"it was trained with a pooling that bench does not have: the tokens of the {role}'s prompt left out"
        hint = "to keep them in, let options.pooling in the card name the pooling: mean, cls or last"
        raise CandidateError(what, where=f"card {card.name}, file {_FILE}", hint=hint)
    return found


def reads_apart(folder: Path) -> bool:
    """Tell whether a model was trained on single sentences, never to read two texts as one."""
    return (folder / _STEPS).is_file() and not _is_cross_encoder(folder)


def _is_cross_encoder(folder: Path) -> bool:
    """Tell whether sentence-transformers wrote the folder of a model that scores pairs."""
    return read_json(folder / _PROMPTS).get("model_type") == "CrossEncoder"


def sentence_pooling(folder: Path, config: AutoConfig, card: Card) -> str:
    """Return `mean` or `cls` where a model was trained to give such a vector of a text, as its files say, else nothing.

    Which of the two it is, the card may say. That it was trained so, it cannot: probes read a mean, too, of models that nobody
    taught to give one.

    Raises:
        CandidateError: the files state a pooling that bench does not have, and the card does not say what to do instead.
    """
    if not reads_apart(folder):
        return ""
    found = choose_pooling(folder, config, card)
    return found if found in {"mean", "cls"} else ""


def choose_pooling(folder: Path, config: AutoConfig, card: Card) -> str:
    """Return the card's pooling, else what the files of sentence-transformers state, else what the architecture suggests.

    Raises:
        CandidateError: they state one that bench does not have, and the card does not say what to do instead.
    """
    if card.options.pooling:
        return card.options.pooling
    _check_steps(folder, card)
    stated = read_json(folder / _FILE)
    if not stated:
        return "last" if any(name.endswith("ForCausalLM") for name in config.architectures or ()) else "mean"
    modes = _stated_modes(stated)
    without_prompt = stated.get("include_prompt") is False and bool(choose_prompt(folder, card))
    if len(modes) != 1 or modes[0] not in _MODES or without_prompt:
        what = f"it was trained with a pooling that bench does not have: {' and '.join(modes)[:100]}"
        what += ", the prompt's tokens left out" if without_prompt else ""
        hint = "to use another one, let options.pooling in the card name it: mean, cls or last"
        raise CandidateError(what, where=f"card {card.name}, file {_FILE}", hint=hint)
    return _MODES[modes[0]]


def _check_steps(folder: Path, card: Card) -> None:
    """Accept a model whose vectors are its pooled tokens.

    Raises:
        CandidateError: its files state that something is computed from them that bench does not compute.
    """
    path = folder / _STEPS
    try:
        steps = json.loads(path.read_text(encoding="utf-8")) if path.is_file() and not _is_cross_encoder(folder) else []
    except (ValueError, OSError, RecursionError) as error:
        raise CandidateError(f"cannot read {_STEPS}: {error}", where=str(path), hint="fetch the model again") from error
    kinds = (
        [str(step.get("type", "")).rpartition(".")[2] for step in steps if isinstance(step, dict)]
        if isinstance(steps, list)
        else []
    )
    # The head of a folder that bench wrote is not its vector's: without it the folder is a candidate like any other.
    known = (*_KNOWN_STEPS, "Dense") if (folder / _WRITTEN_BY_BENCH).is_file() else _KNOWN_STEPS
    strange = [kind for kind in kinds if kind not in known]
    if strange:
        what = f"its vectors go through a step that bench does not have: {' and '.join(strange)[:100]}"
        hint = "to use what goes into that step, let options.pooling in the card name the pooling: mean, cls or last"
        raise CandidateError(what, where=f"card {card.name}, file {_STEPS}", hint=hint)


def _stated_modes(stated: dict[str, object]) -> list[str]:
    """Return the modes whose vectors are joined; where none is stated sentence-transformers averages."""
    modes = stated.get("pooling_mode")
    if modes is None:
        return [mode for switch, mode in _SWITCHES.items() if stated.get(switch)] or ["mean"]
    return [str(mode) for mode in modes] if isinstance(modes, list) else [str(modes)]
