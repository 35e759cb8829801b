"""A ledger of what was seen: a revision whose files have changed since is an error, for a revision never changes."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.atomic import write_bytes
from harness.errors import CandidateError


def check(ledger: Path, source: str, revision: str, digests: Mapping[str, str]) -> bool:
    """Compare a revision's files with what was seen of it before, and note the new ones; False where they cannot be noted.

    One small file a revision, written whole or not at all. Of two writers at once the later one wins; what it lacks is noted again
    the next time.

    Raises:
        CandidateError: a file's bytes are not those seen before.
    """
    path = _path(ledger, source, revision)
    seen = _read(path)
    changed = sorted(name for name, digest in digests.items() if seen.get(name, digest) != digest)
    if changed:
        what = f"{', '.join(changed[:3])} changed, though the revision is the same: what was seen before had other bytes"
        hint = f"delete it from the Hub's cache and fetch it again; if you changed it yourself, delete {path}"
        raise CandidateError(what, where=f"{source} at {revision}", hint=hint)
    if digests.items() <= seen.items():
        return True
    return _write(path, {"source": source, "revision": revision, "sha256": dict(sorted((seen | dict(digests)).items()))})


def note_listing(ledger: Path, source: str, revision: str, names: Iterable[str]) -> bool:
    """Note the names of all files that a revision has on the Hub; False where they cannot be noted."""
    return _write(_path(ledger, source, revision, "-listing"), {"source": source, "revision": revision, "files": sorted(names)})


def listing(ledger: Path, source: str, revision: str) -> frozenset[str] | None:
    """Return the names of all files that a revision has on the Hub, None where nobody noted them."""
    found = _load(_path(ledger, source, revision, "-listing"), "files")
    return frozenset(map(str, found)) if isinstance(found, list) else None


def _path(ledger: Path, source: str, revision: str, kind: str = "") -> Path:
    return ledger / f"{hashlib.sha256(f'{source}@{revision}'.encode()).hexdigest()[:32]}{kind}.json"


def _write(path: Path, content: Mapping[str, object]) -> bool:
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, json.dumps(content, indent=1).encode())
        return True
    return False


def _load(path: Path, key: str) -> object:
    """Return what a file of the ledger has under a key; None where there is no such file or it cannot be read."""
    try:
        found: object = json.loads(path.read_bytes())[key]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return found


def _read(path: Path) -> dict[str, str]:
    """Return the digests by file; empty where there is no ledger yet or it cannot be read."""
    found = _load(path, "sha256")
    return {str(name): str(digest) for name, digest in found.items()} if isinstance(found, dict) else {}
