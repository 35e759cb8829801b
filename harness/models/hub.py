"""A model's files on the Hub: found in the Hub's cache, or fetched into it through huggingface_hub, and checked byte for byte."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import socket
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

from harness.core.cache_folder import cache_folder
from harness.core.card import Card
from harness.core.trust import Trust
from harness.errors import CandidateError, Unavailable, Unreachable
from harness.models import fingerprint, formats, pins
from harness.models.formats import Form
from harness.models.hub_faults import explained, understood
from harness.models.meter import Meter, megabytes

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

    from harness.models.connection import Patience

Tell = Callable[[str], None]
Named = TypeVar("Named")
_SPARE_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose files, and what the user trusts them with; how long to wait is left to the connection unless it is said."""

    card: Card
    trust: Trust
    patience: Patience | None = None

    @property
    def where(self) -> str:
        """Return what an error names."""
        card = self.card
        return f"card {card.name}, source {card.source}" + (f" at {card.revision}" if card.revision else "")


def find(wanted: Wanted, tell: Tell, *, offline: bool) -> Path:
    """Return the folder of the card's files, fetched if they are not on this machine yet; every byte of it is checked.

    Raises:
        Unavailable: they are not here and cannot be fetched, or are of a form that is not allowed.
        CandidateError: their bytes are not those that the Hub states, or not those that were seen before for the same revision.
    """
    from huggingface_hub import constants  # noqa: PLC0415 - only where a card names the Hub

    folder, offline = _find_cached(wanted), offline or constants.HF_HUB_OFFLINE
    if folder is None and offline:
        what = "its weights are not on this machine, or not all of them, and fetching is off (offline)"
        raise Unavailable(what, where=wanted.where, hint="run once with a network and without --offline")
    if folder is None:
        _check_reachable(wanted.where)
        folder = _fetch(wanted, tell)
    elif not _is_whole(wanted, folder):
        folder = _complete(wanted, folder, tell, offline=offline)
    _check_bytes(wanted, folder)
    return folder


def _is_whole(wanted: Wanted, folder: Path) -> bool:
    """Tell whether a folder of the cache is known to hold every file of the model that its repository has.

    Another program may have put only those there that it reads itself: without `1_Pooling` a model would be pooled in another way.
    """
    names = _known_names(wanted, folder)
    if names is None:  # huggingface_hub keeps listings too, of what was fetched as a whole, and has compared the folder with it
        return (_storage(wanted.card.source) / "trees" / f"{folder.name}.json").is_file()
    form = formats.form_of(folder)
    return form is not None and all((folder / name).is_file() for name in _select(wanted, form, sorted(names), str))


def _known_names(wanted: Wanted, folder: Path) -> frozenset[str] | None:
    with contextlib.suppress(RuntimeError):  # without a home folder there is no ledger
        return pins.listing(_ledger(), wanted.card.source, folder.name)
    return None


def _complete(wanted: Wanted, folder: Path, tell: Tell, *, offline: bool) -> Path:
    """Fetch what may be missing from a folder of the cache; where that cannot be done, take it as it is and say so."""
    reason = "fetching is off (offline)"
    if not offline:
        try:
            _check_reachable(wanted.where)
            # Of the same commit, even where the card pins none: to complete a model is not to renew it.
            return _fetch(replace(wanted, card=wanted.card.model_copy(update={"revision": folder.name})), tell)
        except Unavailable as error:
            reason = error.what
    what = "files may be missing, such as those that state its pooling and how long a text it reads"
    tell(f"{wanted.card.name}: found in the Hub's cache, where another program put it, and used as it is; {what}: {reason}")
    return folder


def _find_cached(wanted: Wanted) -> Path | None:
    """Return the folder if everything wanted is in it."""
    forms: tuple[Form, ...] = ("safetensors", "pickle")
    for form in forms[: 2 if wanted.trust.pickle else 1]:
        folder = _look(wanted, form)
        if folder is not None and formats.form_of(folder) == form and not formats.check_index(folder, form):
            return folder
    return None


def _look(wanted: Wanted, form: Form) -> Path | None:
    """Return the snapshot's folder unless huggingface_hub knows that files are missing from it."""
    from huggingface_hub import errors, snapshot_download  # noqa: PLC0415 - as above

    try:
        found = snapshot_download(
            wanted.card.source,
            revision=wanted.card.revision,
            allow_patterns=formats.patterns(wanted.card, wanted.trust, form),
            ignore_patterns=list(formats.NOT_WANTED),
            local_files_only=True,
        )
    except errors.HFValidationError as error:
        what = "that is no name of a repository on the Hub"
        raise Unavailable(what, where=wanted.where, hint="write OWNER/NAME; a local folder begins with ./, ../, ~ or /") from error
    except (errors.LocalEntryNotFoundError, errors.CacheNotFound, OSError):
        return None
    return Path(found)


