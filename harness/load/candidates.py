"""The candidates of all workspaces, and which of them a user means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from harness.builtin import builtin_root
from harness.core.candidate import Broken, Candidate, Registered
from harness.core.card import PROPRIETARY, Card, Modality, Options
from harness.errors import BenchError, CandidateError, WorkspaceError, raise_all, suggest
from harness.load.faults import each_fault, validate
from harness.load.place import show, to_path
from harness.load.plugin import ForeignError, import_file
from harness.load.plugin_cards import Answer, read_cards
from harness.load.served_cards import plugin_fault, served_faults
from harness.load.workspace import Workspace
from harness.load.yaml_file import YamlFile, read_yaml

ADAPTERS = ("transformers", "timm", "open_clip", "openai")
SERVED = "openai"
SUFFIXES = (".yaml", ".yml", ".py")
_FORM = "end the file with `candidates = (Candidate(card, load),)`"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every candidate that the workspaces hold, in their order."""

    registered: tuple[Registered, ...]
    broken: tuple[Broken, ...]


def load_candidates(workspaces: Sequence[Workspace]) -> Catalogue:
    """Read all cards and plugins.

    A plugin file that cannot be imported is kept as `Broken`, so that the others run. Files that are not bench's own are imported
    in another process, one a workspace.

    Raises:
        BenchError: every fault of every card file at once, and every name that one workspace holds twice.
    """
    registered: list[Registered] = []
    broken: list[Broken] = []
    faults: list[BenchError] = []
    for workspace in workspaces:
        own: list[Registered] = []
        for path in list_files(workspace.root / "candidates", (".yaml", ".yml")):
            own += _gather(path, workspace, faults)
        for path, answer in _read_plugins(workspace):
            if isinstance(answer, Broken):
                broken.append(answer)
            else:
                own += [_register(card, path, workspace, is_plugin=True) for card in answer]
        faults += _duplicates(own)
        registered += own
    raise_all(faults)
    return Catalogue(tuple(registered), tuple(broken))


def _read_plugins(workspace: Workspace) -> Iterable[tuple[Path, Answer]]:
    paths = list_files(workspace.root / "candidates", (".py",))
    if workspace.root.resolve() == builtin_root().resolve():
        return [(path, tuple(plugin.card for plugin in load_plugin(path))) for path in paths]
    return zip(paths, read_cards(paths), strict=True)


def load_cards(path: Path, workspace: Workspace) -> tuple[Registered, ...]:
    """Read one card file, wherever it lies; a relative source is relative to the workspace.

    Raises:
        BenchError: every fault of the file at once, and every name that it holds twice.
    """
    faults: list[BenchError] = []
    found = _gather(path, workspace, faults)
    raise_all(faults + _duplicates(found))
    return tuple(found)


def load_plugin(path: Path) -> tuple[Candidate, ...]:
    """Import a plugin file and return the candidates it exports.

    Raises:
        ForeignError: when it cannot be imported, exports something else, or names a server in a way that no plugin may.
    """
    exported = getattr(import_file(path), "candidates", None)
    if exported is None:
        msg = "the file exports no `candidates`"
        raise ForeignError(msg, where=str(path), hint=_FORM)
    if not isinstance(exported, tuple | list) or not exported:
        msg = f"`candidates` is {type(exported).__name__}, not a tuple of candidates"
        raise ForeignError(msg, where=str(path), hint=_FORM)
    for item in exported:
        if not isinstance(item, Candidate) or not isinstance(item.card, Card) or not callable(item.load):
            msg = f"`candidates` holds {type(item).__name__}, which is not a Candidate(card, load)"
            raise ForeignError(msg, where=str(path), hint=_FORM)
        if fault := plugin_fault(item.card):
            raise ForeignError(fault[0], where=str(path), hint=fault[1])
    return tuple(exported)


