"""Models of the transformers library with an image tower and a text tower in one space: CLIP, SigLIP and their kin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING_NAMES

from harness.core.card import Card
from harness.core.trust import Trust
from harness.errors import CandidateError
from harness.models.batches import PICTURES_PER_BATCH, Batches, release
from harness.models.capabilities import Weights
from harness.models.formats import readable_form, weights_only
from harness.models.json_file import read_json
from harness.models.torch_module import count_weights

_TEXTS_AT_ONCE = 64
# SigLIP was trained with texts of this many tokens, padding included, and reads other lengths otherwise.
_SIGLIP_TOKENS = 64
_PARTS = {"text": ("text_model", "text_projection"), "image": ("vision_model", "visual_projection", "vision_projection")}


class TwoTowers:
    """The image tower with its projection; the text tower is there only while prompts are embedded."""

    def __init__(self, folder: Path, card: Card, device: str, trust: Trust) -> None:
        """Load processor and weights from a local folder onto a device, as float32; of a pickle only the tensors are read."""
        if card.options.pooling:
            what = "the image tower has a projection of its own, options.pooling is not read"
            raise CandidateError(what, where=f"card {card.name}, key options.pooling", hint="leave it out")
        self._folder, self._card, self._trust = folder, card, trust
        runs_code = card.remote_code and trust.remote_code
        self.processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=runs_code)
        self.device = device
        self.model = self._load(without="text")
        self.batches = Batches(PICTURES_PER_BATCH[torch.device(device).type])

    def embed_image(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Return `(1, n, d) float32`: what the library's `get_image_features` gives.

        Raises:
            CandidateError: a single picture does not fit in memory.
        """
        return self.batches.run_pictures(images, self._forward, self.device)

    @torch.inference_mode()
    def embed_prompts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(n, d) float32` of the text tower, which is loaded for it and given back."""
        model = self._load(without="image")
        runs_code = self._card.remote_code and self._trust.remote_code
        tokenizer = AutoTokenizer.from_pretrained(self._folder, local_files_only=True, trust_remote_code=runs_code)
        positions = getattr(model.config.text_config, "max_position_embeddings", tokenizer.model_max_length)
        longest = min(tokenizer.model_max_length, positions)
        padding: dict[str, Any] = {"padding": True, "truncation": True, "max_length": longest}
        if "siglip" in model.config.model_type:
            padding = {"padding": "max_length", "max_length": _SIGLIP_TOKENS, "truncation": True}
        found = []
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            tokens = tokenizer(list(texts[start : start + _TEXTS_AT_ONCE]), return_tensors="pt", **padding).to(self.device)
            found.append(_vectors(model.get_text_features(**tokens)))
        del model
        release()
        return np.concatenate(found)

    def weights(self) -> Weights:
        """Count what is kept: the image tower."""
        return count_weights(self.model)

    def identity(self) -> dict[str, str | int | float]:
        """Say what the features depend on beyond files and rows."""
        return settings_of(self.model, self.processor, "get_image_features")

    def _load(self, without: Literal["text", "image"]) -> Any:  # noqa: ANN401 - a model of transformers
        """Return the model without one of its towers, as float32."""
        with weights_only(self._card):
            model = AutoModel.from_pretrained(
                self._folder,
                local_files_only=True,
                trust_remote_code=self._card.remote_code and self._trust.remote_code,
                use_safetensors=readable_form(self._folder, self._card, self._trust) == "safetensors",
                weights_only=True,
                dtype="auto",
            )
        for name in _PARTS[without]:
            if hasattr(model, name):
                setattr(model, name, None)
        # Only what is kept becomes float32.
        return model.float().to(self.device).eval()

    @torch.inference_mode()
    def _forward(self, images: Sequence[Image]) -> NDArray[np.float32]:
        given = self.processor(list(images), return_tensors="pt").to(self.device)
        return _vectors(self.model.get_image_features(**given))


def settings_of(model: Any, processor: Any, pooling: str) -> dict[str, str | int | float]:  # noqa: ANN401 - of transformers
    """Return what features of pictures depend on beyond files and rows."""
    return {
        "model": type(model).__qualname__,
        "attention": str(model.config._attn_implementation),  # noqa: SLF001 - transformers has no public name for it
        "weights": str(model.dtype),
        "preprocessing": f"{type(processor).__qualname__} {processor.to_json_string()}",
        "pooling": pooling,
        "normalization": "none",
    }


def has_two_towers(folder: Path) -> bool:
    """Tell whether the library itself compares pictures with texts by such a model."""
    return read_json(folder / "config.json").get("model_type") in MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING_NAMES


def _vectors(output: Any) -> NDArray[np.float32]:  # noqa: ANN401 - a tensor, or an output whose pooled part is projected
    found = output if isinstance(output, torch.Tensor) else output.pooler_output
    vectors: NDArray[np.float32] = found.float().cpu().numpy()
    return vectors
