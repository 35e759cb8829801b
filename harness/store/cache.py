"""The feature cache: arrays by the key of everything that can change them, shared by all runs and processes of a machine.

A cache only saves time. What cannot be read is computed, and what cannot be written goes on uncached and says why.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from harness.core.cache_folder import cache_folder
from harness.core.feature import FeatureIdentity
from harness.core.quantity import parse_size
from harness.errors import WorkspaceError
from harness.store import entry, locked_file

if TYPE_CHECKING:
    from harness.store.entry import Floats

LIMIT_BYTES = 20 * 10**9
_SUFFIX = ".features"
_NAME = re.compile(r"[0-9a-f]{64}\.features")
_TEMPORARY = f".{'[0-9a-f]' * 64}{_SUFFIX}.????????"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the cache: its size, and when it was last used in nanoseconds."""

    path: Path
    nbytes: int
    used_ns: int

    @property
    def key(self) -> str:
        """Return the key that the file's name states."""
        return self.path.name.removesuffix(_SUFFIX)


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at every byte found: how many entries are sound, and the keys of those that were not, each with the reason."""

    sound: int
    damaged: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of entries. Its least recently used ones go when together they would take more than the limit; 0 turns it off."""

    folder: Path
    limit_bytes: int = LIMIT_BYTES

    @property
    def is_on(self) -> bool:
        """Tell whether anything is to be kept."""
        return self.limit_bytes > 0

    def read(self, key: str) -> Floats | None:
        """Return the features, every byte checked, and note their use; None if they are not here. Damaged ones are dropped."""
        path = self._path(key)
        try:
            with locked_file.open_plain(path) as stream:
                try:
                    found = entry.read(stream, key)
                except entry.Damaged:
                    _drop(path, stream)
                    return None
                with contextlib.suppress(OSError):
                    locked_file.touch(stream)
                return found
        except OSError:
            return None

    def write(self, key: str, features: Floats) -> str:
        """Keep `(layers, n, d) float32`, whole or not at all; return why they could not be kept, empty if they were."""
        path, size = self._path(key), entry.size_of(features)
        if size > self.limit_bytes:
            return f"they take {size / 1e6:.3g} MB, more than the cache's limit of {self.limit_bytes / 1e6:.3g} MB"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.sweep()
            self._evict(self.limit_bytes - size)
            with locked_file.replacing(path) as stream:
                entry.write(stream, key, features)
            # Others may have written meanwhile.
            self._evict(self.limit_bytes)
        except OSError as error:
            return f"{error.strerror or error}, in the cache {self.folder}"
        return ""

    def entries(self) -> tuple[Entry, ...]:
        """Return what is kept, the least recently used first; empty where there is no folder or it cannot be read."""
        found = []
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                state = _state(path) if _NAME.fullmatch(path.name) else None
                if state is not None:
                    found.append(Entry(path, state.st_size, state.st_mtime_ns))
        return tuple(sorted(found, key=lambda one: (one.used_ns, one.path)))

    def clear(self) -> tuple[int, int]:
        """Remove every entry that can be removed, and what ended writers left; return how many entries and bytes went."""
        self.sweep(0)
        return _remove(self.entries())

    def verify(self) -> Verified:
        """Check every byte of every entry and drop the damaged ones. Entries that go meanwhile are no fault."""
        sound = 0
        damaged: dict[str, str] = {}
        for one in self.entries():
            with contextlib.suppress(FileNotFoundError):
                problem = _examine(one)
                sound += not problem
                damaged |= {one.key: problem} if problem else {}
        return Verified(sound, damaged)

    def sweep(self, older_than_s: float = locked_file.STALE_S) -> None:
        """Remove what ended writers left half-written; of living writers nothing is taken."""
        locked_file.sweep(self.folder, _TEMPORARY, older_than_s)

    def _path(self, key: str) -> Path:
        name = f"{key}{_SUFFIX}"
        if not _NAME.fullmatch(name):
            msg = f"a key has 64 hexadecimal digits, not {key!r}"
            raise ValueError(msg)
        return self.folder / name

    def _evict(self, limit: int) -> None:
        """Remove the least recently used entries until the others take no more than this. Readers keep what they have open."""
        entries = self.entries()
        excess = sum(one.nbytes for one in entries) - limit
        for one in entries:
            if excess <= 0:
                return
            try:
                one.path.unlink()
            except FileNotFoundError:
                pass  # another evictor was faster
            except OSError:
                continue
            excess -= one.nbytes


@dataclass(frozen=True, slots=True)
class Recalled:
    """Features, whether they came from the cache, and what a user should know of it (empty if nothing)."""

    features: Floats
    from_cache: bool = False
    note: str = ""


def cached_features(
    cache: Cache | None,
    identity: FeatureIdentity | None,
    compute: Callable[[], Floats],
    *,
    is_unchanged: Callable[[], bool] = lambda: True,
) -> Recalled:
    """Return the features of an identity from the cache, else compute and keep them.

    They are not kept where `is_unchanged` says that the files behind the identity changed while they were computed. Without a cache
    or an identity they are computed.
    """
    if cache is None or identity is None or not cache.is_on:
        return Recalled(compute())
    found = cache.read(identity.key)
    if found is not None:
        return Recalled(found, from_cache=True)
    features = compute()
    problem = cache.write(identity.key, features) if is_unchanged() else "their files changed while they were computed"
    return Recalled(features, note=f"the features were not kept for the next run: {problem}" if problem else "")


def find_cache(environ: Mapping[str, str]) -> Cache:
    """Return the cache that the environment names: `BENCH_CACHE` (a folder) and `BENCH_CACHE_LIMIT` (a size; 0 turns it off).

    Raises:
        WorkspaceError: the limit is no size, or nobody's home folder is known.
    """
    limit = environ.get("BENCH_CACHE_LIMIT", "").strip()
    size = LIMIT_BYTES if not limit else 0 if limit == "0" else parse_size(limit, where="BENCH_CACHE_LIMIT")
    try:
        return Cache(cache_folder(environ) / "features", size)
    except RuntimeError as error:
        what = "no folder for the feature cache: no home folder is known"
        raise WorkspaceError(what, where="BENCH_CACHE", hint="let BENCH_CACHE name a folder") from error


def _state(path: Path) -> os.stat_result | None:
    """Return what is known of a plain file, None if it is none or has gone."""
    try:
        state = path.lstat()
    except OSError:
        return None
    return state if stat.S_ISREG(state.st_mode) else None


def _examine(one: Entry) -> str:
    """Check one entry; return what is wrong, and drop it then.

    Raises:
        FileNotFoundError: it is not there any more.
    """
    try:
        with locked_file.open_plain(one.path) as stream:
            try:
                entry.verify(stream, one.key)
            except entry.Damaged as error:
                dropped = _drop(one.path, stream)
                return f"{error}; it {'was' if dropped else 'could not be'} removed"
    except FileNotFoundError:
        raise
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return ""


def _drop(path: Path, stream: BinaryIO) -> bool:
    """Remove a damaged file unless a sound one has taken its place; tell whether it is gone."""
    try:
        if os.path.samestat(os.fstat(stream.fileno()), path.stat()):
            path.unlink()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _remove(entries: tuple[Entry, ...]) -> tuple[int, int]:
    number = nbytes = 0
    for one in entries:
        with contextlib.suppress(OSError):
            one.path.unlink()
            number, nbytes = number + 1, nbytes + one.nbytes
    return number, nbytes
