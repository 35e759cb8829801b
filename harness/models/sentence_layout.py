"""The files in which sentence-transformers says how a model's tokens become one vector, as bench writes them beside weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.models.capabilities import Role
from harness.models.json_file import read_json

_MODULES, _PROMPTS, _LENGTH = "modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"
# bench's poolings, as every version of the library spells them.
_SWITCHES = {"cls": "pooling_mode_cls_token", "mean": "pooling_mode_mean_tokens", "last": "pooling_mode_lasttoken"}


@dataclass(frozen=True, slots=True)
class Layout:
    """How texts of at most `limit` tokens become vectors of `width`: what stands before each in its role, and the pooling."""

    pooling: str
    width: int
    limit: int
    prompts: Mapping[Role, str]


def write_layout(layout: Layout, folder: Path, base: Path) -> None:
    """Write the files; prompts for other uses, and whether vectors are scaled to length 1, are those of the base model's folder."""
    steps = ["Transformer", "Pooling"] + ["Normalize"] * _normalizes(base)
    places = ["", "1_Pooling", "2_Normalize"]
    modules = [
        {"idx": i, "name": str(i), "path": places[i], "type": f"sentence_transformers.models.{step}"}
        for i, step in enumerate(steps)
    ]
    for place in places[1 : len(steps)]:
        (folder / place).mkdir(exist_ok=True)
    stated = read_json(base / _PROMPTS)
    known = stated.get("prompts")
    prompts = {**(known if isinstance(known, dict) else {}), **layout.prompts}
    pooling = {"word_embedding_dimension": layout.width} | {switch: mode == layout.pooling for mode, switch in _SWITCHES.items()}
    written = {
        _MODULES: modules,
        "1_Pooling/config.json": {**pooling, "include_prompt": True},
        _LENGTH: {"max_seq_length": layout.limit, "do_lower_case": False},
        _PROMPTS: {"default_prompt_name": None, **stated, "prompts": prompts, "similarity_fn_name": "cosine"},
    }
    for name, content in written.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _normalizes(base: Path) -> bool:
    """Tell whether a model's vectors are scaled to length 1."""
    path = base / _MODULES
    steps = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return any(isinstance(step, dict) and str(step.get("type", "")).endswith(".Normalize") for step in steps)
