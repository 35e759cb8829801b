"""Text encoders of the transformers library: any folder that `AutoModel` reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoConfig, AutoModel, AutoTokenizer

from harness.core.card import Card
from harness.core.trust import CAUTIOUS, Trust
from harness.errors import CandidateError
from harness.models.batches import Batches, attempt
from harness.models.capabilities import Weights
from harness.models.formats import readable_form
from harness.models.json_file import read_json
from harness.models.pooling import choose_pooling
from harness.models.torch_module import count_weights, pool

# Padded tokens of one batch, to begin with. Large enough to fill a device, small enough that a CPU's caches hold the activations.
TOKENS_PER_BATCH = {"cpu": 2048, "cuda": 65536, "mps": 16384}
_NO_LIMIT = 1_000_000
# Texts that the tokenizer takes at once: what it returns for a text takes many times the room of its tokens.
_TOKENIZED_AT_ONCE = 1000
# Raise it when features change; those of earlier versions are then not used again.
VERSION = 2
# peft, where it is installed, loads an adapter that lies in the folder.
LIBRARIES = ("transformers", "tokenizers", "sentencepiece", "tiktoken", "torch", "peft")


class TextEncoder:
    """Pools every hidden layer in one pass; rows are sorted by length and batched by a budget of tokens."""

    def __init__(self, folder: Path, card: Card, device: str, trust: Trust = CAUTIOUS) -> None:
        """Load tokenizer and weights from a local folder onto a device, as float32; of a pickle only the tensors are read."""
        is_safe, runs_code = readable_form(folder, card, trust) == "safetensors", card.remote_code and trust.remote_code
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=runs_code)
        if card.options.layers:
            shorten(config, card)
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=runs_code)
        model = AutoModel.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            trust_remote_code=runs_code,
            use_safetensors=is_safe,
            weights_only=True,
            dtype=torch.float32,
        )
        self.model = (model.get_encoder() if config.is_encoder_decoder else model).to(device).eval()
        self.device = device
        self.prompt = card.options.prompt
        self.pooling = choose_pooling(folder, config, card)
        self.max_length = max_length(folder, config, self.tokenizer, card)
        self.batches = Batches(TOKENS_PER_BATCH[torch.device(device).type])
        self._pad = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else 0

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(layers, n, d) float32`: the pooled output of each block, the last one as the model gives it.

        Raises:
            CandidateError: a single text does not fit in memory.
        """
        tokens = [np.asarray(row, np.int32) for row in self._tokenize(texts, truncate=True)]
        return self.batches.run(
            [len(row) for row in tokens],
            lambda rows: self._forward([tokens[i] for i in rows]),
            lambda row: self._too_long(tokens[row]),
        )

    def count_truncated(self, texts: Sequence[str]) -> int:
        """Return how many texts have more tokens than the model reads."""
        return sum(len(row) > self.max_length for row in self._tokenize(texts, truncate=False))

    def weights(self) -> Weights:
        """Count what was loaded."""
        return count_weights(self.model)

    def identity(self) -> dict[str, str | int | float]:
        """Say what the features depend on beyond files and rows."""
        return {
            "model": type(self.model).__qualname__,
            "tokenizer": type(self.tokenizer).__qualname__,
            "pad": self._pad,
            "attention": str(self.model.config._attn_implementation),  # noqa: SLF001 - transformers has no public name for it
            "weights": str(self.model.dtype),
            "layers": getattr(self.model.config, "num_hidden_layers", 0),
            "pooling": self.pooling,
            "max_length": self.max_length,
            "prompt": self.prompt,
            "normalization": "none",
        }

    def _tokenize(self, texts: Sequence[str], *, truncate: bool) -> Iterator[list[int]]:
        for start in range(0, len(texts), _TOKENIZED_AT_ONCE):
            encoded = self.tokenizer(
                [self.prompt + text for text in texts[start : start + _TOKENIZED_AT_ONCE]],
                truncation=truncate,
                max_length=self.max_length if truncate else None,
                verbose=False,
                return_attention_mask=False,
            )
            # A tokenizer without special tokens turns an empty text into nothing; one padding token keeps its row.
            yield from (row or [self._pad] for row in encoded["input_ids"])

    def _too_long(self, row: NDArray[np.int32]) -> CandidateError:
        """Say what fits instead of a text that does not, by trying how much of it does."""
        fits = len(row) // 2
        while fits and attempt(partial(self._forward, [row[:fits]])) is None:
            fits //= 2
        what = f"a single text of {len(row)} tokens does not fit into the memory of device {self.device}"
        use = "use a smaller model, or a device with more memory"
        return CandidateError(what, hint=f"{fits} tokens fit: set context: {fits} in the card, or {use}" if fits else use)

    @torch.inference_mode()
    def _forward(self, rows: list[NDArray[np.int32]]) -> NDArray[np.float32]:
        width = len(rows[0])
        ids = torch.full((len(rows), width), self._pad)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.from_numpy(row)
            mask[i, : len(row)] = 1
        ids, mask = ids.to(self.device), mask.to(self.device)
        output = self.model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        # The first hidden state is the embedding table's; the last is taken from the output, after any final norm.
        layers = (*output.hidden_states[1:-1], output.last_hidden_state)
        return torch.stack([pool(layer, mask, self.pooling) for layer in layers]).float().cpu().numpy()


def max_length(folder: Path, config: AutoConfig, tokenizer: AutoTokenizer, card: Card) -> int:
    """Return how many tokens the model reads: the least of what its own files and its card say.

    Position tables of the RoBERTa family start after the padding index, so that many places are lost.
    """
    known = [tokenizer.model_max_length, read_json(folder / "sentence_bert_config.json").get("max_seq_length"), card.context]
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:
        offset = (config.pad_token_id or 0) + 1 if config.model_type in {"roberta", "xlm-roberta", "camembert", "mpnet"} else 0
        known.append(positions - offset)
    limits = [n for n in known if isinstance(n, int) and 0 < n < _NO_LIMIT]
    return min(limits, default=512)


def shorten(config: AutoConfig, card: Card) -> None:
    """Keep the first layers only."""
    have = config.num_hidden_layers
    if card.options.layers > have:
        what = f"the model has {have} layers, {card.options.layers} are asked for"
        raise CandidateError(what, where=f"card {card.name}, key options.layers", hint=f"use {have} or fewer")
    config.num_hidden_layers = card.options.layers


def load(card: Card, folder: Path | None, device: str, trust: Trust = CAUTIOUS) -> TextEncoder:
    """Load a text encoder.

    Raises:
        CandidateError: the card names no folder to load from.
    """
    if folder is None:
        what = "a text encoder needs weights to load"
        raise CandidateError(what, where=f"card {card.name}, key source", hint="name a Hub id, a local folder or python:PACKAGE")
    return TextEncoder(folder, card, device, trust)
