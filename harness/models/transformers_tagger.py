"""Taggers of the transformers library: each word of a sentence through `AutoModelForTokenClassification`, by its first token.

A folder that `save` wrote loads with `from_pretrained(folder)` of that class, and in a pipeline, whose strategy `first` gives the
tags that bench gives. After an adapter technique it loads with `PeftModel.from_pretrained(base, folder)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING, AutoConfig, AutoModelForTokenClassification, AutoTokenizer

from harness.core.card import Card
from harness.core.data import Input
from harness.core.trust import Trust
from harness.models.trainable import Aim, Trainable, no_head
from harness.models.transformers_classifier import TextClassifier, load_module
from harness.models.transformers_text import shorten
from harness.models.words import WordTokens, encode_words, gather_words

# What speaks for a word that the model does not read to be outside of all entities: a probability of 1 less a millionth.
_OUTSIDE = 20.0


class WordTagger(TextClassifier):
    """An encoder of sentences with a new head that gives each word a number for each tag; it reads no prompt."""

    def encode(self, inputs: Sequence[Input]) -> Sequence[WordTokens]:  # type: ignore[override]
        """Return the tokens of each sentence, special ones included, cut off at what the model reads."""
        return encode_words(self.tokenizer, inputs, self.max_length)  # type: ignore[arg-type]

    def length(self, one: WordTokens) -> int:  # type: ignore[override]
        """Return the number of tokens."""
        return len(one.ids)

    def logits(self, batch: Sequence[WordTokens]) -> torch.Tensor:  # type: ignore[override]
        """Return `(words, tags)`, those of one sentence after the other."""
        states = self.module(**self._tokens.batch([one.ids for one in batch], self.device)).logits
        found, read = gather_words(states, batch)
        outside = torch.zeros_like(found[:1])
        outside[:, 0] = _OUTSIDE
        return torch.where(read, found, outside)


def load_tagger(card: Card, folder: Path, device: str, trust: Trust, *, aim: Aim) -> Trainable:
    """Load a text encoder with a new head for words, as float32; of a pickle only the tensors are read.

    Raises:
        CandidateError: transformers has no such head for it.
    """
    runs_code = card.remote_code and trust.remote_code
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=runs_code)
    if card.options.layers:
        shorten(config, card)
    if config.is_encoder_decoder or (not runs_code and type(config) not in MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING):
        raise no_head(f"card {card.name}, {config.model_type}")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=runs_code)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    config.pad_token_id = tokenizer.pad_token_id
    module, head = load_module(AutoModelForTokenClassification, config, aim, (card, folder, trust))
    return _without_prompt(WordTagger((module, tokenizer, head), folder, card, device))


def read_tagger(card: Card, folder: Path, device: str, *, runs_code: bool) -> Trainable:
    """Load a tagger that was saved."""
    given = {"local_files_only": True, "trust_remote_code": runs_code}
    module = AutoModelForTokenClassification.from_pretrained(folder, use_safetensors=True, dtype=torch.float32, **given)
    tokenizer = AutoTokenizer.from_pretrained(folder, **given)
    return _without_prompt(WordTagger((module, tokenizer, ()), folder, card, device))


def _without_prompt(tagger: WordTagger) -> WordTagger:
    tagger.prompt = ""
    return tagger
