"""Every kind of folder is written, read back, and answers like its own library used directly."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.core.card import Card, Modality
from harness.core.data import Dataset, Rows, Split
from harness.core.finetuned import Contents, Made
from harness.core.trial import Fidelity
from harness.core.trust import CAUTIOUS
from harness.errors import CandidateError
from harness.execute.answering import HEAD, open_answer
from harness.execute.assignment import Place, Question, Training
from harness.execute.finetune_pass import finetune
from harness.execute.predict_pass import predict

LABELS = ("card", "parcel")
TEXTS = tuple(
    f"{('the card was stolen', 'where is my parcel')[i % 2]} {'please ' * (i % 5)}{'help me' * (i % 3)}" for i in range(40)
)
RECIPE: dict[str, str | int | float] = {"learning_rate": 1e-3, "epochs": 2, "batch_size": 8}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    folder = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    for i in range(24):
        pixels = generator.integers(0, 120, (32, 32, 3), np.uint8)
        pixels[..., i % 2] += 120
        Image.fromarray(pixels).save(folder / f"{i:02}.png")
    return tuple(str(path) for path in sorted(folder.iterdir()))


def dataset(inputs: tuple[str, ...]) -> Dataset:
    n = len(inputs)
    rows = Rows(tuple(map(str, range(n))), inputs, tuple(i % 2 for i in range(n)), LABELS)
    third = n // 4 * 2
    return Dataset(rows, Split(tuple(range(third)), (tuple(range(third, third + 4)),), tuple(range(third + 4, n))), "d", "made")


def train(card: Card, out: Path, technique: str, inputs: tuple[str, ...]) -> tuple[Made, Contents]:
    out.mkdir()
    base = Path(card.source)
    kind = "image-classification" if "image" in card.modality else "text-classification"
    recipe = {} if technique == "linear-probe" else RECIPE
    contents = Contents(card=card, kind=kind, technique=technique, recipe=recipe, labels=LABELS)
    place = Place(out, base, "cpu", CAUTIOUS)
    told: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = finetune(Training(contents, place, Fidelity(epochs=2, of=2), dataset(inputs), "accuracy", 0), told.append)
    assert "reading back what was written" in told
    return made, contents


def answers(contents: Contents, out: Path, base: Path | None, inputs: tuple[str, ...], *, batch: int | None = None) -> np.ndarray:
    file = out.parent / "shares.npy"
    question = Question(contents, Place(out, base, "cpu", CAUTIOUS, batch), inputs, file)
    assert predict(question, lambda _line: None).rows == len(inputs)
    found: np.ndarray = np.load(file)
    return found


def text_card(folder: Path) -> Card:
    return Card(name="tiny", adapter="transformers", source=str(folder))


def direct_text(load: Callable[[Path], torch.nn.Module], folder: Path) -> np.ndarray:
    """The probabilities of each text alone, by transformers itself."""
    from transformers import AutoTokenizer

    tokenizer, module = AutoTokenizer.from_pretrained(folder), load(folder).eval()
    found = []
    for text in TEXTS:
        encoded = tokenizer(text, return_tensors="pt", truncation=True)
        encoded.pop("token_type_ids", None)
        with torch.inference_mode():
            found.append(module(**encoded).logits.softmax(1)[0].numpy())
    return np.stack(found)


@pytest.mark.parametrize("technique", ["full", "probe-then-finetune"])
def test_all_weights_load_with_transformers(technique: str, tiny_bert: Path, tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoModelForSequenceClassification

    out = tmp_path / "out"
    made, contents = train(text_card(tiny_bert), out, technique, TEXTS)
    assert AutoConfig.from_pretrained(out).id2label == dict(enumerate(LABELS))
    assert made.recipe["epochs_reached"] == 2
    direct = direct_text(AutoModelForSequenceClassification.from_pretrained, out)
    np.testing.assert_allclose(answers(contents, out, None, TEXTS), direct, atol=1e-5)
    np.testing.assert_allclose(answers(contents, out, None, TEXTS, batch=1), direct, atol=1e-5)
    test = dataset(TEXTS).split.test
    assert made.test.score == pytest.approx(np.mean(direct.argmax(1)[list(test)] == np.asarray(test) % 2), abs=1e-6)


@pytest.mark.parametrize("technique", ["full", "linear-probe"])
def test_a_models_own_prompt_goes_with_what_comes_of_it(technique: str, tiny_bert: Path, tmp_path: Path) -> None:
    base, out = tmp_path / "base", tmp_path / "out"
    shutil.copytree(tiny_bert, base)
    prompts = {"prompts": {"task": "the parcel "}, "default_prompt_name": "task"}
    (base / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    made, contents = train(text_card(base), out, technique, TEXTS)
    assert made.prompt == "the parcel "
    told = answers(contents.prompted(made.prompt), out, base, TEXTS)
    assert not np.array_equal(told, answers(contents.prompted("hello "), out, base, TEXTS))
    np.testing.assert_array_equal(told, answers(contents.prompted("the parcel "), out, base, TEXTS))


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")
@pytest.mark.parametrize("technique", ["lora", "ia3", "prompt-tuning"])
def test_adapters_load_with_peft(technique: str, tiny_bert: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoConfig, AutoModelForSequenceClassification

    def load(folder: Path) -> torch.nn.Module:
        base = json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"]
        module = AutoModelForSequenceClassification.from_pretrained(base, config=AutoConfig.from_pretrained(folder))
        found: torch.nn.Module = PeftModel.from_pretrained(module, str(folder))
        return found

    out = tmp_path / "out"
    _, contents = train(text_card(tiny_bert), out, technique, TEXTS)
    np.testing.assert_allclose(answers(contents, out, tiny_bert, TEXTS), direct_text(load, out), atol=1e-4)
    (out / "adapter_model.safetensors").rename(out / "adapter_model.bin")
    with pytest.raises(CandidateError, match=r"adapter_model\.safetensors is missing"):
        answers(contents, out, tiny_bert, TEXTS)


def test_a_probe_is_a_few_lines_of_numpy(tiny_bert: Path, tmp_path: Path) -> None:
    from safetensors import safe_open

    from harness.core.table import Mean
    from harness.models.transformers_text import load

    out = tmp_path / "out"
    made, contents = train(text_card(tiny_bert), out, "linear-probe", TEXTS)
    layers = load(text_card(tiny_bert), tiny_bert, "cpu").embed_text(TEXTS)
    with safe_open(out / HEAD, "numpy") as file:
        view = int(file.metadata()["view"])
        part = {name: file.get_tensor(name) for name in ("mean", "scale", "weights", "bias")}
    features = layers[view] if view < len(layers) else Mean(layers)[:]
    logits = (features - part["mean"]) / part["scale"] @ part["weights"] + part["bias"]
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(answers(contents, out, tiny_bert, TEXTS), shares, atol=1e-5)
    assert {"layer", "C"} <= set(made.recipe)
    (out / HEAD).write_bytes(b"no head")
    with pytest.raises(CandidateError, match="the head cannot be read"):
        open_answer(contents, Place(out, tiny_bert, "cpu", CAUTIOUS))


def image_card(adapter: str, folder: Path) -> Card:
    modality: tuple[Modality, ...] = ("image",)
    return Card(name="tiny", adapter=adapter, source=str(folder), modality=modality)


@pytest.fixture(scope="module")
def timm_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import timm

    folder = tmp_path_factory.mktemp("timm")
    torch.manual_seed(0)
    module = timm.create_model("vit_tiny_patch16_224", depth=2, embed_dim=32, num_heads=2, img_size=32)
    arguments = {"depth": 2, "embed_dim": 32, "num_heads": 2, "img_size": 32}
    timm.models.save_for_hf(module, folder, model_args=arguments, safe_serialization=True)
    return folder


def direct_pictures(
    module: torch.nn.Module, transform: Callable[[Image.Image], torch.Tensor], names: tuple[str, ...]
) -> np.ndarray:
    with torch.inference_mode():
        pixels = torch.stack([transform(Image.open(name).convert("RGB")) for name in names])
        found: np.ndarray = module.eval()(pixels).softmax(1).numpy()
    return found


def test_a_timm_folder_loads_with_timm(timm_base: Path, pictures: tuple[str, ...], tmp_path: Path) -> None:
    import timm

    out = tmp_path / "out"
    _, contents = train(image_card("timm", timm_base), out, "full", pictures)
    module = timm.create_model(f"local-dir:{out}", pretrained=True)
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(module), is_training=False)
    np.testing.assert_allclose(answers(contents, out, None, pictures), direct_pictures(module, transform, pictures), atol=1e-5)
    assert module.pretrained_cfg["label_names"] == list(LABELS)


def test_a_timm_adapter_loads_with_peft(timm_base: Path, pictures: tuple[str, ...], tmp_path: Path) -> None:
    import timm
    from peft import PeftModel

    out = tmp_path / "out"
    _, contents = train(image_card("timm", timm_base), out, "lora", pictures)
    base = timm.create_model(f"local-dir:{timm_base}", pretrained=True, num_classes=len(LABELS))
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(base), is_training=False)
    direct = direct_pictures(PeftModel.from_pretrained(base, str(out)), transform, pictures)
    np.testing.assert_allclose(answers(contents, out, timm_base, pictures), direct, atol=1e-5)


@pytest.mark.parametrize("technique", ["full", "lora", "linear-probe"])
def test_a_vit_of_transformers(technique: str, pictures: tuple[str, ...], tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, AutoModelForImageClassification, ViTConfig, ViTImageProcessor, ViTModel

    base, out = tmp_path / "base", tmp_path / "out"
    torch.manual_seed(0)
    ViTModel(
        ViTConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8)
    ).save_pretrained(base)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(base)
    _, contents = train(image_card("transformers", base), out, technique, pictures)
    found = answers(contents, out, base, pictures)
    assert found.shape == (len(pictures), 2)
    if technique == "full":
        module, processor = AutoModelForImageClassification.from_pretrained(out), AutoImageProcessor.from_pretrained(out)
        with torch.inference_mode():
            given = processor([Image.open(name).convert("RGB") for name in pictures], return_tensors="pt")
            direct = module.eval()(**given).logits.softmax(1).numpy()
        np.testing.assert_allclose(found, direct, atol=1e-5)


@pytest.mark.parametrize("technique", ["full", "lora"])
def test_a_tower_of_open_clip(technique: str, pictures: tuple[str, ...], tmp_path: Path) -> None:
    import open_clip
    from safetensors.torch import load_file, save_file

    base, out = tmp_path / "base", tmp_path / "out"
    base.mkdir()
    config = {
        "embed_dim": 12,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    }
    (base / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    torch.manual_seed(0)
    save_file(open_clip.CLIP(**config, output_dict=False).state_dict(), base / "open_clip_model.safetensors")
    _, contents = train(image_card("open_clip", base), out, technique, pictures)
    found = answers(contents, out, base, pictures)
    if technique == "full":
        whole, transform = open_clip.create_model_from_pretrained(f"local-dir:{out}")
        weights = load_file(out / "head.safetensors")
        head = torch.nn.Linear(weights["weight"].shape[1], 2)
        head.load_state_dict(weights)
        direct = direct_pictures(torch.nn.Sequential(whole.visual, head), transform, pictures)
        np.testing.assert_allclose(found, direct, atol=1e-5)


def test_a_folder_that_answers_otherwise_is_not_handed_over(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.execute import finetune_pass

    monkeypatch.setattr(finetune_pass, "open_answer", lambda *_given: lambda inputs: np.full((len(inputs), 2), 0.5, np.float32))
    with pytest.raises(CandidateError, match="does not answer as the trained model did"):
        train(text_card(tiny_bert), tmp_path / "out", "full", TEXTS)


@pytest.mark.parametrize("used", [{}, {"pooling": "mean", "label_smoothing": 0.1}])
def test_what_a_run_tried_is_trained_as_it_was(
    used: dict[str, str | float], tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = Path(shutil.copytree(tiny_bert, tmp_path / "base"))
    (base / "modules.json").write_text("[]")
    for key, value in used.items():
        monkeypatch.setitem(RECIPE, key, value)
    made, _ = train(text_card(base), tmp_path / "out", "probe-then-finetune", TEXTS)
    assert {key: made.recipe[key] for key in ("pooling", "label_smoothing") if key in made.recipe} == used
    assert (tmp_path / "out" / "2_Dense").is_dir() == bool(used)
