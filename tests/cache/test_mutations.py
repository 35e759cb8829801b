"""Whatever can change a feature gives another key, and what cannot does not: otherwise a cache serves wrong numbers, or none.

Real models, loaded as a worker loads them. Each test changes one thing and asks for the key before and after.
"""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.core.candidate import Registered
from harness.core.card import Card, Options
from harness.core.data import Input
from harness.core.feature import FeatureIdentity
from harness.core.trust import CAUTIOUS
from harness.models.adapters import adapter_module, load_model
from harness.models.identity import Source, identify
from harness.models.pictures import decode
from harness.store.cache import Cache, Recalled, cached_features
from tests.unit.models.test_images import encoded, picture

TEXTS = ("the card was stolen", "my refund", "where is my parcel")
PICTURES = tuple(encoded(picture(seed)) for seed in range(3))
ADAPTERS = {"bert": "transformers", "vit": "transformers", "timm": "timm", "open_clip": "open_clip"}
PREPROCESSING = {
    "vit": ("preprocessor_config.json", ("image_mean",), [0.5, 0.5, 0.4]),
    "timm": ("config.json", ("pretrained_cfg", "mean"), [0.5, 0.5, 0.4]),
    "open_clip": ("open_clip_config.json", ("preprocess_cfg", "mean"), [0.5, 0.5, 0.4]),
}
COPY = Callable[[str], Path]
ROOT = Path(__file__).parents[2]


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


@pytest.fixture
def case(copy_of: COPY, request: pytest.FixtureRequest) -> Case:
    name = getattr(request, "param", "bert")
    return case_of(name, copy_of(name))


def differing(before: FeatureIdentity, after: FeatureIdentity) -> set[str]:
    """Return which fields, and which settings among them, are not the same."""
    found = {name for name in type(before).model_fields if getattr(before, name) != getattr(after, name)}
    if "settings" in found:
        assert before.settings.keys() == after.settings.keys()
        found |= {f"settings.{key}" for key, value in before.settings.items() if after.settings[key] != value}
    return found - {"settings"}


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


# What is changed by the files, the card, the rows or the machine: (change, which fields of the identity must tell, and no others).
def with_rows(change: Callable[[tuple[Input, ...]], tuple[Input, ...]]) -> Callable[[Case], Case]:
    return lambda case: dataclasses.replace(case, inputs=change(case.inputs))


BY_WORD: dict[str, tuple[Callable[[Case], Case], set[str]]] = {
    "source": (lambda case: case.change(source="org/other"), {"source"}),
    "revision": (lambda case: case.change(revision="b" * 40), {"revision"}),
    "no revision": (lambda case: case.change(revision=None), {"revision"}),
    "pooling": (lambda case: case.change(options=Options(pooling="cls")), {"settings.pooling"}),
    "layer set": (lambda case: case.change(options=Options(layers=1)), {"settings.layers"}),
    "max length": (lambda case: case.change(context=8), {"settings.max_length"}),
    "prompt": (lambda case: case.change(options=Options(prompt="query: ")), {"settings.prompt"}),
    "role": (lambda case: case.change(options=Options(prompt="query:")), {"settings.prompt"}),
    "dtype": (lambda case: dataclasses.replace(case, dtype="float16"), {"dtype"}),
    "one byte of a row": (with_rows(lambda rows: (f"{rows[0]}."[1:], *rows[1:])), {"rows"}),
    "row order": (with_rows(lambda rows: rows[::-1]), {"rows"}),
    "one row more": (with_rows(lambda rows: (*rows, rows[0])), {"rows"}),
    "one row less": (with_rows(lambda rows: rows[1:]), {"rows"}),
    "a trailing space": (with_rows(lambda rows: (f"{rows[0]} ", *rows[1:])), {"rows"}),
    "where rows end": (with_rows(lambda rows: (str(rows[0]) + str(rows[1])[:1], str(rows[1])[1:], rows[2])), {"rows"}),
}


