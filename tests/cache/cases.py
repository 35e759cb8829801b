"""Candidates with their rows, as a job holds them, and ways to change their files."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.core.candidate import Registered
from harness.core.card import Card
from harness.core.data import Input
from harness.core.feature import FeatureIdentity
from harness.core.trust import CAUTIOUS
from harness.models.adapters import load_model
from harness.models.identity import Source, identify
from tests.unit.models.test_images import encoded, picture

TEXTS = ("the card was stolen", "my refund", "where is my parcel")
PICTURES = tuple(encoded(picture(seed)) for seed in range(3))
ADAPTERS = {"bert": "transformers", "vit": "transformers", "timm": "timm", "open_clip": "open_clip"}


@dataclasses.dataclass(frozen=True)
class Case:
    """A candidate with its rows, as a job holds them."""

    name: str
    folder: Path
    card: Card
    inputs: tuple[Input, ...]
    dtype: str = "float32"
    device: str = "cpu"

    @property
    def is_image(self) -> bool:
        return self.name != "bert"

    def change(self, **changes: Any) -> Case:
        """Return the case with parts of its card changed."""
        return dataclasses.replace(self, card=self.card.model_copy(update=changes))

    def watch(self) -> Source:
        return Source.watch(self.card, self.folder, self.inputs, is_image=self.is_image)

    def load(self) -> Any:
        return load_model(self.card, self.folder, "cpu", CAUTIOUS)

    def identify(self, model: Any = None) -> FeatureIdentity:
        registered = Registered(self.card, path="cards.yaml", workspace="user", is_plugin=False)
        found = identify(registered, model or self.load(), self.watch(), dtype=self.dtype, device=self.device)
        assert found is not None
        return found


def case_of(name: str, folder: Path) -> Case:
    # The source names no path, so that what a test changes is the only difference.
    modality = ("text",) if name == "bert" else ("image",)
    card = Card(name=name.replace("_", "-"), adapter=ADAPTERS[name], source="org/model", revision="a" * 40, modality=modality)
    return Case(name, folder, card, TEXTS if name == "bert" else PICTURES)


def flip_a_byte_of_the_weights(case: Case) -> None:
    [path] = case.folder.glob("*.safetensors")
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def edit(path: Path, keys: Sequence[str], value: object) -> None:
    whole = json.loads(path.read_text())
    part = whole
    for key in keys[:-1]:
        part = part[key]
    assert part[keys[-1]] != value
    part[keys[-1]] = value
    path.write_text(json.dumps(whole))