def _check_reachable(where: str) -> None:
    """Try one connection to the Hub's host, so that a machine without a network is told within seconds and not after many retries.

    Raises:
        Unreachable: nothing answers there. Behind a proxy this cannot be told, and the download itself decides.
    """
    from huggingface_hub import constants  # noqa: PLC0415 - as above

    address = urlsplit(constants.ENDPOINT)
    if getproxies().get(address.scheme):
        return
    try:
        port = address.port or (80 if address.scheme == "http" else 443)
        socket.create_connection((address.hostname or "", port), timeout=5).close()
    except (OSError, ValueError) as error:
        what = f"its weights are not on this machine, and {address.hostname} cannot be reached"
        raise Unreachable(what, where=where, hint="check the network, or HF_ENDPOINT for a mirror") from error


def _fetch(wanted: Wanted, tell: Tell) -> Path:
    """Fetch what is missing. Whole files stay when others fail; what is left of one that broke off is removed."""
    from harness.models.connection import Connection, Patience, connected  # noqa: PLC0415 - as above

    meter = Meter(wanted.card.name, tell)
    connection = Connection(wanted.where, wanted.patience or Patience(), meter.add)
    with _quiet(), explained(wanted.card, wanted.where), connected(connection):
        listed = _list(wanted)
        form = formats.allow_form(_form_listed(listed), wanted.trust, wanted.where, [file.path for file in listed])
        files = _select(wanted, form, listed, lambda file: file.path)
        sweep(wanted.card.source)
        missing = [file for file in files if not _has(wanted, file)]
        size = sum(file.size for file in missing)
        _check_space(size, wanted.where)
        connection.expect(size)
        meter.start(len(missing), size)
        # In a thread of its own, so that Ctrl-C is heard at once: huggingface_hub would wait for its files first.
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(_download, wanted, form)
            try:
                folder = future.result()
            except BaseException:
                connection.stop()
                raise
        _compare(wanted, folder, files)
    with contextlib.suppress(RuntimeError):  # without a home folder there is no ledger
        pins.note_listing(_ledger(), wanted.card.source, folder.name, (file.path for file in listed))
    meter.finish()
    return folder


def _download(wanted: Wanted, form: Form) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - as above

    found = snapshot_download(
        wanted.card.source,
        revision=wanted.card.revision,
        allow_patterns=formats.patterns(wanted.card, wanted.trust, form),
        ignore_patterns=list(formats.NOT_WANTED),
    )
    return Path(found)


def _list(wanted: Wanted) -> list[RepoFile]:
    """Return what the Hub says of each file of the repository.

    Raises:
        CandidateError: a file's path leads out of the repository.
    """
    from huggingface_hub import HfApi  # noqa: PLC0415 - as above
    from huggingface_hub.hf_api import RepoFile  # noqa: PLC0415 - as above

    with understood(wanted.where):
        entries = HfApi().list_repo_tree(wanted.card.source, recursive=True, revision=wanted.card.revision)
        files = [entry for entry in entries if isinstance(entry, RepoFile)]
        _check_types(files)
    for file in files:
        path = PurePosixPath(file.path)
        if path.is_absolute() or ".." in path.parts or "\\" in file.path or file.size < 0:
            what = f'the Hub lists a file "{file.path[:100]}" that leads out of the repository'
            raise CandidateError(what, where=wanted.where, hint="check HF_ENDPOINT: this server is not to be trusted")
    return files


def _check_types(files: Sequence[RepoFile]) -> None:
    """Look at what huggingface_hub takes from a server as it is.

    Raises:
        TypeError: it is something else.
    """
    for file in files:
        sha256 = file.lfs.sha256 if file.lfs else ""
        if not (
            isinstance(file.path, str) and isinstance(file.size, int) and isinstance(file.blob_id, str) and isinstance(sha256, str)
        ):
            msg = "a file without path, size or hash"
            raise TypeError(msg)


def _form_listed(listed: Sequence[RepoFile]) -> Form | None:
    forms: tuple[Form, ...] = ("safetensors", "pickle")
    return next((form for form in forms if any(formats.is_weights(file.path, form) for file in listed)), None)


