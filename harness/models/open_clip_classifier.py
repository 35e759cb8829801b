"""Image towers of open_clip with a linear head.

A folder that `save` wrote holds the whole two-tower model in open_clip's own layout, `head.safetensors` (`weight` and `bias` of a
`torch.nn.Linear`) and `labels.json`. It loads with `open_clip.create_model_from_pretrained("local-dir:FOLDER")`, and a picture's
logits are `head(model.visual(pixels))`. After an adapter technique it holds peft's adapter instead, for a `torch.nn.Sequential` of
the names `visual` and `classifier` over the base model's tower.
"""

from __future__ import annotations

import json
import shutil
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import open_clip
import torch
from PIL import Image
from safetensors.torch import save_file

from harness.core.card import Card
from harness.core.trust import Trust
from harness.models import open_clip_image
from harness.models.adapter_folder import is_adapter, save_adapter
from harness.models.picture_classifier import PictureClassifier, Pixels
from harness.models.trainable import Aim, Trainable

_HEAD = "classifier"


def load_image(card: Card, folder: Path | None, device: str, trust: Trust, *, aim: Aim) -> Trainable:
    """Load the image tower and put a linear head on its embedding.

    Raises:
        CandidateError: the folder is not one of open_clip.
    """
    tower = open_clip_image.load(card, folder, "cpu", trust)
    width = tower.embed_image([Image.new("RGB", (64, 64))]).shape[-1]
    module = torch.nn.Sequential(OrderedDict(visual=tower.module, classifier=torch.nn.Linear(width, len(aim.names))))

    def to_pixels(pictures: Pixels) -> torch.Tensor:
        return torch.stack([tower.transform(one) for one in pictures])

    def save(trained: torch.nn.Module, where: Path, labels: Sequence[str]) -> None:
        (where / "labels.json").write_text(json.dumps(list(labels), ensure_ascii=False, indent=1), encoding="utf-8")
        if is_adapter(trained):
            save_adapter(trained, where, card, folder)
        elif folder is not None:
            _save_towers(trained, folder, where)

    return PictureClassifier(module, (_HEAD,), device, (to_pixels, save))


def _save_towers(trained: torch.nn.Module, base: Path, where: Path) -> None:
    """Write the trained image tower beside the base model's text tower, and the head."""
    whole = open_clip.create_model(f"local-dir:{base}", weights_only=True)
    whole.visual.load_state_dict(trained.get_submodule("visual").state_dict())
    weights = {name: tensor.contiguous().cpu() for name, tensor in whole.state_dict().items()}
    save_file(weights, where / "open_clip_model.safetensors")
    head = trained.get_submodule(_HEAD).state_dict()
    save_file({name: tensor.contiguous().cpu() for name, tensor in head.items()}, where / "head.safetensors")
    for file in sorted(base.glob("*.json")):
        if file.name != "labels.json":
            shutil.copyfile(file, where / file.name)
