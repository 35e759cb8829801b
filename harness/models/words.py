"""Sentences of words as a tokenizer of the transformers library cuts them, and each word's place among its tokens.

A sentence is read as its words with a blank between them, as whoever asks the model with a text would write it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.errors import CandidateError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# As in `tokens`.
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class WordTokens:
    """The tokens of a sentence `(tokens,)`, and for each word the place of its first one; -1 where the model does not read it."""

    ids: NDArray[np.int32]
    first: NDArray[np.int64]

    def __getitem__(self, part: Any) -> WordTokens:  # noqa: ANN401 - an index as arrays of tokens take it
        """Return some of the tokens from the first on; words beyond them are not read."""
        ids = self.ids[part]
        return WordTokens(ids, np.where(self.first < len(ids), self.first, -1))


def encode_words(tokenizer: PreTrainedTokenizerBase, sentences: Sequence[Sequence[str]], limit: int | None) -> list[WordTokens]:
    """Return the tokens of each sentence, special ones included, cut off at a limit.

    Raises:
        CandidateError: the tokenizer does not tell where in a text its tokens come from.
    """
    if not tokenizer.is_fast:
        what = f"{type(tokenizer).__name__} does not tell which tokens a word has"
        raise CandidateError(what, hint="use a model with a tokenizer.json, which a fast tokenizer reads")
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    rows: list[WordTokens] = []
    for start in range(0, len(sentences), _AT_ONCE):
        part = sentences[start : start + _AT_ONCE]
        found = tokenizer(
            [" ".join(words) for words in part],
            truncation=limit is not None,
            max_length=limit,
            verbose=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            return_offsets_mapping=True,
        )
        for words, ids, spans in zip(part, found["input_ids"], found["offset_mapping"], strict=True):
            first = _first_tokens(words, np.asarray(spans, np.int64).reshape(-1, 2))
            rows.append(WordTokens(np.asarray(ids or [pad], np.int32), first))
    return rows


def _first_tokens(words: Sequence[str], spans: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place of each word's first token by where tokens lie in the text, `(tokens, 2)`; special ones lie nowhere."""
    sizes = np.fromiter(map(len, words), np.int64, len(words))
    ends = np.cumsum(sizes + 1) - 1
    word = np.searchsorted(ends, spans[:, 0], side="right")
    places = np.flatnonzero((spans[:, 1] > spans[:, 0]) & (word < len(words)))
    # A token that ends before its word begins is of the blank between words alone.
    places = places[spans[places, 1] > (ends - sizes)[word[places]]]
    first = np.full(len(words), -1, np.int64)
    first[word[places][::-1]] = places[::-1]
    return first


def words_of(rows: Sequence[object]) -> tuple[int, ...]:
    """Return how many words each of some encoded rows has; nothing where they are no sentences."""
    return tuple(len(row.first) for row in rows if isinstance(row, WordTokens))


def gather_words(states: torch.Tensor, rows: Sequence[WordTokens]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what stands for each word, `(words, d)` of `(sentences, tokens, d)`, and which words were read, `(words, 1)`.

    Of a word that was not read it is what stands at the beginning.
    """
    first = np.concatenate([row.first for row in rows])
    sentence = np.repeat(np.arange(len(rows)), [len(row.first) for row in rows])
    places = torch.from_numpy(first.clip(min=0)).to(states.device)
    found = states[torch.from_numpy(sentence).to(states.device), places]
    return found, torch.from_numpy(first >= 0).to(states.device)[:, None]
