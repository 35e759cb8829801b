"""The files in which sentence-transformers says how a model's tokens become one vector, as bench writes them beside weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import CandidateError
from harness.models.json_file import read_json

_MODULES, _PROMPTS, _LENGTH = "modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"
_POOLING = "1_Pooling/config.json"
# Where a linear layer on the vector stands.
DENSE = "2_Dense"
# bench's poolings, as every version of the library spells them.
_SWITCHES = {"cls": "pooling_mode_cls_token", "mean": "pooling_mode_mean_tokens", "last": "pooling_mode_lasttoken"}


@dataclass(frozen=True, slots=True)
class Layout:
    """How texts of at most `limit` tokens become vectors of `width`: prompts by the name of their use, and the pooling.

    With `outputs` a linear layer that gives so many follows, whose weights stand in `DENSE`; the only prompt is then the default.
    """

    pooling: str
    width: int
    limit: int
    prompts: Mapping[str, str]
    outputs: int = 0


def write_layout(layout: Layout, folder: Path, base: Path) -> None:
    """Write the files; prompts for other uses, and whether vectors are scaled to length 1, are those of the base model's folder."""
    last = "Dense" if layout.outputs else "Normalize" if _normalizes(base) else ""
    steps = ["Transformer", "Pooling", *([last] if last else [])]
    places = ["", *(f"{i}_{step}" for i, step in enumerate(steps) if i)]
    modules = [
        {"idx": i, "name": str(i), "path": places[i], "type": f"sentence_transformers.models.{step}"}
        for i, step in enumerate(steps)
    ]
    for place in places[1:]:
        (folder / place).mkdir(exist_ok=True)
    stated = read_json(base / _PROMPTS)
    known = stated.get("prompts")
    prompts = {**(known if isinstance(known, dict) and not layout.outputs else {}), **layout.prompts}
    pooling = {"word_embedding_dimension": layout.width} | {switch: mode == layout.pooling for mode, switch in _SWITCHES.items()}
    default = next(iter(layout.prompts), None) if layout.outputs else stated.get("default_prompt_name")
    written: dict[str, Any] = {
        _MODULES: modules,
        _POOLING: {**pooling, "include_prompt": True},
        _LENGTH: {"max_seq_length": layout.limit, "do_lower_case": False},
        _PROMPTS: {**stated, "default_prompt_name": default, "prompts": prompts, "similarity_fn_name": "cosine"},
    }
    if "model_type" in stated:
        written[_PROMPTS] |= {"model_type": "SentenceTransformer"}
    if layout.outputs:
        written[f"{DENSE}/config.json"] = {
            "in_features": layout.width,
            "out_features": layout.outputs,
            "bias": True,
            "activation_function": "torch.nn.modules.linear.Identity",
        }
    for name, content in written.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_pooling(folder: Path) -> str:
    """Return the pooling that `write_layout` wrote.

    Raises:
        CandidateError: the file states none that bench has.
    """
    stated = read_json(folder / _POOLING)
    found = next((mode for mode, switch in _SWITCHES.items() if stated.get(switch) is True), None)
    if found is None:
        raise CandidateError(f"{_POOLING} states no pooling", where=str(folder), hint="run `bench finetune` again")
    return found


def _normalizes(base: Path) -> bool:
    """Tell whether a model's vectors are scaled to length 1."""
    path = base / _MODULES
    steps = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return any(isinstance(step, dict) and str(step.get("type", "")).endswith(".Normalize") for step in steps)
