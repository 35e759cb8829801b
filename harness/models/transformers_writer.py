"""Decoders of the transformers library that learn to write: the tokens of the answer alone are learned from, after their prompt.

A folder that `save` wrote loads with `AutoModelForCausalLM.from_pretrained(folder)`, after an adapter technique with
`PeftModel.from_pretrained(base, folder)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from harness.core.card import Card
from harness.core.data import Input, Pair
from harness.core.trust import CAUTIOUS, Trust
from harness.errors import CandidateError
from harness.models.adapter_folder import is_adapter, save_adapter
from harness.models.language import is_language_model
from harness.models.transformers_language import LanguageModel
from harness.models.transformers_text import TOKENS_PER_BATCH
from harness.models.writer import Writer

# Ids above, and below them 1 for every token that is to be learned.
Marked = NDArray[np.int32]


class TextWriter:
    """A language model that learns answers to prompts; rows are padded on the right to the longest beside them."""

    def __init__(self, language: LanguageModel, card: Card, folder: Path) -> None:
        """Take a decoder, which is loaded whole."""
        self.module: Any = language.whole
        self.head: tuple[str, ...] = ()
        self.cells = TOKENS_PER_BATCH[torch.device(language.device).type]
        self._language, self._card, self._folder = language, card, folder

    @property
    def is_chat(self) -> bool:
        """Tell whether each prompt is a turn of a user, in training as later."""
        return self._language.is_chat

    def reserve(self, tokens: int) -> None:
        """Keep room for so many tokens that will stand before each prompt."""
        self._language.reserve(tokens)

    def encode(self, inputs: Sequence[Input]) -> Sequence[Marked]:
        """Return `(2, tokens)` of each pair of a prompt and its answer."""
        rows = [one if isinstance(one, Pair) else Pair(str(one), "") for one in inputs]
        return [self._mark(*self._language.teach(one.first, one.second)) for one in rows]

    def length(self, one: Marked) -> int:
        """Return the number of tokens."""
        return int(one.shape[1])

    def logits(self, batch: Sequence[Marked]) -> torch.Tensor:
        """Return `(n, 1)`: the mean cross entropy of the tokens of each answer."""
        width = max(one.shape[1] for one in batch)
        ids, marks = np.zeros((len(batch), width), np.int64), np.zeros((len(batch), width), np.float32)
        mask = np.zeros((len(batch), width), np.int64)
        for row, one in enumerate(batch):
            size = one.shape[1]
            ids[row, :size], marks[row, :size], mask[row, :size] = one[0], one[1], 1
        given, seen, counted = (torch.from_numpy(one).to(self._language.device) for one in (ids, mask, marks))
        found = self.module(input_ids=given, attention_mask=seen, use_cache=False).logits[:, -width:-1]
        losses = cross_entropy(found.float().transpose(1, 2), given[:, 1:], reduction="none") * counted[:, 1:]
        return losses.sum(1, keepdim=True) / counted[:, 1:].sum(1, keepdim=True).clamp(min=1)

    def write(self, prompts: Sequence[str], limit: int, stop: Sequence[str], *, at_once: int | None = None) -> list[str]:
        """Return what the model, as it is trained so far, writes after each prompt, so many at once if that is said.

        Raises:
            CandidateError: a prompt does not fit in memory.
        """
        self.module.eval()
        model = self.module.get_base_model() if is_adapter(self.module) else self.module
        before = _learned_tokens(self.module)
        opened = [self._language.open(prompt, limit) for prompt in prompts]
        longest = max(map(len, opened), default=0) + limit + (0 if before is None else len(before))
        tokens = at_once * longest if at_once else self._language.written_at_once
        writer = Writer(model, self._language.tokenizer, self._language.device, tokens, before=before)
        return writer.write(opened, limit, stop)

    def save(self, folder: Path, labels: Sequence[str]) -> None:
        """Write weights or adapter, and the tokenizer."""
        del labels
        if is_adapter(self.module):
            save_adapter(self.module, folder, self._card, self._folder)
        else:
            self.module.save_pretrained(folder)
        self._language.tokenizer.save_pretrained(folder)

    def _mark(self, prompt: Sequence[int], answer: Sequence[int]) -> Marked:
        return np.array([[*prompt, *answer], [0] * len(prompt) + [1] * len(answer)], np.int32)


@torch.no_grad()
def _learned_tokens(module: Any) -> torch.Tensor | None:  # noqa: ANN401 - a model, with peft's wrapper or without
    """Return the embeddings that prompt tuning puts before every prompt, `(tokens, d)`; None where it is something else."""
    if not (is_adapter(module) and module.active_peft_config.is_prompt_learning):
        return None
    found: torch.Tensor = module.get_prompt(1)[0]
    return found


def load_writer(card: Card, folder: Path | None, device: str, trust: Trust = CAUTIOUS) -> TextWriter:
    """Load a decoder that is to be trained to write, as float32.

    Raises:
        CandidateError: the folder holds no decoder.
    """
    if folder is None or not is_language_model(card, folder):
        what = "the model is no language model that could learn to write"
        raise CandidateError(what, where=f"card {card.name}", hint="name the folder of a decoder")
    language = LanguageModel(folder, card, device, trust)
    if language.whole.config.is_encoder_decoder:
        what = "bench trains decoders to write, and this is an encoder–decoder"
        raise CandidateError(what, where=f"card {card.name}", hint="use it with prompted or few-shot")
    return TextWriter(language, card, folder)