@pytest.mark.parametrize("name", BY_WORD)
def test_what_changes_features_changes_the_key(name: str, case: Case) -> None:
    change, fields = BY_WORD[name]
    before, after = case.identify(), change(case).identify()
    assert before.key != after.key
    assert differing(before, after) == fields


# What is in the model's own files: each must tell by the hash, and, where an adapter resolves it, by the setting itself.
BY_FILE: dict[str, tuple[str, Sequence[str], object, set[str]]] = {
    "pooling": ("1_Pooling/config.json", ("pooling_mode_cls_token",), True, {"settings.pooling"}),
    "max length": ("sentence_bert_config.json", ("max_seq_length",), 9, {"settings.max_length"}),
    "max length of the tokenizer": ("tokenizer_config.json", ("model_max_length",), 7, {"settings.max_length"}),
    "activation": ("config.json", ("hidden_act",), "relu", set()),
    "epsilon": ("config.json", ("layer_norm_eps",), 1e-6, set()),
}


@pytest.mark.parametrize("name", BY_FILE)
def test_what_changes_features_in_a_file_changes_the_key(name: str, case: Case) -> None:
    file, keys, value, fields = BY_FILE[name]
    (case.folder / "1_Pooling").mkdir()
    (case.folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}')
    (case.folder / "sentence_bert_config.json").write_text('{"max_seq_length": 30}')
    before = case.identify()
    edit(case.folder / file, keys, value)
    after = case.identify()
    assert before.key != after.key
    assert differing(before, after) == {"source_digest"} | fields


@pytest.mark.parametrize("case", ADAPTERS, indirect=True)
def test_a_byte_of_the_weights_changes_the_key(case: Case) -> None:
    before = case.identify()
    flip_a_byte_of_the_weights(case)
    after = case.identify()
    assert before.key != after.key
    assert differing(before, after) == {"source_digest"}


@pytest.mark.parametrize("case", PREPROCESSING, indirect=True)
def test_image_preprocessing_changes_the_key_and_stands_in_the_settings(case: Case) -> None:
    file, keys, value = PREPROCESSING[case.name]
    before = case.identify()
    edit(case.folder / file, keys, value)
    after = case.identify()
    assert before.key != after.key
    assert differing(before, after) == {"source_digest", "settings.preprocessing"}


@pytest.mark.parametrize("case", ["timm", "open_clip"], indirect=True)
@pytest.mark.parametrize("digit", [0.4001, 0.40000001])
def test_every_digit_of_the_preprocessing_counts(digit: float, case: Case) -> None:
    model = case.load()
    normalize = model.transform.transforms[-1]
    normalize.mean = (0.5, 0.4, 0.4)
    before = case.identify(model)
    normalize.mean = (0.5, 0.4, digit)
    assert case.identify(model).key != before.key


