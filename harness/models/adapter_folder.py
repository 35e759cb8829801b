"""What peft trained, as a folder that peft loads over the base model; the head is in it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import torch

from harness.core.card import Card

if TYPE_CHECKING:
    from peft import PeftModel


def is_adapter(module: torch.nn.Module) -> TypeGuard[PeftModel]:
    """Tell whether only an adapter and the head were trained; peft, seconds of imports, is there where it made one."""
    peft = sys.modules.get("peft")
    return peft is not None and isinstance(module, peft.PeftModel)


def save_adapter(module: torch.nn.Module, folder: Path, card: Card, weights: Path | None) -> None:
    """Write adapter and head as safetensors; they name the base model by its Hub id and revision, or by its folder here.

    Raises:
        TypeError: the module is not one of peft's.
    """
    if not is_adapter(module):
        msg = f"{type(module).__name__} is not an adapter of peft"
        raise TypeError(msg)
    for config in module.peft_config.values():
        config.base_model_name_or_path = card.source if card.is_hub else str(weights or card.source)
        config.revision = card.revision
    module.save_pretrained(str(folder), save_embedding_layers=False)
    # peft's own page has nothing but headings.
    (folder / "README.md").unlink(missing_ok=True)
