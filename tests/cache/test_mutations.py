"""Whatever can change a feature gives another key, and what cannot does not: otherwise a cache serves wrong numbers, or none.

Real models, loaded as a worker loads them. Each test changes one thing and asks for the key before and after.
"""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.core.candidate import Registered
from harness.core.card import Card, Options
from harness.core.data import Input
from harness.core.feature import FeatureIdentity
from harness.models.adapters import adapter_modules
from harness.models.identity import identify
from tests.cache.cases import ADAPTERS, PICTURES, Case, case_of, edit, flip_a_byte_of_the_weights

PREPROCESSING = {
    "vit": ("preprocessor_config.json", ("image_mean",), [0.5, 0.5, 0.4]),
    "timm": ("config.json", ("pretrained_cfg", "mean"), [0.5, 0.5, 0.4]),
    "open_clip": ("open_clip_config.json", ("preprocess_cfg", "mean"), [0.5, 0.5, 0.4]),
}


def differing(before: FeatureIdentity, after: FeatureIdentity) -> set[str]:
    """Return which fields, and which settings among them, are not the same."""
    found = {name for name in type(before).model_fields if getattr(before, name) != getattr(after, name)}
    if "settings" in found:
        assert before.settings.keys() == after.settings.keys()
        found |= {f"settings.{key}" for key, value in before.settings.items() if after.settings[key] != value}
    return found - {"settings"}


def with_rows(change: Callable[[tuple[Input, ...]], tuple[Input, ...]]) -> Callable[[Case], Case]:
    return lambda case: dataclasses.replace(case, inputs=change(case.inputs))


# What a card, its rows or its job say: the change, and the fields of the identity that must tell, and no others.
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
    "pooling": ("1_Pooling/config.json", ("pooling_mode",), "cls", {"settings.pooling"}),
    "max length": ("sentence_bert_config.json", ("max_seq_length",), 9, {"settings.max_length"}),
    "max length of the tokenizer": ("tokenizer_config.json", ("model_max_length",), 7, {"settings.max_length"}),
    "activation": ("config.json", ("hidden_act",), "relu", set()),
    "epsilon": ("config.json", ("layer_norm_eps",), 1e-6, set()),
}


@pytest.mark.parametrize("name", BY_FILE)
def test_what_changes_features_in_a_file_changes_the_key(name: str, case: Case) -> None:
    file, keys, value, fields = BY_FILE[name]
    (case.folder / "1_Pooling").mkdir()
    (case.folder / "1_Pooling" / "config.json").write_text('{"pooling_mode": "mean"}')
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
@pytest.mark.parametrize(("hold", "digits"), [(tuple, 0.40000001), (torch.tensor, 0.400001)])
def test_every_digit_of_the_preprocessing_counts(hold: Callable[[list[float]], object], digits: float, case: Case) -> None:
    model = case.load()
    normalize = model.transform.transforms[-1]
    normalize.mean = hold([0.5, 0.4, 0.4])
    before = case.identify(model)
    normalize.mean = hold([0.5, 0.4, digits])
    assert case.identify(model).key != before.key


@pytest.mark.parametrize("case", ADAPTERS, indirect=True)
def test_the_version_of_the_adapter_changes_the_key(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    before = case.identify()
    module = importlib.import_module(adapter_modules(case.card)[0])
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
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


# Two models.


def test_models_never_share_a_key(originals: Path, copy_of: Callable[[str], Path]) -> None:
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
