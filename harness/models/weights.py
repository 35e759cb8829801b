"""Where a card's weights lie: find them on this machine, or fetch them. Nothing is unpickled and no code is fetched."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import socket
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from harness.core.card import Card
from harness.errors import CandidateError, Unavailable, Unreachable

# What a model is made of; anything else in a repository (pickles, code, other frameworks' weights) is never fetched.
_WANTED = ["*.json", "*.txt", "*.model", "*.tiktoken", "*.safetensors"]
_NOT_WANTED = ["onnx/*", "openvino/*", "*/onnx/*", "coreml/*", "*.onnx.json"]


def locate(card: Card, *, offline: bool) -> Path | None:
    """Return the folder with the card's weights, fetching it from the Hub if need be; None where there are none to find.

    Raises:
        Unavailable: the weights are not on this machine and cannot be fetched, or are not safetensors.
    """
    if not card.source or card.source.startswith("random:"):
        return None
    if card.source.startswith("python:"):
        folder = _inside_package(card)
    elif card.is_hub:
        folder = _from_hub(card, offline=offline)
    else:
        folder = Path(card.source).expanduser()
        if not folder.is_dir():
            what = f"no folder {folder}"
            raise Unavailable(what, where=f"card {card.name}, key source", hint="put the weights there, or mend the path")
    if not any(folder.glob("*.safetensors")):
        what = "its weights are not in safetensors form; other forms can run code when they are read"
        raise Unavailable(what, where=str(folder), hint="convert them with the safetensors package, or choose another source")
    return folder


def digest(folder: Path | None, card: Card) -> str:
    """Return a hash of the source: of every file of the model where there is a folder, else of the card."""
    total = hashlib.sha256(card.model_dump_json().encode())
    for path in sorted(folder.rglob("*")) if folder is not None else ():
        if path.is_file() and path.suffix in {".json", ".txt", ".model", ".safetensors"}:
            with path.open("rb") as stream:
                total.update(f"{path.relative_to(str(folder))}\0".encode() + hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def read_json(path: Path) -> dict[str, object]:
    """Return a configuration file's object, empty where the file is absent.

    Raises:
        CandidateError: the file is not JSON, or not an object.
    """
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        what = f"cannot read {path.name}: {error}"
        raise CandidateError(what, where=str(path), hint="fetch the model again") from error
    return found if isinstance(found, dict) else {}


def _inside_package(card: Card) -> Path:
    package = card.source.removeprefix("python:")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        what = f"the package {package} is not installed"
        raise Unavailable(what, where=f"card {card.name}, key source", hint=f"pip install {package.replace('_', '-')}")
    root = Path(next(iter(spec.submodule_search_locations)))
    folders = [folder for folder in (root, *sorted(root.iterdir())) if (folder / "config.json").is_file()]
    if len(folders) != 1:
        what = f"the package {package} holds {len(folders)} model folders, one is expected"
        raise Unavailable(what, where=str(root), hint="name the folder itself as the card's source")
    return folders[0]


def _check_reachable(where: str) -> None:
    """Try one connection to the Hub's host, so that a machine without a network is told within seconds and not after many retries.

    Raises:
        Unreachable: nothing answers there. Behind a proxy this cannot be told, and the download itself decides.
    """
    from huggingface_hub import constants  # noqa: PLC0415 - only where a card names the Hub

    address = urlsplit(constants.ENDPOINT)
    if getproxies().get(address.scheme):
        return
    try:
        port = address.port or (80 if address.scheme == "http" else 443)
        socket.create_connection((address.hostname or "", port), timeout=5).close()
    except OSError as error:
        what = f"its weights are not on this machine, and {address.hostname} cannot be reached"
        raise Unreachable(what, where=where, hint="check the network, or HF_ENDPOINT for a mirror") from error


def _from_hub(card: Card, *, offline: bool) -> Path:
    from huggingface_hub import errors, snapshot_download  # noqa: PLC0415 - only where a card names the Hub

    where = f"card {card.name}, source {card.source}" + (f" at {card.revision}" if card.revision else "")

    def download(*, local: bool) -> Path:
        found = snapshot_download(
            card.source, revision=card.revision, allow_patterns=_WANTED, ignore_patterns=_NOT_WANTED, local_files_only=local
        )
        return Path(found)

    try:
        folder = download(local=True)
        if offline or any(folder.glob("*.safetensors")):
            return folder
    except (errors.LocalEntryNotFoundError, errors.CacheNotFound, FileNotFoundError) as error:
        if offline:
            what = "its weights are not on this machine, and fetching is off (offline)"
            raise Unavailable(what, where=where, hint="run once with a network and without --offline") from error
    _check_reachable(where)
    try:
        return download(local=False)
    except errors.GatedRepoError as error:
        what = "its repository is gated: the license must be accepted on the Hub first"
        raise Unavailable(
            what, where=where, hint=f"accept it on https://huggingface.co/{card.source}, then `hf auth login`"
        ) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.HFValidationError) as error:
        what = "the Hub has no such repository or revision"
        raise Unavailable(what, where=where, hint="mend source or revision in the card") from error
    except (errors.HfHubHTTPError, errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError, OSError) as error:
        what = "its weights are not on this machine, and the Hub does not answer"
        raise Unreachable(what, where=where, hint="check the network, or HF_ENDPOINT for a mirror") from error
