"""LoRA: a product of two thin matrices beside each frozen one."""

from __future__ import annotations

from peft import LoraConfig

from harness.models.trainable import Trainable
from harness.techniques.adapter_targets import adapter_groups, find_targets, is_transposed, task_type, wrap
from harness.techniques.technique import Recipe
from harness.techniques.tuning import Group, Lesson, number

RANK = 8


class Lora:
    """Beside every linear layer and convolution, at one rank; alpha is twice the rank.

    Source: Hu et al. 2021, equation 3; Dettmers et al. 2023 for adapting every layer.
    """

    def prepare(self, trainable: Trainable, recipe: Recipe, lesson: Lesson) -> list[Group]:
        """Freeze all weights but those of the head, and put adapters beside them.

        Raises:
            DoesNotApply: the model has no layer to adapt.
        """
        rank = int(number(recipe, "rank", RANK))
        config = LoraConfig(
            task_type=task_type(trainable.module),
            r=rank,
            lora_alpha=2 * rank,
            lora_dropout=number(recipe, "adapter_dropout", 0.0),
            target_modules=find_targets(trainable, whole_attention=True),
            modules_to_save=list(trainable.head),
            fan_in_fan_out=is_transposed(trainable),
        )
        wrap(trainable, config, lesson)
        return adapter_groups(trainable, recipe)
