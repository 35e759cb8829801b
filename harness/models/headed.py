"""A model of transformers with the head that it was trained with, where its features need none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from harness.core.card import Card
from harness.core.trust import Trust
from harness.errors import CandidateError
from harness.models.formats import readable_form, weights_only


def load_headed(factory: Any, source: tuple[Path, Card, Trust], device: str) -> tuple[Any, Sequence[str]]:  # noqa: ANN401 - of transformers
    """Return a whole model as float32 in evaluation mode, and the names of weights that its folder lacks."""
    folder, card, trust = source
    with weights_only(card):
        whole, report = factory.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=card.remote_code and trust.remote_code,
            use_safetensors=readable_form(folder, card, trust) == "safetensors",
            weights_only=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    return whole.to(device).eval(), sorted(report["missing_keys"])


def lacks_head(card: Card, what: str, lacking: Sequence[str]) -> CandidateError:
    """Return the error of a folder without the weights of the head."""
    said = f"its folder lacks weights of {what}: {', '.join(lacking[:3])}"
    return CandidateError(said, where=f"card {card.name}", hint="name the folder of the whole model, not of its body alone")