@pytest.mark.parametrize("case", ADAPTERS, indirect=True)
def test_the_version_of_the_adapter_changes_the_key(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    before = case.identify()
    monkeypatch.setattr(importlib.import_module(adapter_module(case.card)), "VERSION", 2)
    after = case.identify()
    assert before.key != after.key
    assert differing(before, after) == {"adapter_version"}


@pytest.mark.parametrize("case", ADAPTERS, indirect=True)
def test_the_version_of_every_library_that_matters_changes_the_key(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = case.load()
    before = case.identify(model)
    assert {"torch"} < set(before.libraries)
    assert (case.is_image) == ("pillow" in before.libraries)
    for name in before.libraries:
        # What a package manager would leave of another version.
        other = tmp_path / name
        (other / f"{name}-0.0.1.dist-info").mkdir(parents=True)
        (other / f"{name}-0.0.1.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.0.1\n")
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(other))
            after = case.identify(model)
        assert after.libraries == before.libraries | {name: "0.0.1"}
        assert before.key != after.key
    assert case.identify(model).key == before.key


@pytest.mark.parametrize("case", ADAPTERS, indirect=True)
def test_what_the_loaded_model_is_changes_the_key(case: Case) -> None:
    """The model is asked, and not its card: here it has another precision than the card's job says."""
    model = case.load()
    before = case.identify(model)
    (model.module if hasattr(model, "module") else model.model).to(torch.bfloat16)
    after = case.identify(model)
    assert before.key != after.key
    assert differing(before, after) == {"settings.weights"}


def test_normalization_pads_and_attention_are_told(case: Case) -> None:
    model = case.load()
    before = case.identify(model)
    settings = model.identity()
    assert {"normalization", "pad", "attention"} <= settings.keys()
    for name in settings:
        model.identity = lambda name=name: settings | {name: "another"}
        assert case.identify(model).key != before.key, name


def test_the_precision_of_products_changes_the_key(case: Case) -> None:
    model = case.load()
    before = case.identify(model)
    torch.set_float32_matmul_precision("medium")
    try:
        after = case.identify(model)
    finally:
        torch.set_float32_matmul_precision("highest")
    assert differing(before, after) == {"settings.matmul"}
    assert before.key != after.key


def test_the_type_of_the_device_changes_the_key_and_its_number_does_not(case: Case) -> None:
    model = case.load()
    keys = {device: dataclasses.replace(case, device=device).identify(model).key for device in ("cpu", "mps", "mps:0")}
    assert keys["cpu"] != keys["mps"]
    assert keys["mps"] == keys["mps:0"]


@pytest.mark.gpu
def test_cuda_is_another_device_and_its_number_is_none(case: Case) -> None:
    model = case.load()
    cpu, cuda, numbered = (dataclasses.replace(case, device=device).identify(model) for device in ("cpu", "cuda", "cuda:0"))
    assert "device" in differing(cpu, cuda)
    assert cuda.key == numbered.key


@pytest.mark.parametrize("as_file", [True, False])
@pytest.mark.parametrize("case", ["vit"], indirect=True)
def test_pictures_are_told_apart_by_their_bytes(as_file: object, case: Case, tmp_path: Path) -> None:
    def place(name: str, content: bytes) -> Input:
        (tmp_path / name).write_bytes(content)
        return str(tmp_path / name) if as_file else content

    def key(*inputs: Input) -> str:
        return dataclasses.replace(case, inputs=inputs).identify(model).key

    model = case.load()
    first, second = PICTURES[:2]
    changed = first[:-20] + bytes([first[-20] ^ 1]) + first[-19:]
    a, b, c = place("a.png", first), place("b.png", second), place("c.png", changed)
    keys = [key(a, b), key(b, a), key(c, b), key(a), key(a, b, b)]
    assert len(set(keys)) == len(keys)
    assert key(place("moved.png", first), b) == keys[0]


# What cannot change a feature.


def with_threads(case: Case) -> FeatureIdentity:
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        return case.identify()
    finally:
        torch.set_num_threads(before)


def slower(model: Any) -> Any:
    model.batches.budget = 3
    return model


SAME: dict[str, Callable[[Case], FeatureIdentity]] = {
    "loaded again": lambda case: case.identify(),
    "batch size": lambda case: case.identify(slower(case.load())),
    "what the candidate is called": lambda case: case.change(name="renamed").identify(),
    "its license and facts": lambda case: case.change(license="MIT", parameters=5, summary="x", released="2024").identify(),
    "where the folder lies": lambda case: dataclasses.replace(
        case, folder=Path(shutil.move(case.folder, case.folder.with_name("moved")))
    ).identify(),
    "a readme": lambda case: [(case.folder / "README.md").write_text("new"), case.identify()][1],
    "when files were written": lambda case: [[p.touch() for p in case.folder.rglob("*")], case.identify()][1],
    "threads": with_threads,
}


@pytest.mark.parametrize("case", ADAPTERS, indirect=True)
@pytest.mark.parametrize("name", SAME)
def test_what_changes_no_feature_keeps_the_key(name: str, case: Case) -> None:
    before = case.identify()
    assert differing(before, SAME[name](case)) == set()


def test_workers_and_runs_have_no_place_in_the_key() -> None:
    where = {"source", "revision", "source_digest", "rows"}
    how = {"adapter", "adapter_version", "settings", "dtype", "device", "libraries"}
    assert set(FeatureIdentity.model_fields) == {"format"} | where | how


@pytest.mark.slow
def test_another_process_finds_the_same_keys(originals: Path) -> None:
    code = f"""
        from pathlib import Path
        from tests.cache.test_mutations import ADAPTERS, case_of
        for name in ADAPTERS:
            print(case_of(name, Path({str(originals)!r}) / name).identify().key)
    """
    environ = os.environ | {"PYTHONHASHSEED": "7"}
    words = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)]
    done = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.split() == [case_of(name, originals / name).identify().key for name in ADAPTERS], done.stderr


