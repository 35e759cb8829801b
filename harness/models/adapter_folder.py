"""What peft trained, as a folder that peft loads over the base model; the head is in it."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import torch
from safetensors.torch import save_file

from harness.core.card import Card

if TYPE_CHECKING:
    from peft import PeftModel

    from harness.models.trainable import Trainable


def is_adapter(module: torch.nn.Module) -> TypeGuard[PeftModel]:
    """Tell whether only an adapter and the head were trained; peft, seconds of imports, is there where it made one."""
    peft = sys.modules.get("peft")
    return peft is not None and isinstance(module, peft.PeftModel)


def merge(trainable: Trainable) -> bool:
    """Add what an adapter gives to the weights that it stands beside, so that it takes no time; tell whether it could be.

    Answers stay what they were but for rounding. Tokens before a text cannot be merged.
    """
    module = trainable.module
    if not is_adapter(module) or not hasattr(module.base_model, "merge_and_unload"):
        return False
    try:
        trainable.module = module.base_model.merge_and_unload()
    except (ValueError, NotImplementedError):
        return False
    return True


def save_adapter(module: torch.nn.Module, folder: Path, card: Card, weights: Path | None, *, part: str = "") -> None:
    """Write adapter and head as safetensors; they name the base model by its Hub id and revision, or by its folder here.

    With a `part` of the module, what is written is an adapter of that part alone, without the head.

    Raises:
        TypeError: the module is not one of peft's.
    """
    if not is_adapter(module):
        msg = f"{type(module).__name__} is not an adapter of peft"
        raise TypeError(msg)
    for config in module.peft_config.values():
        config.base_model_name_or_path = card.source if card.is_hub else str(weights or card.source)
        config.revision = card.revision
    if part:
        _save_part(module, folder, f"{part}.")
        return
    module.save_pretrained(str(folder), save_embedding_layers=False)
    # peft's own page has nothing but headings.
    (folder / "README.md").unlink(missing_ok=True)


def _save_part(module: PeftModel, folder: Path, prefix: str) -> None:
    """Write what `save_pretrained` would, had the part of that name been adapted by itself."""
    from peft import get_peft_model_state_dict  # noqa: PLC0415 - it is imported where there is an adapter
    from peft.tuners.tuners_utils import BaseTunerLayer  # noqa: PLC0415 - as above

    config = copy.deepcopy(module.active_peft_config)
    config.task_type, config.inference_mode, config.modules_to_save = "FEATURE_EXTRACTION", True, None
    whole = module.get_base_model()
    adapted = [name.removeprefix(prefix) for name, one in whole.named_modules() if isinstance(one, BaseTunerLayer)]
    if adapted:
        config.target_modules = adapted
    state = get_peft_model_state_dict(module, save_embedding_layers=False)
    opening = f"base_model.model.{prefix}"
    kept = {
        name.replace(opening, "base_model.model.", 1): one.detach().cpu().contiguous()
        for name, one in state.items()
        if name.startswith(opening) or not name.startswith("base_model.")
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(kept, folder / "adapter_model.safetensors", {"format": "pt"})
    config.save_pretrained(str(folder))
