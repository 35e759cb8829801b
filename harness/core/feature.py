"""What features are features of: everything that can change them, so that equal keys mean equal features."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Literal

from harness.core.data import Choice, Input, Pair, Sentence
from harness.core.noun import Noun


class FeatureIdentity(Noun):
    """Everything that can change the features of some rows, and nothing else.

    `source_digest` is over the files of the model, `rows` over the contents of all rows in order. `settings` are what the loaded
    model itself says: pooling, layers, length, prompt, preprocessing. `device` is a type (`cuda`), never one of several cards. How
    many rows make a batch, how many processes run and what the run is called are not in it.
    """

    format: Literal["bench.features/1"] = "bench.features/1"
    source: str
    revision: str = ""
    source_digest: str
    adapter: str
    adapter_version: int
    settings: dict[str, str | int | float]
    dtype: str
    device: str
    libraries: dict[str, str]
    rows: str

    @property
    def key(self) -> str:
        """Return 64 hexadecimal digits; equal identities have equal keys, whatever the order of their fields."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()


def rows_digest(rows: Iterable[Input]) -> str:
    """Return a hash over the exact contents of rows in order: texts, pairs of texts, or encoded pictures.

    Each row's length is part of it, so that rows which join to the same text differ. Cost: every byte is read once.

    >>> rows_digest(["ab", "c"]) == rows_digest(["a", "bc"])
    False
    """
    total = hashlib.sha256()
    for row in rows:
        total.update(_kind(row))
        for part in _parts(row):
            content = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
            total.update(f"{'text' if isinstance(part, str) else 'bytes'} {len(content)}\n".encode())
            total.update(content)
    return total.hexdigest()


def _kind(row: Input) -> bytes:
    if isinstance(row, Sentence):
        return f"sentence {len(row)}\n".encode()
    return b"pair\n" if isinstance(row, Pair) else b"choice\n" if isinstance(row, Choice) else b""


def _parts(row: Input) -> tuple[str | bytes, ...]:
    if isinstance(row, Choice):
        return (row.question, *row.options)
    return row if isinstance(row, Pair | Sentence) else (row,)
