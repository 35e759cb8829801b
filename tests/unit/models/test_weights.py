from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.candidate import Registered
from harness.core.card import Card
from harness.core.remote import Remote
from harness.core.trust import Trust
from harness.errors import CandidateError, Unavailable, Unreachable
from harness.models import fingerprint, pins
from harness.models.weights import digest, locate, obtain, source_digest


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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one file of every kind."""
    place = tmp_path / "workspace" / "models" / "m"
    place.mkdir(parents=True)
    for name in (
        "config.json",
        "model.safetensors",
        "merges.txt",
        "vocab.txt",
        "a.tiktoken",
        "a.model",
        "a.spm",
        "own.py",
        "README.md",
    ):
        (place / name).write_text("{}")
    return place


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "merges.txt", "vocab.txt", "a.tiktoken", "a.model", "a.spm", "own.py"]
)
@pytest.mark.parametrize("change", ["content", "name", "absence"])
def test_digest_covers_every_file_that_can_change_features(folder: Path, name: str, change: str) -> None:
    about = Card(name="a", adapter="transformers", source=str(folder), remote_code=True)
    before = digest(folder, about)
    if change == "content":
        (folder / name).write_text("[]")
    elif change == "name":
        (folder / name).rename(folder / f"b{name}")
    else:
        (folder / name).unlink()
    assert digest(folder, about) != before


def test_digest_leaves_out_what_is_not_read(folder: Path) -> None:
    before = digest(folder, card("x"))
    (folder / "README.md").write_text("other")
    (folder / "own.py").write_text("other")
    (folder / "pytorch_model.bin").write_text("other")
    assert digest(folder, card("x")) == before
    (folder / "model.safetensors").unlink()
    pickled = digest(folder, card("x"))
    (folder / "pytorch_model.bin").write_text("another")
    assert digest(folder, card("x")) != pickled


def test_digest_of_a_plugin_covers_its_file(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text("a = 1")
    plugin = Registered(Card(name="a"), str(path), "user", is_plugin=True)
    before = source_digest(plugin, None)
    path.write_text("a = 2")
    assert source_digest(plugin, None) != before
    assert obtain(plugin, offline=True) is None


def test_a_plugin_whose_card_names_a_server_needs_leave_to_call_it() -> None:
    remote = Remote(model="m", offers=("embeddings",), key_variable="FAR_API_KEY")
    about = Card(name="a", source="https://api.example.org/v1", remote=remote)
    plugin = Registered(about, "own.py", "user", is_plugin=True)
    with pytest.raises(Unavailable, match=r"api\.example\.org, and rows would leave this machine"):
        obtain(plugin, offline=False)
    with pytest.raises(Unavailable, match="--offline calls no server"):
        obtain(plugin, offline=True, trust=Trust(remote=True))
    with pytest.raises(CandidateError, match="asks for the key in FAR_API_KEY"):
        obtain(replace(plugin, workspace="add-on"), offline=False, trust=Trust(remote=True))
    free = about.model_copy(update={"remote": remote.model_copy(update={"key_variable": ""})})
    assert obtain(replace(plugin, card=free), offline=False, trust=Trust(remote=True)) is None


def test_a_file_is_hashed_once_while_it_stays_as_it_is(tmp_path: Path) -> None:
    import os

    path = tmp_path / "a"
    path.write_bytes(b"one")
    first, state = fingerprint.sha256(path), path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert fingerprint.sha256(path) != first


@pytest.mark.parametrize(
    ("name", "said"),
    [("weights.tar.gz", "weights.tar.gz is an archive"), ("model.zip", "model.zip is an archive"), ("notes.md", "no weights")],
)
def test_archives_are_not_unpacked(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_bytes(b"PK")
    for trust in (Trust(), Trust(pickle=True)):
        with pytest.raises(Unavailable, match=said):
            locate(card(str(tmp_path)), offline=True, trust=trust)
    with pytest.raises(Unavailable, match="not unpacked"):
        locate(card(str(tmp_path / name)), offline=True)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("part", ["../../etc/passwd", "/etc/passwd", "evil.bin", "a/b.safetensors", "..\\evil.safetensors"])
def test_an_index_names_files_of_its_folder_only(folder: Path, part: str) -> None:
    import json

    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": part}}))
    with pytest.raises(CandidateError, match="its index names"):
        locate(card(str(folder)), offline=True)


def test_only_the_users_own_cards_may_leave_their_workspace(folder: Path, tmp_path: Path) -> None:
    def ask(workspace: str, root: Path) -> Path | None:
        found = Registered(card(str(folder)), str(root / "candidates" / "a.yaml"), workspace, is_plugin=False)
        return obtain(found, offline=True)

    assert ask("addon", tmp_path / "workspace") == folder
    assert ask("user", tmp_path / "elsewhere") == folder
    for name in ("addon", "builtin"):
        with pytest.raises(CandidateError, match="outside of the workspace"):
            ask(name, tmp_path / "elsewhere")
    (tmp_path / "secret.json").write_text("{}")
    (folder / "vocab.json").symlink_to(tmp_path / "secret.json")
    assert ask("user", tmp_path / "workspace") == folder
    with pytest.raises(CandidateError, match="is a link that leads out"):
        ask("addon", tmp_path / "workspace")


def test_the_ledger_grows_and_holds_to_what_it_saw(tmp_path: Path) -> None:
    assert pins.check(tmp_path / "pins", "a/b", "1", {"x": "1"})
    assert pins.check(tmp_path / "pins", "a/b", "1", {"x": "1", "y": "2"})
    assert pins.check(tmp_path / "pins", "a/b", "2", {"x": "9"})
    with pytest.raises(CandidateError, match="y changed, though the revision is the same"):
        pins.check(tmp_path / "pins", "a/b", "1", {"y": "3"})
    assert not pins.check(Path("/dev/null/pins"), "a/b", "1", {"x": "1"})
    assert all(not path.name.startswith(".") for path in (tmp_path / "pins").iterdir())


def test_many_writers_leave_one_whole_ledger(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda at: pins.check(tmp_path, "a/b", "1", {"same": "0", str(at % 5): str(at % 5)}), range(100)))
    assert all(done)
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(CandidateError, match="same changed"):
        pins.check(tmp_path, "a/b", "1", {"same": "1"})