def _select(wanted: Wanted, form: Form, listed: Sequence[Named], name_of: Callable[[Named], str]) -> list[Named]:
    """Return those of a repository's files of which the model is made."""
    from huggingface_hub.utils._paths import filter_repo_objects  # noqa: PLC0415 - as above

    chosen = filter_repo_objects(
        listed,
        allow_patterns=formats.patterns(wanted.card, wanted.trust, form),
        ignore_patterns=list(formats.NOT_WANTED),
        key=name_of,
    )
    return list(chosen)


def _has(wanted: Wanted, file: RepoFile) -> bool:
    """Tell whether a file's content is in the cache already."""
    name = file.lfs.sha256 if file.lfs else file.blob_id
    return (_storage(wanted.card.source) / "blobs" / name).is_file()


def _ledger() -> Path:
    """Return where the ledger lies.

    Raises:
        RuntimeError: there is no home folder.
    """
    return cache_folder(os.environ) / "pins"


def _storage(source: str) -> Path:
    from huggingface_hub import constants  # noqa: PLC0415 - as above

    return Path(constants.HF_HUB_CACHE).expanduser() / f"models--{source.replace('/', '--')}"


def sweep(source: str) -> None:
    """Remove parts of files that an ended process left, which nobody can go on with; files that somebody is fetching now stay."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - as above

    storage = _storage(source)
    for path in (storage / "blobs").glob("*.incomplete"):
        lock = storage.parent / ".locks" / storage.name / f"{path.name.partition('.')[0]}.lock"
        with contextlib.suppress(OSError, Timeout), FileLock(lock, timeout=0):
            path.unlink(missing_ok=True)


def _check_space(size: int, where: str) -> None:
    """Refuse a download that cannot fit, before its first byte.

    Raises:
        Unavailable: it cannot.
    """
    from huggingface_hub import constants  # noqa: PLC0415 - as above

    place = Path(constants.HF_HUB_CACHE).expanduser().absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if size and size + _SPARE_BYTES > free:
        what = f"its weights do not fit on the disk: {megabytes(size)} to fetch, {megabytes(free)} free"
        raise Unavailable(what, where=f"{where}; cache {place}", hint="make room, or let HF_HOME name a folder on another disk")


def _compare(wanted: Wanted, folder: Path, files: Sequence[RepoFile]) -> None:
    """Compare what was received with what the Hub's listing states; huggingface_hub itself looks at lengths only.

    Raises:
        CandidateError: another content came; it is removed.
    """
    false = [file.path for file in files if not _is_true(folder / file.path, file)]
    for name in false:
        fingerprint.remove(folder / name)
    if false:
        what = f"the bytes of {', '.join(false[:3])} are not those that the Hub states; they were thrown away"
        raise CandidateError(what, where=wanted.where, hint="try again; if it stays so, the server is not to be trusted")


def _is_true(path: Path, file: RepoFile) -> bool:
    if not path.is_file():
        return False
    return fingerprint.sha256(path) == file.lfs.sha256 if file.lfs else fingerprint.git_blob(path) == file.blob_id


def _check_bytes(wanted: Wanted, folder: Path) -> None:
    """Compare the files with their names in the cache and with what was seen of this revision before.

    Raises:
        CandidateError: a file differs, or leads out of the cache.
    """
    if wanted.card.remote_code:
        formats.check_code(folder, wanted.card)
    outside = fingerprint.find_outside(folder, folder.parents[2])
    if outside:
        what = f"{outside} is a link that leads out of the Hub's cache"
        raise CandidateError(what, where=str(folder), hint=f"remove {folder} and fetch it again")
    digests = fingerprint.of_files(folder, wanted.card)
    false = fingerprint.find_false(folder, digests)
    if false:
        what = f"the bytes of {false} are not those that the Hub stated for it"
        hint = f"remove {(folder / false).resolve()} and fetch it again: the disk is damaged, or somebody changed the file"
        raise CandidateError(what, where=str(folder / false), hint=hint)
    with contextlib.suppress(RuntimeError):  # without a home folder there is no ledger
        pins.check(_ledger(), wanted.card.source, folder.name, digests)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep huggingface_hub's bars and warnings off the screen, and its downloads on plain HTTP: only that is timed and resumed."""
    from huggingface_hub import constants  # noqa: PLC0415 - as above
    from huggingface_hub.utils.tqdm import (  # noqa: PLC0415 - as above
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    logger, had_bars, xet = logging.getLogger("huggingface_hub"), not are_progress_bars_disabled(), constants.HF_HUB_DISABLE_XET
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.CRITICAL)
        disable_progress_bars()
        constants.HF_HUB_DISABLE_XET = True
        try:
            yield
        finally:
            constants.HF_HUB_DISABLE_XET = xet
            logger.setLevel(level)
            if had_bars:
                enable_progress_bars()