# Two models.


def test_models_never_share_a_key(originals: Path, copy_of: COPY) -> None:
    cases = [case_of(name, originals / name) for name in ADAPTERS]
    other = case_of("vit", copy_of("vit"))
    flip_a_byte_of_the_weights(other)
    identities = [one.identify() for one in (*cases, other)]
    assert {one.source for one in identities} == {"org/model"}
    for one, another in itertools.combinations(identities, 2):
        assert one.key != another.key
        assert one.source_digest != another.source_digest


def test_a_random_control_is_told_apart_by_its_architecture() -> None:
    found = {}
    for architecture in ("test_vit", "test_vit2"):
        card = Card(name="a", adapter="timm", source=f"random:{architecture}", modality=("image",), control=True)
        case = Case("timm", None, card, PICTURES)  # type: ignore[arg-type]
        found[architecture] = case.identify()
        assert case.identify().key == found[architecture].key
    assert {"source", "settings.architecture"} <= differing(found["test_vit"], found["test_vit2"])


def test_a_plugin_has_no_identity(case: Case) -> None:
    registered = Registered(case.card, path="mine.py", workspace="user", is_plugin=True)
    assert identify(registered, case.load(), case.watch(), dtype="float32", device="cpu") is None
    ordinary = dataclasses.replace(registered, is_plugin=False)
    assert identify(ordinary, object(), case.watch(), dtype="float32", device="cpu") is None


# The whole way: what a worker does.


@pytest.mark.parametrize("case", ADAPTERS, indirect=True)
def test_features_from_the_cache_are_those_of_the_model_to_the_last_bit(case: Case, tmp_path: Path) -> None:
    cache, calls = Cache(tmp_path / "cache"), []

    def work() -> Recalled:
        source = case.watch()
        model = case.load()

        def compute() -> np.ndarray[Any, np.dtype[np.float32]]:
            calls.append(1)
            return model.embed_image([decode(one) for one in case.inputs]) if case.is_image else model.embed_text(case.inputs)

        return cached_features(cache, case.identify(model), compute, is_unchanged=source.is_unchanged)

    cold, warm = work(), work()
    assert (cold.from_cache, warm.from_cache, len(calls)) == (False, True, 1)
    assert cold.features.tobytes() == warm.features.tobytes()
    flip_a_byte_of_the_weights(case)
    assert not work().from_cache


@pytest.mark.parametrize("what", ["weights", "configuration", "a new file", "a file less", "a picture"])
@pytest.mark.parametrize("case", ["vit"], indirect=True)
def test_files_that_change_during_a_run_are_seen(what: str, case: Case, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PICTURES[0])
    source = Source.watch(case.card, case.folder, (str(tmp_path / "a.png"), PICTURES[1]), is_image=True)
    assert source.is_unchanged()
    if what == "weights":
        flip_a_byte_of_the_weights(case)
    elif what == "configuration":
        edit(case.folder / "config.json", ("layer_norm_eps",), 1e-6)
    elif what == "a new file":
        (case.folder / "processor_config.json").write_text("{}")
    elif what == "a file less":
        (case.folder / "preprocessor_config.json").unlink()
    else:
        (tmp_path / "a.png").unlink()
    assert not source.is_unchanged()