def select(catalogue: Catalogue, patterns: Sequence[str], modality: Modality, *, kind: str = "") -> tuple[Registered | Broken, ...]:
    """Return what the patterns name, in catalogue order; no pattern means every candidate of the modality that suits the kind.

    A pattern is a name or has wildcards (`bge-*`); `WORKSPACE:` before it looks in that workspace alone. Baselines that suit
    always take part. A named candidate of another modality is returned too: screening says why it does not take part.

    Raises:
        CandidateError: for names that match nothing, all at once.
        WorkspaceError: when two selected candidates have the same name.
    """

    def suits(card: Card) -> bool:
        return modality in card.modality and card.suits(kind)

    raise_all([_unknown(pattern, catalogue, "--candidates") for pattern in patterns if not _matches(catalogue, pattern)])
    wanted = {id(item) for pattern in patterns for item in _matches(catalogue, pattern)}
    chosen: list[Registered | Broken] = []
    chosen += [item for item in catalogue.registered if (id(item) in wanted if patterns else suits(item.card))]
    chosen += [item for item in catalogue.broken if not patterns or id(item) in wanted]
    names = {item.card.name for item in chosen if isinstance(item, Registered)}
    baselines = (item for item in catalogue.registered if item.card.baseline and suits(item.card))
    chosen += [item for item in baselines if item.card.name not in names]
    raise_all(_duplicates(item for item in chosen if isinstance(item, Registered)))
    return tuple(chosen)


def find_candidate(catalogue: Catalogue, name: str) -> Registered | Broken:
    """Return the candidate that a name, or `WORKSPACE:NAME`, means.

    Raises:
        CandidateError: when there is none.
        WorkspaceError: when two workspaces have one.
    """
    found = [item for item in _matches(catalogue, name) if not isinstance(item, Registered) or name.endswith(item.card.name)]
    if not found:
        raise _unknown(name, catalogue, "the name given")
    raise_all(_duplicates(item for item in found if isinstance(item, Registered)))
    return found[0]


