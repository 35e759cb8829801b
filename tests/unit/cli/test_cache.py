from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from harness import cli
from harness.store.cache import Cache

KEYS = [f"{i:064x}" for i in range(3)]
NBYTES = 128 + 4 * 300_000


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_CACHE_LIMIT", "5GB")
    return Cache(tmp_path / "cache" / "features")


@pytest.fixture
def filled(cache: Cache) -> Cache:
    for i, key in enumerate(KEYS):
        assert cache.write(key, np.full((3, 1000, 100), i, np.float32)) == ""
    return cache


def ask(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert cli.run(["cache", *words]) == code
    return capsys.readouterr().out


def damage(cache: Cache, key: str) -> None:
    with (cache.folder / f"{key}.features").open("r+b") as stream:
        stream.seek(5000)
        stream.write(b"\x01")


def test_info_says_where_and_how_much(filled: Cache, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ask(capsys, "info").splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [
        ["folder", str(filled.folder)], ["entries", "3"], ["size", "3.6 MB"], ["limit", "5 GB"],
    ]  # fmt: skip
    facts = json.loads(ask(capsys, "info", "--json"))
    assert facts == {"folder": str(filled.folder), "entries": 3, "bytes": 3 * NBYTES, "limit_bytes": 5 * 10**9}


def test_clear_says_what_it_freed(filled: Cache, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(capsys, "clear") == "removed 3 entries; 3.6 MB are free again\n"
    assert filled.entries() == ()
    filled.write(KEYS[0], np.ones((1, 1, 1), np.float32))
    assert json.loads(ask(capsys, "clear", "--json")) == {"entries": 1, "bytes": 132, "left": 0}
    assert ask(capsys, "clear", "--quiet") == ""


def test_verify_drops_what_is_damaged_and_says_so_by_its_code(filled: Cache, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(capsys, "verify") == "3 entries sound, 0 damaged\n"
    damage(filled, KEYS[1])
    assert cli.run(["cache", "verify"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "2 entries sound, 1 damaged\n"
    assert captured.err == f"{KEYS[1]}: its checksum is wrong; it was removed\n"
    assert json.loads(ask(capsys, "verify", "--json")) == {"sound": 2, "damaged": {}}
    damage(filled, KEYS[0])
    found = json.loads(ask(capsys, "verify", "--json", code=1))
    assert found == {"sound": 1, "damaged": {KEYS[0]: "its checksum is wrong; it was removed"}}


def test_all_work_where_there_is_no_folder_and_make_none(cache: Cache, capsys: pytest.CaptureFixture[str]) -> None:
    assert "entries  0" in ask(capsys, "info")
    assert ask(capsys, "clear") == "removed 0 entries; 0 MB are free again\n"
    assert ask(capsys, "verify") == "0 entries sound, 0 damaged\n"
    assert not cache.folder.parent.exists()


def test_a_file_in_place_of_the_folder_is_an_empty_cache(cache: Cache, capsys: pytest.CaptureFixture[str]) -> None:
    cache.folder.parent.mkdir()
    cache.folder.write_text("mine")
    for words in ("info", "clear", "verify"):
        ask(capsys, words)
    assert cache.folder.read_text() == "mine"


def test_what_cannot_be_removed_is_an_error(
    filled: Cache, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    # The administrator may remove everything, and tests may run as that user.
    monkeypatch.setattr(Path, "unlink", refuse)
    assert cli.run(["cache", "clear"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "removed 0 entries; 0 MB are free again\n"
    assert captured.err.splitlines()[:2] == ["3 entries could not be removed", f"where: {filled.folder}"]
    damage(filled, KEYS[2])
    assert cli.run(["cache", "verify"]) == 1
    assert "could not be removed" in capsys.readouterr().err


def test_it_says_that_it_is_off(cache: Cache, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    del cache
    monkeypatch.setenv("BENCH_CACHE_LIMIT", "0")
    assert "limit    0 (nothing is kept)" in ask(capsys, "info")


def test_a_limit_that_is_no_size_is_bad_input(
    cache: Cache, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del cache
    monkeypatch.setenv("BENCH_CACHE_LIMIT", "much")
    assert cli.run(["cache", "info"]) == 2
    assert "where: BENCH_CACHE_LIMIT" in capsys.readouterr().err
