"""Full fine-tuning: all weights learn, those near the input slower than those near the head."""

from __future__ import annotations

from typing import Any

import torch

from harness.models.trainable import Trainable
from harness.techniques.technique import Recipe
from harness.techniques.tuning import Group, Lesson, groups, number


class Full:
    """Layer-wise learning-rate decay.

    Source: Howard and Ruder 2018 (discriminative fine-tuning); Clark et al. 2020 and Bao et al. 2022 for its geometric form.
    """

    def prepare(self, trainable: Trainable, recipe: Recipe, lesson: Lesson) -> list[Group]:
        """Let every weight learn; the head `head_scale` times as fast as the last block."""
        del lesson
        trainable.module.requires_grad_(requires_grad=True)
        decay, head_scale = number(recipe, "layer_decay", 1.0), number(recipe, "head_scale", 1.0)
        depth = find_depth(trainable.module, trainable.head)
        deepest = max(depth.values())

        def scale(name: str) -> float:
            return head_scale if is_within(name, trainable.head) else float(decay ** (deepest - depth[name]))

        return groups(trainable.module, number(recipe, "weight_decay", 0.0), scale)


def is_within(name: str, modules: tuple[str, ...]) -> bool:
    """Tell whether a parameter belongs to one of the modules.

    >>> is_within("head.fc.weight", ("head",)), is_within("header.weight", ("head",))
    (True, False)
    """
    return any(name.startswith(f"{module}.") for module in modules)


def find_depth(module: torch.nn.Module, head: tuple[str, ...]) -> dict[str, int]:
    """Return how deep each parameter lies: 0 before the first block, then the block's number; what follows counts as the last.

    timm's models know it themselves; elsewhere blocks are the longest list of modules that there is.
    """
    if hasattr(module, "group_matcher"):
        return _known_depth(module, head)
    name, length = find_blocks(module)
    first, depth, found = f"{name}.", 0, {}
    for parameter, _ in module.named_parameters():
        if length and parameter.startswith(first):
            depth = int(parameter[len(first) :].partition(".")[0]) + 1
        found[parameter] = depth
    return found


def find_blocks(module: torch.nn.Module) -> tuple[str, int]:
    """Return the name and length of the longest list of blocks of one kind that have weights, the first one of several."""
    best = ("", 0)
    for name, part in module.named_modules():
        if isinstance(part, torch.nn.ModuleList | torch.nn.Sequential):
            blocks = list(part.children())
            alike = len({type(block) for block in blocks}) == 1 and all(any(True for _ in block.parameters()) for block in blocks)
            if alike and len(blocks) > best[1]:
                best = (name, len(blocks))
    return best


def _known_depth(module: Any, head: tuple[str, ...]) -> dict[str, int]:  # noqa: ANN401 - a model of timm
    """Return timm's own layers; the head is the last of them."""
    from timm.models import group_parameters  # noqa: PLC0415 - seconds of imports, which the model has paid for

    found: dict[str, int] = group_parameters(module, module.group_matcher(coarse=False), reverse=True)
    deepest = max((depth for name, depth in found.items() if not is_within(name, head)), default=0)
    return {name: min(found.get(name, deepest), deepest) for name, _ in module.named_parameters()}
