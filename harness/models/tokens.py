"""Texts and pairs of texts as a tokenizer of the transformers library gives them, and batches of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.core.data import Input, Pair

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Of a text `(tokens,)` ids; of a pair `(2, tokens)`, ids above and the tokenizer's marks of the two texts below.
Tokens = NDArray[np.int32]

# Texts that the tokenizer takes at once: what it returns for a text takes many times the room of its tokens.
_AT_ONCE = 1000


class Tokenization:
    """How a model's texts are cut into tokens: its tokenizer, and a prompt before the first text."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, prompt: str, model: PreTrainedModel) -> None:
        """Take a tokenizer and its model; where there is no token to pad with, 0 stands for it and is masked."""
        self.tokenizer, self.prompt = tokenizer, prompt
        self.pad: int = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
        is_read = "token_type_ids" in inspect.signature(model.forward).parameters
        self._marks = (
            is_read and getattr(model.config, "type_vocab_size", 2) > 1 and "token_type_ids" in tokenizer.model_input_names
        )

    def encode(self, inputs: Sequence[Input], limit: int | None, *, cut: str = "longest_first") -> Iterator[Tokens]:
        """Yield the tokens of each row, special ones included, cut off at a limit; of a pair the longer text loses first.

        Another `cut`, by its name in transformers, says otherwise.
        """
        for start in range(0, len(inputs), _AT_ONCE):
            part = inputs[start : start + _AT_ONCE]
            is_paired = isinstance(part[0], Pair)
            texts = [self.prompt + (one.first if isinstance(one, Pair) else str(one)) for one in part]
            others = [one.second for one in part if isinstance(one, Pair)] if is_paired else None
            found = self.tokenizer(
                texts,
                others,
                truncation=False if limit is None else cut,
                max_length=limit,
                verbose=False,
                return_attention_mask=False,
                return_token_type_ids=is_paired and self._marks,
            )
            # Without special tokens an empty text turns into nothing; one padding token keeps its row.
            ids = (np.asarray(row or [self.pad], np.int32) for row in found["input_ids"])
            marks = found.get("token_type_ids") if is_paired else None
            yield from (
                ids if marks is None else map(np.stack, zip(ids, (np.asarray(m or [0], np.int32) for m in marks), strict=True))
            )

    def batch(self, rows: Sequence[Tokens], device: str) -> dict[str, torch.Tensor]:
        """Return what a model is called with: rows padded on the right, their mask, and marks if they have any."""
        shape = (len(rows), max(length(row) for row in rows))
        given: dict[str, Any] = {"input_ids": np.full(shape, self.pad, np.int64), "attention_mask": np.zeros(shape, np.int64)}
        if rows[0].ndim > 1:
            given["token_type_ids"] = np.zeros(shape, np.int64)
        for i, row in enumerate(rows):
            size = length(row)
            given["input_ids"][i, :size] = row if row.ndim == 1 else row[0]
            given["attention_mask"][i, :size] = 1
            if row.ndim > 1:
                given["token_type_ids"][i, :size] = row[1]
        return {name: torch.from_numpy(array).to(device, non_blocking=True) for name, array in given.items()}


def length(row: Tokens) -> int:
    """Return the number of tokens."""
    return int(row.shape[-1])
