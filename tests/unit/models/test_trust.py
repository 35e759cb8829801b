"""What a candidate's files may do: a pickle that would run something never does, and code is run only where it is allowed."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest

from harness.core.card import Card
from harness.core.trust import CAUTIOUS, Trust
from harness.errors import CandidateError, Unavailable
from harness.models.adapters import load_model, load_trainable
from harness.models.formats import weights_only
from harness.models.trainable import Aim
from harness.models.weights import locate, tell_remote_code
from tests.unit import tiny_models

PICKLE, CODE = Trust(pickle=True), Trust(remote_code=True)
ADAPTERS = [("transformers", "text"), ("transformers", "image"), ("timm", "image"), ("open_clip", "image")]
MODELING = """
from pathlib import Path
from transformers import BertModel
Path({marker!r}).write_text("ran")
class OwnModel(BertModel):
    pass
"""


class Evil:
    """Unpickled as usual, it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.marker,)


def card(folder: Path, adapter: str = "transformers", modality: str = "text", *, remote_code: bool = False) -> Card:
    about = {"name": "m", "adapter": adapter, "source": str(folder), "modality": (modality,), "remote_code": remote_code}
    return Card.model_validate(about)


@pytest.fixture
def pickled(tiny_bert: Path, tmp_path: Path) -> Path:
    """The tiny model with its weights as a pickle of tensors."""
    import torch
    from safetensors.torch import load_file

    folder = tmp_path / "pickled"
    shutil.copytree(tiny_bert, folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


@pytest.fixture
def divided(pickled: Path) -> Path:
    """The same in two parts with an index."""
    import torch

    state = torch.load(pickled / "pytorch_model.bin", weights_only=True)
    names = sorted(state)
    places = {name: f"pytorch_model-0000{1 + (at % 2)}-of-00002.bin" for at, name in enumerate(names)}
    for part in set(places.values()):
        torch.save({name: state[name] for name in names if places[name] == part}, pickled / part)
    (pickled / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    (pickled / "pytorch_model.bin").unlink()
    return pickled


def embed(folder: Path, trust: Trust) -> list[float]:
    found = locate(card(folder), offline=True, trust=trust)
    features = load_model(card(folder), found, "cpu", trust).embed_text(["my card was stolen"])  # type: ignore[attr-defined]
    return list(features.ravel())


def test_pickles_of_tensors_are_read_where_they_are_allowed(tiny_bert: Path, pickled: Path) -> None:
    with pytest.raises(Unavailable, match="safetensors form") as caught:
        embed(pickled, CAUTIOUS)
    assert "--allow-pickle" in caught.value.hint
    assert embed(pickled, PICKLE) == embed(tiny_bert, CAUTIOUS)


def test_divided_pickles_are_read_whole_or_not_at_all(tiny_bert: Path, divided: Path) -> None:
    assert embed(divided, PICKLE) == embed(tiny_bert, CAUTIOUS)
    (divided / "pytorch_model-00002-of-00002.bin").unlink()
    with pytest.raises(Unavailable, match="1 part of its weights"):
        embed(divided, PICKLE)


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize(("adapter", "modality"), ADAPTERS)
def test_a_malicious_pickle_never_runs(
    adapter: str, modality: str, tiny_bert: Path, tmp_path: Path, *, monkeypatch: pytest.MonkeyPatch, is_zip: bool
) -> None:
    import torch

    folder, marker = tmp_path / "evil", tmp_path / "marker"
    folder.mkdir()
    shutil.copytree(tiny_bert, folder, dirs_exist_ok=True)
    (folder / "model.safetensors").unlink()
    if adapter == "timm":
        (folder / "config.json").write_text(json.dumps({"architecture": "resnet10t", "pretrained_cfg": {"custom_load": False}}))
    if modality == "image" and adapter == "transformers":
        (folder / "preprocessor_config.json").write_text('{"image_processor_type": "ViTImageProcessor"}')
        (folder / "config.json").write_text(
            '{"model_type": "vit", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}'
        )
    vision = {"image_size": 8, "layers": 1, "width": 64, "patch_size": 4}
    text = {"context_length": 8, "vocab_size": 10, "width": 64, "heads": 1, "layers": 1}
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": {"embed_dim": 8, "vision_cfg": vision, "text_cfg": text}})
    )
    path = folder / ("open_clip_pytorch_model.bin" if adapter == "open_clip" else "pytorch_model.bin")
    if is_zip:
        torch.save({"weight": Evil(marker)}, path)
    else:
        path.write_bytes(pickle.dumps({"weight": Evil(marker)}, protocol=2))
    about = card(folder, adapter, modality)
    with pytest.raises(Unavailable, match="safetensors form"):
        load_model(about, locate(about, offline=True), "cpu", CAUTIOUS)
    # Who never looked for the weights is refused by the adapter itself.
    with pytest.raises(Unavailable, match="safetensors form"):
        load_model(about, folder, "cpu", CAUTIOUS)
    # Not even where the environment lifts torch's own protection.
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(CandidateError, match="holds more than tensors"):
        load_model(about, locate(about, offline=True, trust=PICKLE), "cpu", PICKLE)
    assert not marker.exists()


def test_a_library_that_asks_for_the_whole_pickle_gets_tensors_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    import torch

    marker, path = tmp_path / "marker", tmp_path / "evil.pt"
    torch.save({"weight": Evil(marker)}, path)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(CandidateError, match="holds more than tensors"), weights_only(card(tmp_path)):
        torch.load(path, weights_only=False)
    assert not marker.exists()
    assert os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] == "1"
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


