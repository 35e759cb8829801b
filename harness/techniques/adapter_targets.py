"""Where adapters go: every layer with a weight matrix outside the head, whatever the architecture."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from peft import PeftConfig, get_peft_model
from transformers.pytorch_utils import Conv1D

from harness.models.batches import is_out_of_memory
from harness.models.trainable import Trainable
from harness.techniques.full import is_within
from harness.techniques.technique import Recipe
from harness.techniques.tuning import DoesNotApply, Group, Lesson, groups, number


def find_targets(trainable: Trainable, *, whole_attention: bool) -> list[str]:
    """Return the names of all linear layers and ungrouped convolutions outside the head.

    GPT-2 and its kin call a linear layer `Conv1D`. torch's own attention reads its weights without calling its layers. So it is a
    target as a whole, or none.

    Raises:
        DoesNotApply: there is none.
    """
    attentions = [name for name, part in trainable.module.named_modules() if isinstance(part, torch.nn.MultiheadAttention)]
    found = [name for name in attentions if whole_attention and not is_within(f"{name}.", trainable.head)]
    # What gives a number for each word is often the table of the words themselves, which stays as it is.
    module: Any = trainable.module
    words = module.get_output_embeddings() if task_type(trainable.module) in {"CAUSAL_LM", "SEQ_2_SEQ_LM"} else None
    for name, part in trainable.module.named_modules():
        if part is words:
            continue
        is_matrix = isinstance(part, torch.nn.Linear | Conv1D) or (isinstance(part, torch.nn.Conv2d) and part.groups == 1)
        if is_matrix and not is_within(f"{name}.", (*trainable.head, *attentions)):
            found.append(name)
    if not found:
        raise DoesNotApply("it has no linear layer or convolution that an adapter could go to")
    return found


def is_transposed(trainable: Trainable) -> bool:
    """Tell whether the layers keep their weights with inputs first, as `Conv1D` does."""
    return any(isinstance(part, Conv1D) for part in trainable.module.modules())


def task_type(module: Any) -> str | None:  # noqa: ANN401 - a torch module, of transformers or not
    """Return peft's word for what a model of transformers does with texts; others have none."""
    if getattr(module, "main_input_name", "") != "input_ids":
        return None
    if hasattr(module, "can_generate") and module.can_generate():
        return "SEQ_2_SEQ_LM" if module.config.is_encoder_decoder else "CAUSAL_LM"
    kind = type(module).__name__
    if "For" not in kind:
        return "FEATURE_EXTRACTION"
    return "TOKEN_CLS" if kind.endswith("ForTokenClassification") else "SEQ_CLS"


def wrap(trainable: Trainable, config: PeftConfig, lesson: Lesson) -> None:
    """Put peft's wrapper around the module: all is frozen but what it adds and the head. One row is answered to see that it holds.

    Raises:
        DoesNotApply: the model looks into a layer that an adapter now stands for, or the adapter pads otherwise than the layer.
    """
    with warnings.catch_warnings():
        # It asks transformers in a way that will change; nothing that a user could mend.
        warnings.filterwarnings("ignore", category=FutureWarning)
        # A layer of the other kind beside those is told apart by itself.
        warnings.filterwarnings("ignore", message="fan_in_fan_out is set to")
        trainable.module = get_peft_model(trainable.module, config)
    if not lesson.inputs:
        return
    trainable.module.eval()
    row = trainable.encode(lesson.inputs[:1])
    try:
        with torch.no_grad():
            trainable.logits(row)
    except (AttributeError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        raise DoesNotApply(f"peft's adapters cannot stand for its layers: {error}") from error


def adapter_groups(trainable: Trainable, recipe: Recipe) -> list[Group]:
    """Return what learns beside frozen weights; the head has a learning rate of its own."""
    rate = number(recipe, "learning_rate", 1e-3)
    head = number(recipe, "head_learning_rate", rate) / rate
    return groups(trainable.module, number(recipe, "weight_decay", 0.0), lambda name: head if "modules_to_save" in name else 1.0)
