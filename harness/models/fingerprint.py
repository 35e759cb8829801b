"""Hashes of files: what a model is made of, byte for byte."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.core.card import Card
from harness.models import formats

_SHA256_NAME, _SHA1_NAME = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")


def sha256(path: Path) -> str:
    """Return a file's hash; within a process a file is read once as long as size, time of change and inode stay the same."""
    state = path.stat()
    return _sha256(str(path), state.st_size, state.st_mtime_ns, state.st_ino)


@functools.lru_cache(maxsize=10_000)
def _sha256(path: str, size: int, mtime_ns: int, inode: int) -> str:
    del size, mtime_ns, inode
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def git_blob(path: Path) -> str:
    """Return the name that git gives to a file's content; the Hub names small files by it."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _sha1(path: Path) -> str:
    return hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()


def files(folder: Path, card: Card) -> Iterator[Path]:
    """Yield in order every file that can change what the model computes; of pickles and code only what would be read."""
    form = formats.form_of(folder)
    suffixes = {Path(pattern).suffix for pattern in (*formats.SETTINGS, *formats.SAFE)}
    suffixes |= {Path(pattern).suffix for pattern in formats.PICKLES} if form == "pickle" else set()
    suffixes |= {".py"} if card.remote_code else set()
    for path in sorted(folder.rglob("*")):
        if path.suffix in suffixes and path.is_file():
            yield path


def of_files(folder: Path, card: Card) -> dict[str, str]:
    """Return the hash of each of a model's files by its name within the folder."""
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files(folder, card)}


def find_false(folder: Path, digests: Mapping[str, str]) -> str | None:
    """Return the first file of the Hub's cache whose bytes are not those that the Hub stated; the cache names content by its hash.

    The server lied then, the disk is damaged, or somebody changed it. Small files are named by git's hash (by mirrors also by plain
    SHA-1), large ones by SHA-256.
    """
    for name, found in digests.items():
        path = folder / name
        stated = path.readlink().name if path.is_symlink() else ""
        if _SHA256_NAME.fullmatch(stated) and found != stated:
            return name
        if _SHA1_NAME.fullmatch(stated) and stated not in {git_blob(path), _sha1(path)}:
            return name
    return None


def find_outside(folder: Path, root: Path) -> str | None:
    """Return the first file below a folder that leads, through a link, out of the root."""
    real = root.resolve()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and not path.resolve().is_relative_to(real):
            return path.relative_to(folder).as_posix()
    return None


def remove(path: Path) -> None:
    """Remove a file of the Hub's cache, and the content that it leads to."""
    blob = path.parent / path.readlink() if path.is_symlink() else path
    path.unlink(missing_ok=True)
    blob.unlink(missing_ok=True)
