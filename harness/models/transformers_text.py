"""Text encoders of the transformers library: any folder that `AutoModel` reads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
import transformers.modeling_utils  # noqa: F401 - imported with the first model, it would count as its loading and its memory
from numpy.typing import NDArray
from transformers import AutoConfig, AutoModel, AutoTokenizer

from harness.core.card import Card
from harness.core.data import Input, Pair, are_pairs, are_sentences
from harness.core.trust import CAUTIOUS, Trust
from harness.errors import CandidateError
from harness.models.batches import Batches, attempt
from harness.models.capabilities import Role, Weights
from harness.models.formats import readable_form
from harness.models.inference import find_verdicts
from harness.models.json_file import read_json
from harness.models.language import is_language_model
from harness.models.pooling import choose_pooling, choose_prompt, choose_role_prompt, reads_apart
from harness.models.tokens import Tokenization, Tokens, length
from harness.models.torch_module import count_weights, pool
from harness.models.words import WordTokens, encode_words, gather_words

# Padded tokens of one batch, to begin with. Large enough to fill a device, small enough that a CPU's caches hold the activations.
TOKENS_PER_BATCH = {"cpu": 2048, "cuda": 65536, "mps": 16384}
_NO_LIMIT = 1_000_000
# Layers whose features of words are kept, evenly spaced up to the last: there are many more words than texts.
WORD_LAYERS = 4
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
        self.device, self._folder, self._card = device, folder, card
        self.prompt = choose_prompt(folder, card)
        self.reads_apart = reads_apart(folder)
        self.pooling = choose_pooling(folder, config, card)
        self.max_length = max_length(folder, config, self.tokenizer, card)
        self.batches = Batches(TOKENS_PER_BATCH[torch.device(device).type])
        self._tokens = Tokenization(self.tokenizer, self.prompt, self.model)

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(layers, n, d) float32`: the pooled output of each block, the last one as the model gives it.

        Raises:
            CandidateError: a single text does not fit in memory.
        """
        return self._embed(texts)

    def embed_pairs(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """Return `(layers, n, d) float32` of both texts in one sequence, as the tokenizer joins them.

        A model of sentences reads each text alone, and gives `(layers, n, 4 d)`: both features u and v, |u - v|, and u · v by
        element (Conneau et al. 2017, InferSent).

        Raises:
            CandidateError: a single row does not fit in memory.
        """
        if not self.reads_apart:
            return self._embed(pairs)
        first, second = (self._embed([pair[side] for pair in pairs]) for side in (0, 1))
        return np.concatenate([first, second, np.abs(first - second), first * second], axis=2)

    def embed_words(self, sentences: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Return `(layers, words, d) float32`: at most four layers' states of each word's first token, of words not read zeros.

        Raises:
            CandidateError: a single sentence does not fit in memory, or the tokenizer does not tell which tokens a word has.
        """
        rows = encode_words(self.tokenizer, sentences, self.max_length)
        return self.batches.run(
            [len(row.ids) for row in rows],
            lambda where: self._forward_words([rows[i] for i in where]),
            lambda row: self._too_long(rows[row].ids),
            [len(row.first) for row in rows],
        )

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(n, d) float32`: what the model gives for texts that search, with the prompt of a query.

        Raises:
            CandidateError: a single text does not fit in memory.
        """
        return self._embed_role(texts, "query")

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(n, d) float32`: what the model gives for texts that are searched, with the prompt of a document.

        Raises:
            CandidateError: a single text does not fit in memory.
        """
        return self._embed_role(texts, "document")

    def role_prompt(self, role: Role) -> str:
        """Return what stands before each text in its role."""
        return choose_role_prompt(self._folder, self._card, role)

    def _embed_role(self, texts: Sequence[str], role: Role) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self._run(
            Tokenization(self.tokenizer, self.role_prompt(role), self.model), texts, is_output=True
        )[0]
        return found

    def _embed(self, inputs: Sequence[Input]) -> NDArray[np.float32]:
        return self._run(self._tokens, inputs)

    def _run(self, tokenization: Tokenization, inputs: Sequence[Input], *, is_output: bool = False) -> NDArray[np.float32]:
        tokens = list(tokenization.encode(inputs, self.max_length))
        return self.batches.run(
            [length(row) for row in tokens],
            lambda rows: self._forward([tokens[i] for i in rows], is_output=is_output),
            lambda row: self._too_long(tokens[row]),
        )

    def count_truncated(self, texts: Sequence[Input]) -> int:
        """Return how many texts, or pairs of them, have more tokens than the model reads."""
        if self.reads_apart and are_pairs(texts):
            sides = [self._tokens.encode([one[side] for one in texts], None) for side in (0, 1)]  # type: ignore[misc]
            return sum(max(map(length, both)) > self.max_length for both in zip(*sides, strict=True))
        if are_sentences(texts):
            return sum(len(row.ids) > self.max_length for row in encode_words(self.tokenizer, texts, None))  # type: ignore[arg-type]
        return sum(length(row) > self.max_length for row in self._tokens.encode(texts, None))

    def weights(self) -> Weights:
        """Count what was loaded."""
        return count_weights(self.model)

    def identity(self) -> dict[str, str | int | float]:
        """Say what the features depend on beyond files and rows."""
        return {
            "model": type(self.model).__qualname__,
            "tokenizer": type(self.tokenizer).__qualname__,
            "pad": self._tokens.pad,
            "attention": str(self.model.config._attn_implementation),  # noqa: SLF001 - transformers has no public name for it
            "weights": str(self.model.dtype),
            "layers": getattr(self.model.config, "num_hidden_layers", 0),
            "pooling": self.pooling,
            "max_length": self.max_length,
            "prompt": self.prompt,
            "normalization": "none",
        }

    def _too_long(self, row: Tokens) -> CandidateError:
        """Say what fits instead of a text that does not, by trying how much of it does."""
        fits = length(row) // 2
        while fits and attempt(partial(self._forward, [row[..., :fits]])) is None:
            fits //= 2
        what = f"a single text of {length(row)} tokens does not fit into the memory of device {self.device}"
        use = "use a smaller model, or a device with more memory"
        return CandidateError(what, hint=f"{fits} tokens fit: set context: {fits} in the card, or {use}" if fits else use)

    @torch.inference_mode()
    def _forward_words(self, rows: list[WordTokens]) -> NDArray[np.float32]:
        """Take the layers that are kept, at each word's first token."""
        given = self._tokens.batch([row.ids for row in rows], self.device)
        output = self.model(**given, output_hidden_states=True)
        layers = (*output.hidden_states[1:-1], output.last_hidden_state)
        kept = sorted({-(-len(layers) * part // WORD_LAYERS) - 1 for part in range(1, WORD_LAYERS + 1)})
        found = (gather_words(layers[layer], rows) for layer in kept)
        return torch.stack([(states * read) for states, read in found]).float().cpu().numpy()

    @torch.inference_mode()
    def _forward(self, rows: list[Tokens], *, is_output: bool = False) -> NDArray[np.float32]:
        """Pool every layer, or the last alone where only the output counts."""
        given = self._tokens.batch(rows, self.device)
        output = self.model(**given, output_hidden_states=not is_output)
        # The first hidden state is the embedding table's; the last is taken from the output, after any final norm.
        layers = (*(() if is_output else output.hidden_states[1:-1]), output.last_hidden_state)
        return torch.stack([pool(layer, given["attention_mask"], self.pooling) for layer in layers]).float().cpu().numpy()


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
    if is_language_model(card, folder):
        from harness.models.transformers_language import LanguageModel  # noqa: PLC0415 - it is an encoder of texts itself

        return LanguageModel(folder, card, device, trust)
    if find_verdicts(card, folder) is not None:
        from harness.models.transformers_inference import InferenceModel  # noqa: PLC0415 - as above

        return InferenceModel(folder, card, device, trust)
    return TextEncoder(folder, card, device, trust)
