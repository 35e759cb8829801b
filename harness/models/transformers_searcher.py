"""Text encoders that learn to find documents: the vectors that they search by are those that are trained.

A folder that `save` wrote loads with `SentenceTransformer(folder)`, and its weights with `AutoModel.from_pretrained(folder)`; after
an adapter technique they are those of `PeftModel.from_pretrained(base, folder)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoConfig

from harness.core.card import Card
from harness.core.data import Input, Pair
from harness.core.trust import CAUTIOUS, Trust
from harness.errors import CandidateError
from harness.models.adapter_folder import is_adapter, save_adapter
from harness.models.capabilities import Role
from harness.models.sentence_layout import Layout, write_layout
from harness.models.tokens import Tokenization, Tokens, length
from harness.models.torch_module import pool
from harness.models.transformers_text import TOKENS_PER_BATCH, TextEncoder

Floats = NDArray[np.float32]
_ROLES: tuple[Role, Role] = ("query", "document")


@dataclass(frozen=True, slots=True)
class Couple:
    """The tokens of a query and of a document that is right for it, each with the prompt of its role."""

    query: Tokens
    document: Tokens


class TextSearcher:
    """An encoder whose pooled vectors learn; rows are padded on the right to the longest beside them."""

    def __init__(self, encoder: TextEncoder, card: Card, folder: Path) -> None:
        """Take an encoder as it searches untrained: with its own pooling, prompts and length."""
        self.module: Any = encoder.model
        self.head: tuple[str, ...] = ()
        self.cells = TOKENS_PER_BATCH[torch.device(encoder.device).type]
        self._encoder, self._card, self._folder = encoder, card, folder
        self._tokens = {role: Tokenization(encoder.tokenizer, encoder.role_prompt(role), encoder.model) for role in _ROLES}

    def reserve(self, tokens: int) -> None:
        """Keep no room: no technique for search puts anything before a text."""
        del tokens

    def encode(self, inputs: Sequence[Input]) -> Sequence[Couple | Tokens]:
        """Return the tokens of each pair of a query and its document, or of each query, cut off at what the model reads."""
        if not inputs or not isinstance(inputs[0], Pair):
            return self._cut("query", inputs)
        pairs = [one for one in inputs if isinstance(one, Pair)]
        queries, documents = self._cut("query", [one.first for one in pairs]), self._cut("document", [one.second for one in pairs])
        return [Couple(*both) for both in zip(queries, documents, strict=True)]

    def length(self, one: Couple | Tokens) -> int:
        """Return the number of tokens, of a pair those of both."""
        return length(one.query) + length(one.document) if isinstance(one, Couple) else length(one)

    def logits(self, batch: Sequence[Couple | Tokens]) -> torch.Tensor:
        """Return the vectors of queries `(n, d)`, or of queries and documents `(n, 2, d)`."""
        couples = [one for one in batch if isinstance(one, Couple)]
        if couples:
            return torch.stack([self._pool([one.query for one in couples]), self._pool([one.document for one in couples])], 1)
        return self._pool([one for one in batch if not isinstance(one, Couple)])

    def embed(self, texts: Sequence[str], role: Role) -> Floats:
        """Return `(n, d) float32` by the model as it is trained so far.

        Raises:
            CandidateError: a single text does not fit in memory.
        """
        self.module.eval()
        return self._encoder.embed_queries(texts) if role == "query" else self._encoder.embed_documents(texts)

    def save(self, folder: Path, labels: Sequence[str]) -> None:
        """Write weights or adapter, the tokenizer, and what sentence-transformers reads beside them."""
        del labels
        encoder = self._encoder
        if is_adapter(self.module):
            # No configuration beside it: transformers and sentence-transformers then load the base model that the adapter names.
            save_adapter(self.module, folder, self._card, self._folder)
        else:
            self.module.save_pretrained(folder)
        encoder.tokenizer.model_max_length = encoder.max_length
        encoder.tokenizer.save_pretrained(folder)
        prompts = {str(role): encoder.role_prompt(role) for role in _ROLES}
        width = self.embed([""], "query").shape[1]
        write_layout(Layout(encoder.pooling, width, encoder.max_length, prompts), folder, self._folder)

    def _cut(self, role: Role, texts: Sequence[Input]) -> list[Tokens]:
        return list(self._tokens[role].encode(texts, self._encoder.max_length))

    def _pool(self, rows: Sequence[Tokens]) -> torch.Tensor:
        given = self._tokens["query"].batch(rows, self._encoder.device)
        return pool(self.module(**given).last_hidden_state, given["attention_mask"], self._encoder.pooling)


def load_searcher(card: Card, folder: Path | None, device: str, trust: Trust = CAUTIOUS) -> TextSearcher:
    """Load a text encoder that is to be trained to search, as float32.

    Raises:
        CandidateError: the model is no text encoder of the transformers library.
    """
    where = f"card {card.name}"
    if folder is None or card.adapter != "transformers" or "text" not in card.modality:
        raise CandidateError(
            "bench trains text encoders of the transformers library to search", where=where, hint="use dense-search"
        )
    runs_code = card.remote_code and trust.remote_code
    if AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=runs_code).is_encoder_decoder:
        what = "bench trains encoders and decoders to search, and this is an encoder–decoder"
        raise CandidateError(what, where=where, hint="use dense-search")
    return TextSearcher(TextEncoder(folder, card, device, trust), card, folder)
