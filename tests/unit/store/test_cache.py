"""The feature cache: what is written comes back whole, or not at all, whatever happens to the files and whoever else is there."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.store import entry
from harness.store.cache import Cache

HEAD = 128
KEYS = [f"{i:064x}" for i in range(100)]


def features(seed: int = 0, shape: tuple[int, int, int] = (2, 5, 3)) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "deep" / "cache")


def file_of(cache: Cache, key: str) -> Path:
    return cache.folder / f"{key}.features"


def run(code: str, *arguments: object) -> subprocess.Popen[str]:
    start = "from pathlib import Path\nimport sys, numpy as np\nfrom harness.store.cache import Cache\n"
    words = [sys.executable, "-c", start + textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(child: subprocess.Popen[str]) -> str:
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    return out


def test_what_was_kept_comes_back_to_the_last_bit(cache: Cache) -> None:
    kept = features()
    kept[0, 0] = [-0.0, np.float32(1e-45), np.finfo(np.float32).max]
    assert cache.read(KEYS[0]) is None
    assert cache.write(KEYS[0], kept) == ""
    found = cache.read(KEYS[0])
    assert found is not None
    assert (found.dtype, found.shape, found.tobytes()) == (np.dtype(np.float32), kept.shape, kept.tobytes())
    found[:] = 0  # a reader may change what it has
    assert np.array_equal(cache.read(KEYS[0]), kept)
    assert [path.name for path in cache.folder.iterdir()] == [f"{KEYS[0]}.features"]


def test_an_array_that_does_not_lie_in_order_comes_back_in_order(cache: Cache) -> None:
    turned = features(shape=(2, 4, 6)).transpose(0, 2, 1)[:, ::2]
    assert cache.write(KEYS[0], turned) == ""
    assert np.array_equal(cache.read(KEYS[0]), turned)


def test_more_than_one_block_comes_back(cache: Cache) -> None:
    large = features(shape=(3, 4000, 100))
    assert large.nbytes > 2**22
    assert cache.write(KEYS[0], large) == ""
    assert np.array_equal(cache.read(KEYS[0]), large)
    assert cache.verify().sound == 1


@pytest.mark.parametrize("wrong", [np.zeros((2, 3), np.float32), np.zeros((1, 2, 3)), np.zeros((1, 0, 3), np.float32)])
def test_only_features_are_kept(wrong: NDArray[np.float32], cache: Cache) -> None:
    with pytest.raises(ValueError, match="layers, n, d"):
        cache.write(KEYS[0], wrong)
    assert list(cache.folder.iterdir()) == []


@pytest.mark.parametrize("key", ["", "../" * 21 + "x", "A" * 64, "0" * 63, f"{'0' * 63}\n"])
def test_a_key_is_never_a_path(key: str, cache: Cache) -> None:
    with pytest.raises(ValueError, match="64"):
        cache.read(key)


def test_a_file_is_readable_by_all_and_never_runs(cache: Cache) -> None:
    cache.write(KEYS[0], features())
    assert stat.S_IMODE(file_of(cache, KEYS[0]).stat().st_mode) == 0o644


# Damage


def test_every_flipped_byte_is_seen_dropped_and_recomputed(cache: Cache) -> None:
    kept, path = features(), file_of(cache, KEYS[0])
    cache.write(KEYS[0], kept)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert cache.read(KEYS[0]) is None, place
        assert not path.exists(), place
    assert cache.write(KEYS[0], kept) == ""
    assert np.array_equal(cache.read(KEYS[0]), kept)


@pytest.mark.parametrize("length", [0, 1, HEAD - 1, HEAD, HEAD + 1, HEAD + 60, HEAD + 119, HEAD + 121, HEAD + 4096])
def test_a_file_of_another_length_is_seen_and_dropped(length: int, cache: Cache) -> None:
    path = file_of(cache, KEYS[0])
    cache.write(KEYS[0], features())
    whole = path.read_bytes()
    assert len(whole) == HEAD + 120
    path.write_bytes(whole[:length].ljust(length, b"\0"))
    assert cache.read(KEYS[0]) is None
    assert not path.exists()


def test_an_entry_under_the_name_of_another_is_never_served(cache: Cache) -> None:
    for i in (0, 1):
        cache.write(KEYS[i], features(i))
    file_of(cache, KEYS[0]).replace(file_of(cache, KEYS[1]))
    assert cache.read(KEYS[1]) is None
    assert cache.entries() == ()


def test_verify_names_and_drops_what_is_damaged_and_nothing_else(cache: Cache) -> None:
    for i in range(4):
        cache.write(KEYS[i], features(i))
    used = {one.key: one.used_ns for one in cache.entries()}
    with file_of(cache, KEYS[1]).open("r+b") as stream:
        stream.seek(HEAD + 7)
        stream.write(b"\xff\xfe")
    file_of(cache, KEYS[2]).write_bytes(b"short")
    found = cache.verify()
    assert found.sound == 2
    reasons = {KEYS[1]: "its checksum is wrong; it was removed", KEYS[2]: "it ends within its head; it was removed"}
    assert found.damaged == reasons
    assert {one.key: one.used_ns for one in cache.entries()} == {key: used[key] for key in (KEYS[0], KEYS[3])}


def test_what_is_no_file_is_no_entry(cache: Cache) -> None:
    cache.folder.mkdir(parents=True)
    os.mkfifo(file_of(cache, KEYS[0]))
    file_of(cache, KEYS[1]).mkdir()
    file_of(cache, KEYS[2]).symlink_to("/etc/hostname")
    assert [cache.read(key) for key in KEYS[:3]] == [None, None, None]
    assert cache.entries() == ()
    assert "irectory" in cache.write(KEYS[1], features())
    assert not [path for path in cache.folder.iterdir() if path.name.startswith(".")]


# Room


def room_for(entries: int) -> int:
    return entries * (HEAD + features().nbytes)


def test_the_least_recently_used_goes_first(cache: Cache) -> None:
    small = Cache(cache.folder, room_for(3))
    for i in (0, 1, 2):
        assert small.write(KEYS[i], features(i)) == ""
    assert small.read(KEYS[0]) is not None
    assert small.write(KEYS[3], features(3)) == ""
    assert [one.key for one in small.entries()] == [KEYS[2], KEYS[0], KEYS[3]]
    assert small.write(KEYS[4], features(4, (2, 10, 3))) == ""
    assert [one.key for one in small.entries()] == [KEYS[3], KEYS[4]]
    assert np.array_equal(small.read(KEYS[3]), features(3))


def test_what_is_larger_than_all_the_room_is_not_kept_and_costs_nobody_a_place(cache: Cache) -> None:
    small = Cache(cache.folder, room_for(1))
    small.write(KEYS[0], features())
    assert small.write(KEYS[1], features(1, (2, 6, 3))) == "they take 0.000272 MB, more than the cache's limit of 0.000248 MB"
    assert [one.key for one in small.entries()] == [KEYS[0]]


def test_a_reader_keeps_what_it_has_open_when_it_is_evicted(cache: Cache) -> None:
    small = Cache(cache.folder, room_for(1))
    small.write(KEYS[0], features())
    with file_of(cache, KEYS[0]).open("rb") as stream:
        small.write(KEYS[1], features(1))
        assert not file_of(cache, KEYS[0]).exists()
        assert np.array_equal(entry.read(stream, KEYS[0]), features())


def test_clear_removes_entries_and_nothing_else(cache: Cache) -> None:
    for i in (0, 1):
        cache.write(KEYS[i], features(i))
    others = [cache.folder / name for name in ("notes.txt", f"{KEYS[0][:-1]}.features", ".cache.features.a", "more.features")]
    for path in others:
        path.write_text("mine")
    assert cache.clear() == (2, room_for(2))
    assert sorted(cache.folder.iterdir()) == sorted(others)
    assert cache.clear() == (0, 0)


# Writers that ended


def test_what_dead_writers_left_is_swept_and_what_living_ones_hold_is_not(cache: Cache) -> None:
    cache.folder.mkdir(parents=True)
    dead, alive, young = (cache.folder / f".{KEYS[i]}.features.abcdef0{i}" for i in range(3))
    for path in (dead, alive, young):
        path.write_bytes(b"half")
    hours_ago = time.time() - 7200
    os.utime(dead, (hours_ago, hours_ago))
    os.utime(alive, (hours_ago, hours_ago))
    with alive.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        cache.write(KEYS[0], features())
        assert [path.exists() for path in (dead, alive, young)] == [False, True, True]
        cache.sweep(0)
        assert [path.exists() for path in (dead, alive, young)] == [False, True, False]
    cache.sweep(0)
    assert not alive.exists()


def test_a_writer_that_is_killed_leaves_nothing_that_is_read(cache: Cache) -> None:
    code = """
        import os, signal
        from harness.store import entry
        write = entry.write
        def write_half(stream, key, features):
            write(stream, key, features[:, :10])
            stream.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        entry.write = write_half
        Cache(Path(sys.argv[1])).write(sys.argv[2], np.ones((2, 20, 3), np.float32))
    """
    child = run(code, cache.folder, KEYS[0])
    child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    assert len(list(cache.folder.iterdir())) == 1
    assert cache.read(KEYS[0]) is None
    assert cache.entries() == ()
    cache.sweep()
    assert len(list(cache.folder.iterdir())) == 1
    cache.sweep(0)
    assert list(cache.folder.iterdir()) == []


# Disks that do not let it write


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte, where this machine lets tests mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_on_a_full_disk_it_goes_on_uncached_and_leaves_nothing(tiny_disk: Path) -> None:
    cache = Cache(tiny_disk)
    assert cache.write(KEYS[0], features()) == ""
    assert cache.write(KEYS[1], features(1, (4, 1000, 100))) == f"No space left on device, in the cache {tiny_disk}"
    assert [path.name for path in tiny_disk.iterdir()] == [f"{KEYS[0]}.features"]
    assert np.array_equal(cache.read(KEYS[0]), features())


def test_room_is_made_before_it_is_needed(tiny_disk: Path) -> None:
    cache = Cache(tiny_disk, 900_000)
    for i in range(4):
        assert cache.write(KEYS[i], features(i, (1, 1000, 100))) == ""
    assert [one.key for one in cache.entries()] == [KEYS[2], KEYS[3]]


def test_on_a_read_only_disk_what_is_there_is_used(tiny_disk: Path) -> None:
    cache = Cache(tiny_disk)
    for i in (0, 1):
        cache.write(KEYS[i], features(i))
    with file_of(cache, KEYS[1]).open("r+b") as stream:
        stream.write(b"?")
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    assert np.array_equal(cache.read(KEYS[0]), features())
    assert cache.read(KEYS[1]) is None
    assert cache.write(KEYS[2], features()) == f"Read-only file system, in the cache {tiny_disk}"
    assert cache.verify().damaged == {KEYS[1]: "it is no entry of this form; it could not be removed"}
    assert cache.clear() == (0, 0)
    assert len(cache.entries()) == 2


def test_a_limit_on_files_is_a_reason_and_no_end(cache: Cache) -> None:
    code = """
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        print(Cache(Path(sys.argv[1])).write(sys.argv[2], np.ones((2, 200, 30), np.float32)))
    """
    assert finish(run(code, cache.folder, KEYS[0])) == f"File too large, in the cache {cache.folder}\n"
    assert list(cache.folder.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "cache"):
        cache = Cache(place)
        assert cache.read(KEYS[0]) is None
        assert str(place) in cache.write(KEYS[0], features())
        assert (cache.entries(), cache.clear(), cache.verify().sound) == ((), (0, 0), 0)
    assert (tmp_path / "file").is_file()


# Others at the same time


def test_processes_under_a_small_limit_never_see_a_wrong_number(cache: Cache) -> None:
    code = """
        import time
        cache = Cache(Path(sys.argv[1]), int(sys.argv[2]))
        draw = np.random.default_rng(int(sys.argv[3]))
        wrong = hits = failures = 0
        end = time.monotonic() + 2
        while time.monotonic() < end:
            i = int(draw.integers(12))
            expected = np.full((1, 50 + i, 40), i, np.float32)
            found = cache.read(f"{i:064x}")
            hits += found is not None
            wrong += found is not None and not np.array_equal(found, expected)
            failures += bool(found is None and cache.write(f"{i:064x}", expected))
            if int(sys.argv[3]) == 2 and draw.random() < 0.1:
                cache.sweep(0)
                wrong += len(cache.verify().damaged)
        print(wrong, failures, hits)
    """
    limit = 4 * 10_000
    children = [run(code, cache.folder, limit, number) for number in range(3)]
    for child in children:
        wrong, failures, hits = map(int, finish(child).split())
        assert (wrong, failures) == (0, 0)
        assert hits > 0
    assert 0 < sum(one.nbytes for one in cache.entries()) <= limit
    assert not [path for path in cache.folder.iterdir() if path.name.startswith(".")]


def test_a_writer_whose_new_file_is_swept_before_it_is_locked_begins_again(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    make, swept = tempfile.mkstemp, []

    def make_and_sweep(*, dir: Path, prefix: str) -> tuple[int, str]:  # noqa: A002 - as tempfile names it
        made = make(dir=dir, prefix=prefix)
        if not swept:
            cache.sweep(0)
            swept.append(made[1])
            assert not Path(made[1]).exists()
        return made

    monkeypatch.setattr(tempfile, "mkstemp", make_and_sweep)
    assert cache.write(KEYS[0], features()) == ""
    assert np.array_equal(cache.read(KEYS[0]), features())
    assert swept


def test_what_others_write_meanwhile_counts(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    write, others = entry.write, [KEYS[1], KEYS[2], KEYS[3]]

    def write_after_others(stream: BinaryIO, key: str, found: NDArray[np.float32]) -> None:
        while others:
            Cache(cache.folder).write(others.pop(), features())
        write(stream, key, found)

    monkeypatch.setattr(entry, "write", write_after_others)
    assert Cache(cache.folder, room_for(2)).write(KEYS[0], features()) == ""
    # Each of the others began before the last had ended.
    assert [one.key for one in cache.entries()] == [KEYS[3], KEYS[0]]
