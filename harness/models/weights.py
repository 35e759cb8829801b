"""Where a card's weights lie: found on this machine, or fetched. Nothing is unpickled here, and no code is run or unpacked."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path

from harness.core.candidate import Registered
from harness.core.card import Card
from harness.core.trust import CAUTIOUS, Trust
from harness.errors import CandidateError, Unavailable
from harness.models import fingerprint, formats, hub, servers
from harness.models.json_file import read_json

__all__ = ["digest", "locate", "obtain", "read_json", "source_digest", "tell_remote_code"]

Tell = Callable[[str], None]
# The user's own workspace: its cards may name any folder of the machine.
_OWN = "user"


def obtain(candidate: Registered, *, offline: bool, trust: Trust = CAUTIOUS, tell: Tell | None = None) -> Path | None:
    """Return the folder with a candidate's weights, fetching it if need be; None where there are none to find.

    A card of an add-on or of bench itself may name folders of its own workspace only. Of a server it is looked at whether it may be
    called, by a plugin too whose card names one.

    Raises:
        Unavailable: they are not on this machine and cannot be fetched, or the user does not trust their form.
        CandidateError: they are not what they should be.
    """
    if candidate.card.remote is not None:
        servers.check_leave(candidate.card, trust, offline=offline, is_own=candidate.workspace == _OWN)
    if candidate.is_plugin or candidate.card.remote is not None:
        return None
    root = None if candidate.workspace == _OWN else Path(candidate.path).parents[1]
    return locate(candidate.card, offline=offline, trust=trust, tell=tell, root=root)


def locate(
    card: Card, *, offline: bool, trust: Trust = CAUTIOUS, tell: Tell | None = None, root: Path | None = None
) -> Path | None:
    """Return the folder with the card's weights, fetching it from the Hub if need be; None where there are none to find.

    `tell` gets plain lines of progress, from several threads but one at a time. A local folder must lie within `root`, if given.

    Raises:
        Unavailable: the weights are not on this machine and cannot be fetched, or the user does not trust their form.
        CandidateError: they are not what they should be.
    """
    if not card.source or card.source.startswith("random:"):
        return None
    if card.remote_code and not trust.remote_code:
        what = "it cannot be loaded without running Python from its repository"
        hint = "read that code; if you trust it, give --allow-remote-code"
        raise Unavailable(what, where=f"card {card.name}, key remote_code", hint=hint)
    if card.is_hub:
        return hub.find(hub.Wanted(card, trust), tell or (lambda _line: None), offline=offline)
    return _check_local(_inside_package(card) if card.source.startswith("python:") else _local(card, root), card, trust)


def digest(folder: Path | None, card: Card) -> str:
    """Return a hash of the card, and of every file that can change what the model computes."""
    total = hashlib.sha256(card.model_dump_json().encode())
    if folder is not None:
        for name, found in fingerprint.of_files(folder, card).items():
            total.update(f"{name}\0{found}\0".encode())
    return total.hexdigest()


def source_digest(candidate: Registered, folder: Path | None) -> str:
    """Return a hash of all that a candidate is made of: card, files, and the plugin's own file, but not what that imports."""
    plugin = fingerprint.sha256(Path(candidate.path)) if candidate.is_plugin else ""
    return hashlib.sha256(f"{plugin}\0{digest(folder, candidate.card)}".encode()).hexdigest()


def tell_remote_code(cards: Iterable[Card], trust: Trust) -> str:
    """Return the sentence for the report that names the candidates whose own code was run, empty if there are none."""
    names = [card.name for card in cards if card.remote_code and card.source and trust.remote_code]
    return f"Python from their repositories was run, as --allow-remote-code permits: {', '.join(names)}" if names else ""


def _local(card: Card, root: Path | None) -> Path:
    folder = Path(card.source).expanduser()
    where = f"card {card.name}, key source"
    if root is not None and not folder.resolve().is_relative_to(root.resolve()):
        what = f"the folder {folder} is outside of the workspace that the card belongs to"
        raise CandidateError(what, where=where, hint="copy the card into your own workspace if you trust it")
    if folder.is_file():
        what = f"{folder.name} is a file, not a folder; archives are not unpacked"
        raise Unavailable(what, where=where, hint="name the folder that holds config.json and the weights")
    if not folder.is_dir():
        what = f"no folder {folder}"
        raise Unavailable(what, where=where, hint="put the weights there, or mend the path")
    if root is not None:
        _check_links(folder, root, where)
    return folder


def _check_local(folder: Path, card: Card, trust: Trust) -> Path:
    form = formats.readable_form(folder, card, trust)
    missing = formats.check_index(folder, form)
    if missing:
        what = f"{len(missing)} part{'s' if len(missing) > 1 else ''} of its weights are missing, {missing[0].name} first"
        raise Unavailable(what, where=str(folder), hint="put them there")
    if card.remote_code:
        formats.check_code(folder, card)
    return folder


def _check_links(folder: Path, root: Path, where: str) -> None:
    outside = fingerprint.find_outside(folder, root)
    if outside:
        what = f"{outside} is a link that leads out of {root}"
        raise CandidateError(what, where=where, hint="put the file itself there")


def _inside_package(card: Card) -> Path:
    where, package = f"card {card.name}, key source", card.source.removeprefix("python:")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        what = f"the package {package} is not installed"
        raise Unavailable(what, where=where, hint=f"pip install {package.replace('_', '-')}")
    root = Path(next(iter(spec.submodule_search_locations)))
    folders = [folder for folder in (root, *sorted(root.iterdir())) if (folder / "config.json").is_file()]
    if len(folders) != 1:
        what = f"the package {package} holds {len(folders)} model folders, one is expected"
        raise Unavailable(what, where=str(root), hint="name the folder itself as the card's source")
    return folders[0]
