"""Prompt tuning: learned tokens before each text, in front of a frozen model."""

from __future__ import annotations

from typing import Any

from peft import PromptTuningConfig

from harness.models.trainable import Trainable
from harness.techniques.adapter_targets import adapter_groups, task_type, wrap
from harness.techniques.technique import Recipe
from harness.techniques.tuning import DoesNotApply, Group, Lesson, number

VIRTUAL_TOKENS = 20


class PromptTuning:
    """Begins with tokens drawn from the vocabulary.

    Source: Lester, Al-Rfou and Constant 2021.
    """

    def prepare(self, trainable: Trainable, recipe: Recipe, lesson: Lesson) -> list[Group]:
        """Freeze all weights but those of the head, and put the tokens in front; texts are cut where positions run out.

        Raises:
            DoesNotApply: the model reads no tokens.
        """
        module: Any = trainable.module
        kind = task_type(module)
        if kind is None:
            raise DoesNotApply("it puts tokens before a text; this model reads pictures")
        tokens = int(number(recipe, "virtual_tokens", VIRTUAL_TOKENS))
        config = PromptTuningConfig(
            task_type=kind if kind == "CAUSAL_LM" else "SEQ_CLS",
            num_virtual_tokens=tokens,
            prompt_tuning_init="SAMPLE_VOCAB",
            token_dim=module.get_input_embeddings().embedding_dim,
            num_layers=module.config.num_hidden_layers,
            num_attention_heads=module.config.num_attention_heads,
            num_transformer_submodules=1,
            modules_to_save=list(trainable.head),
        )
        trainable.reserve(tokens)
        wrap(trainable, config, lesson)
        return adapter_groups(trainable, recipe)
