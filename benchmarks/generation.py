"""Writing 64 tokens after each of 64 prompts on the CPU, against the library's own way: sorted by length, padded at the left."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import torch
from asking import make_model
from claim import Claim, ratio
from embedding import WORDS
from transformers import AutoModelForCausalLM, AutoTokenizer

from harness.core.card import Card
from harness.models.transformers_language import LanguageModel
from harness.models.transformers_text import load

_AT_ONCE, _LIMIT = 32, 64


class Plain:
    """What a user writes who knows the library."""

    def __init__(self, folder: Path) -> None:
        """Load tokenizer and model."""
        self.tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.model = AutoModelForCausalLM.from_pretrained(folder).eval()

    @torch.inference_mode()
    def generate(self, prompts: list[str]) -> list[str]:
        """Return what is written after each prompt."""
        order, found = sorted(range(len(prompts)), key=lambda i: -len(prompts[i])), [""] * len(prompts)
        for start in range(0, len(order), _AT_ONCE):
            rows = order[start : start + _AT_ONCE]
            chosen = [prompts[row] for row in rows]
            given = self.tokenizer(chosen, return_tensors="pt", padding=True, add_special_tokens=False, return_token_type_ids=False)
            written = self.model.generate(**given, max_new_tokens=_LIMIT, do_sample=False, pad_token_id=0)
            texts = self.tokenizer.batch_decode(written[:, given["input_ids"].shape[1] :], skip_special_tokens=True)
            for row, text in zip(rows, texts, strict=True):
                found[row] = text
        return found


def measure() -> list[Claim]:
    """Compare speed."""
    draw = random.Random(0)  # noqa: S311 - no secret
    prompts = [" ".join(draw.choices(WORDS, k=draw.randint(5, 60))) for _ in range(64)]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_model(folder)
        ours, plain = load(Card(name="tiny", adapter="transformers", source=scratch), folder, "cpu"), Plain(folder)
        assert isinstance(ours, LanguageModel)  # noqa: S101 - what `load` gives for a decoder
        faster = ratio(lambda: plain.generate(prompts), lambda: ours.generate(prompts, _LIMIT, ()), rounds=3)
    return [Claim("writing after 64 prompts, times the library's speed", faster, 1 / 1.2, at_least=True, unit="×")]