def list_files(folder: Path, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """List files by suffix in order of name; a leading `_` or `.` hides one."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix in suffixes and path.is_file() and path.name[0] not in "._")


def _gather(path: Path, workspace: Workspace, faults: list[BenchError]) -> list[Registered]:
    """Read a card file, adding what is wrong with it to `faults`."""
    try:
        file = read_yaml(path, CandidateError)
    except BenchError as error:
        faults += each_fault(error)
        return []
    if not isinstance(file.content, list):
        faults.append(CandidateError("expected a list of cards", where=file.locate(()), hint="begin each card with `- name: …`"))
        return []
    found = []
    for index, content in enumerate(file.content):
        card = validate(Card, content, file, CandidateError, at=(index,))
        problems = _adapter_faults(card, file, index) if isinstance(card, Card) else card
        faults += problems
        if isinstance(card, Card) and not problems:
            found.append(_register(card, path, workspace, is_plugin=False))
    return found


def _adapter_faults(card: Card, file: YamlFile, index: int) -> list[BenchError]:
    """Check what a card needs when no Python stands behind it."""
    faults: list[BenchError] = []
    for key in ("adapter", "source"):
        if not getattr(card, key):
            what = f'the card "{card.name}" names no {key}'
            hint = (
                f"add `adapter: …` ({', '.join(ADAPTERS)})"
                if key == "adapter"
                else "add `source: …`, a Hub id, a local folder or a server's address"
            )
            faults.append(CandidateError(what, where=file.locate((index, key)), hint=hint))
    faults += served_faults(card, file, index)
    if card.source.startswith((".", "/", "~")):
        try:
            to_path(card.source, CandidateError, file.locate((index, "source")))
        except CandidateError as error:
            faults.append(error)
    if card.adapter and card.adapter not in ADAPTERS:
        place = file.locate((index, "adapter"))
        faults.append(CandidateError(f'unknown adapter "{card.adapter}"', where=place, hint=suggest(card.adapter, ADAPTERS)))
    return faults + _option_faults(card, file, index)


def _option_faults(card: Card, file: YamlFile, index: int) -> list[BenchError]:
    """Refuse options that the card's adapter would not read: pictures have no prompt, and only some pools are the user's choice."""
    if card.adapter not in ADAPTERS or (card.adapter == "transformers" and card.modality[:1] == ("text",)):
        return []
    takes_pooling = card.adapter == "transformers"
    asked: dict[str, object] = {key: getattr(card.options, key) for key in Options.model_fields}
    if card.adapter == SERVED:
        asked = {key: asked[key] for key in ("pooling", "layers")}
    if takes_pooling and card.options.pooling in {"cls", "mean"}:
        del asked["pooling"]
    return [
        CandidateError(
            f'the adapter "{card.adapter}" for {" and ".join(card.modality)} does not know options.{key}: {value}',
            where=file.locate((index, "options", key)),
            hint="use cls or mean, or leave it out" if takes_pooling and key == "pooling" else "leave it out",
        )
        for key, value in asked.items()
        if value
    ]


def _register(card: Card, path: Path, workspace: Workspace, *, is_plugin: bool) -> Registered:
    if card.source.startswith(("./", "../")):
        card = card.model_copy(update={"source": str((workspace.root / card.source).resolve())})
    elif card.source.startswith("~"):
        card = card.model_copy(update={"source": str(to_path(card.source, CandidateError, show(path)))})
    return Registered(card, str(path), workspace.name, is_plugin, tuple(find_doubts(card)))


def find_doubts(card: Card) -> Iterable[str]:
    """Say what about a card makes a result hard to repeat or to use."""
    if card.is_hub and card.revision is None:
        yield f"{card.name}: the revision is not pinned, so its weights may change between runs"
    if card.license == "unknown":
        yield f"{card.name}: the license is unknown"
    if card.license == PROPRIETARY and card.links.terms is None:
        yield f"{card.name}: the license is proprietary, and links.terms does not say where its terms stand"
    if card.remote is not None and card.remote.key_variable and card.source.startswith("http://"):
        yield f"{card.name}: its key is sent to {card.host} without encryption"


def _duplicates(registered: Iterable[Registered]) -> list[BenchError]:
    """Return a fault for every name that occurs more than once, with all its places."""
    places: dict[str, list[Registered]] = {}
    for item in registered:
        places.setdefault(item.card.name, []).append(item)
    faults: list[BenchError] = []
    for name, items in places.items():
        if len(items) > 1:
            spaces = list(dict.fromkeys(item.workspace for item in items))
            choice = " or ".join(f"{space}:{name}" for space in spaces)
            hint = f"rename one, or choose with {choice}" if len(spaces) > 1 else "rename one"
            paths = " and ".join(show(Path(item.path)) for item in items)
            faults.append(WorkspaceError(f'the candidate "{name}" is defined {len(items)} times', where=paths, hint=hint))
    return faults


def _matches(catalogue: Catalogue, pattern: str) -> list[Registered | Broken]:
    space, colon, rest = pattern.rpartition(":")
    found: list[Registered | Broken] = [
        item for item in catalogue.registered if fnmatchcase(item.card.name, rest) and (not colon or item.workspace == space)
    ]
    return found + [item for item in catalogue.broken if not colon and fnmatchcase(item.name, rest)]


def _unknown(pattern: str, catalogue: Catalogue, where: str) -> CandidateError:
    names = {item.card.name for item in catalogue.registered}
    hint = suggest(pattern.rpartition(":")[2], names) if names else "there are none; `bench init` writes an example"
    if catalogue.broken:
        hint += "; these files could not be imported: " + ", ".join(
            f"{show(Path(item.path))} ({item.error})" for item in catalogue.broken
        )
    return CandidateError(f'unknown candidate "{pattern}"', where=where, hint=hint)