def test_an_evil_pickle_beside_safetensors_is_not_looked_at(tmp_path: Path) -> None:
    import timm
    from safetensors.torch import save_file

    marker = tmp_path / "marker"
    folder = tmp_path / "model"
    folder.mkdir()
    made = timm.create_model("resnet10t", num_classes=0)
    save_file(made.state_dict(), folder / "weights.safetensors")
    (folder / "config.json").write_text(
        json.dumps({"architecture": "resnet10t", "num_classes": 0, "pretrained_cfg": {"num_classes": 0}})
    )
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Evil(marker), protocol=2))
    about = card(folder, "timm", "image")
    for trust in (CAUTIOUS, PICKLE):
        assert load_model(about, locate(about, offline=True, trust=trust), "cpu", trust)
    assert not marker.exists()


@pytest.fixture
def coded(tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A folder in the Hub's layout whose configuration names a class of its own; importing it makes the marker."""
    import transformers.dynamic_module_utils

    monkeypatch.setattr(transformers.dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    folder, marker = tmp_path / "coded", tmp_path / "marker"
    shutil.copytree(tiny_bert, folder)
    (folder / "modeling_own.py").write_text(MODELING.format(marker=str(marker)))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "modeling_own.OwnModel"}}))
    return folder, marker


def test_code_of_a_repository_needs_card_and_permission(coded: tuple[Path, Path]) -> None:
    folder, marker = coded
    asking, silent = card(folder, remote_code=True), card(folder)
    with pytest.raises(Unavailable, match="without running Python") as caught:
        locate(asking, offline=True)
    assert "--allow-remote-code" in caught.value.hint
    for about, trust in ((asking, CAUTIOUS), (silent, CODE), (silent, CAUTIOUS)):
        assert type(load_model(about, folder, "cpu", trust).model).__name__ == "BertModel"  # type: ignore[attr-defined]
        assert not marker.exists()
    found = load_model(asking, locate(asking, offline=True, trust=CODE), "cpu", CODE)
    assert type(found.model).__name__ == "OwnModel"  # type: ignore[attr-defined]
    assert marker.read_text() == "ran"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_weights_of_another_folder_are_never_read_through_an_adapter(tmp_path: Path) -> None:
    """`adapter_config.json` names a base model anywhere; where the folder holds none, the library would go there."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModel, ViTImageProcessor

    base, folder = tiny_models.save_image("ViT", tmp_path / "base"), tmp_path / "adapter"
    get_peft_model(AutoModel.from_pretrained(base), LoraConfig(target_modules="all-linear")).save_pretrained(folder)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == str(base)
    about = card(folder, modality="image")
    with pytest.raises(Unavailable, match="an adapter without its base model") as caught:
        locate(about, offline=True)
    assert "merge_and_unload" in caught.value.hint
    with pytest.raises(Unavailable, match="an adapter without its base model"):
        load_model(about, folder, "cpu", CAUTIOUS)
    for name in ("config.json", "model.safetensors"):
        shutil.copy(base / name, folder / name)
    assert load_model(about, locate(about, offline=True), "cpu", CAUTIOUS)


def test_a_card_for_texts_and_pictures_is_loaded_for_the_rows_at_hand(tiny_bert: Path, tmp_path: Path) -> None:
    about = Card(name="m", adapter="transformers", modality=("text", "image"))
    pictures = tiny_models.save_image("ViT", tmp_path / "vit")
    one = load_model(about.reading(is_image=False), tiny_bert, "cpu", CAUTIOUS)
    other = load_model(about.reading(is_image=True), pictures, "cpu", CAUTIOUS)
    assert (hasattr(one, "embed_text"), hasattr(other, "embed_image")) == (True, True)
    trained = load_trainable(about.reading(is_image=True), pictures, "cpu", CAUTIOUS, aim=Aim(("a", "b")))
    assert type(trained.module).__name__ == "ViTForImageClassification"
    assert about.reading(is_image=True).reading(is_image=False).modality == ("image",)


def test_code_of_a_second_repository_is_refused(coded: tuple[Path, Path]) -> None:
    folder, _ = coded
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "else/where--modeling.Own"}}))
    with pytest.raises(CandidateError, match="takes code from another repository, else/where"):
        locate(card(folder, remote_code=True), offline=True, trust=CODE)


def test_the_report_can_name_whose_code_ran() -> None:
    cards = [card(Path("/a"), remote_code=True), card(Path("/b"))]
    assert tell_remote_code(cards, CODE) == "Python from their repositories was run, as --allow-remote-code permits: m"
    assert tell_remote_code(cards, CAUTIOUS) == ""
    assert tell_remote_code(cards[1:], CODE) == ""
