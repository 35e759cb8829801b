from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.card import Card
from harness.errors import Unavailable, Unreachable
from harness.models.weights import digest, locate


def card(source: str) -> Card:
    return Card(name="a", adapter="transformers", source=source)


def test_local_folder_with_safetensors_is_found(tiny_bert: Path) -> None:
    assert locate(card(str(tiny_bert)), offline=True) == tiny_bert


def test_nothing_to_find_for_random_weights_and_plugins() -> None:
    assert locate(card("random:resnet10t"), offline=True) is None
    assert locate(Card(name="a"), offline=True) is None


@pytest.mark.parametrize("source", ["./nowhere", "python:no_such_package_at_all", "python:../etc"])
def test_absent_sources_are_unavailable(source: str) -> None:
    with pytest.raises(Unavailable) as caught:
        locate(card(source), offline=True)
    assert caught.value.hint


def test_pickles_are_not_accepted(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(Unavailable, match="not in safetensors form"):
        locate(card(str(tmp_path)), offline=True)


def test_offline_hub_source_is_unavailable_without_a_look_at_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(Unavailable, match="offline"):
        locate(card("bench-tests/never-cached"), offline=True)


def test_unreachable_hub_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(Unreachable):
        locate(card("bench-tests/never-cached"), offline=False)


def test_digest_changes_with_one_byte_of_the_weights(tiny_bert: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(tiny_bert, copy)
    same = card("x")
    before = digest(copy, same)
    assert before == digest(tiny_bert, same)
    path = copy / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert digest(copy, same) != before
    assert digest(None, same) != digest(None, card("y"))
