"""(IA)³: one factor for each output of each frozen layer."""

from __future__ import annotations

from peft import IA3Config

from harness.models.trainable import Trainable
from harness.techniques.adapter_targets import adapter_groups, find_targets, is_transposed, task_type, wrap
from harness.techniques.technique import Recipe
from harness.techniques.tuning import Group, Lesson


class Ia3:
    """Scales the outputs of every linear layer and convolution.

    Source: Liu et al. 2022, section 3.3; there only keys, values and the inner feed-forward layer are scaled, whose names differ
    from model to model.
    """

    def prepare(self, trainable: Trainable, recipe: Recipe, lesson: Lesson) -> list[Group]:
        """Freeze all weights but those of the head, and put factors behind them.

        Raises:
            DoesNotApply: the model has no layer to scale.
        """
        config = IA3Config(
            task_type=task_type(trainable.module),
            target_modules=find_targets(trainable, whole_attention=False),
            feedforward_modules=[],
            modules_to_save=list(trainable.head),
            fan_in_fan_out=is_transposed(trainable),
        )
        wrap(trainable, config, lesson)
        return adapter_groups(trainable, recipe)
