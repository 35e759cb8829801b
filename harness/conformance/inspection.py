"""All checks of candidates, from outside the processes in which their code runs."""

from __future__ import annotations

import os
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from harness.conformance.agenda import Agenda, again, checks
from harness.conformance.docket import Docket
from harness.conformance.finding import Finding
from harness.conformance.messages import Found
from harness.conformance.question import EARLY, Ending, Question, Timer, ask, read
from harness.core.candidate import Registered
from harness.core.trust import CAUTIOUS, Trust
from harness.errors import CandidateError, raise_all
from harness.load.candidates import list_files, load_cards
from harness.load.place import to_path
from harness.load.workspace import USER, Workspace

SECONDS = 60.0
_ANSWERS = "harness.conformance.answers"
_CARDS = (".yaml", ".yml")
_SUFFIXES = (*_CARDS, ".py")


@dataclass(frozen=True, slots=True)
class File:
    """A file of candidates; no names mean all that it holds. Of a plugin, which is not imported here, no cards are known.

    `fence` is the workspace that weights may not lie outside of, empty for the user's own.
    """

    path: Path
    cards: tuple[Registered, ...] = ()
    names: tuple[str, ...] = ()
    fence: str = ""


@dataclass(frozen=True, slots=True)
class _Round:
    """How often a file's candidates are asked: which question, what it is to report, and the seed of Python's hashes."""

    question: str
    agenda: Agenda
    seed: int


_FIRST = _Round("inspect", checks, 1)
_AGAIN = _Round("repeat", again, 2)


@dataclass(frozen=True, slots=True)
class _Terms:
    """What holds for all processes of an inspection: its folder, the time limit, and what is trusted."""

    folder: Path
    seconds: float
    trust: Trust


def find_files(target: str, workspace: Path, seconds: float) -> tuple[File, ...]:
    """Return the files that a path means (a card file, a plugin, a folder of these), or the file that defines a name.

    Raises:
        BenchError: there is no such file or name, or a card is not valid.
    """
    path = to_path(target, CandidateError, "the path given")
    if path.is_dir() and (files := _list(path)):
        return tuple(_open(file) for file in files)
    if path.suffix in _SUFFIXES or os.sep in target:
        if not path.is_file() or path.suffix not in _SUFFIXES:
            what = f'the folder "{target}" holds no candidates' if path.is_dir() else f'there is no card file or plugin "{target}"'
            raise CandidateError(what, where="the path given", hint="name a .yaml or .py file, a folder of such, or a candidate")
        return (_open(path),)
    return (_search(target, workspace, seconds),)


def inspect(file: File, seconds: float = SECONDS, trust: Trust = CAUTIOUS) -> list[Finding]:
    """Make every check of every candidate in a file. Each has so many seconds; one that ends its process ends no other.

    Raises:
        KeyboardInterrupt: the user wants to stop.
        SetupError: no process can be started.
    """
    with tempfile.TemporaryDirectory(prefix="bench-check-", ignore_cleanup_errors=True) as scratch:
        terms = _Terms(Path(scratch), seconds, trust)
        (terms.folder / "kept").mkdir()
        findings, sound = _visit_all(file, _FIRST, terms)
        if _is_plugin(file) and sound:
            findings += _visit_all(replace(file, names=sound), _AGAIN, terms)[0]
    return sorted(findings, key=lambda finding: _place(finding.subject, findings))


def _place(subject: str, findings: list[Finding]) -> int:
    return next(place for place, finding in enumerate(findings) if finding.subject == subject)


def _visit_all(file: File, asked: _Round, terms: _Terms) -> tuple[list[Finding], tuple[str, ...]]:
    """Look at one candidate after the other, going on in a new process where one ended the last.

    The names are of those that came to their end and whose answers are kept.
    """
    findings: list[Finding] = []
    lost: set[str] = set()
    left = file.names if _is_plugin(file) else tuple(item.card.name for item in file.cards)
    while left or (_is_plugin(file) and not lost):
        docket, ending = _visit(replace(file, names=left), asked, terms)
        # Of a file that is imported again only its candidates are told.
        findings += [found for found in docket.findings if found.check != "import" or (asked is _FIRST and not lost)]
        if ending is None:
            break
        findings.append(_fault(ending, docket, file))
        lost.add(docket.subject)
        # Where the file itself ended the process, nobody is left.
        left = docket.names[docket.names.index(docket.subject) + 1 :] if docket.subject in docket.names else ()
    sound = {found.subject for found in findings if found.check == "shape" and found.status != "failed"} - lost
    return findings, tuple(dict.fromkeys(found.subject for found in findings if found.subject in sound))


def _visit(file: File, asked: _Round, terms: _Terms) -> tuple[Docket, Ending | None]:
    """Ask one process for a file's candidates; return what it reported, and how it ended when not well or too soon."""
    timer = Timer(terms.seconds)
    docket = Docket(file.path.name, file.names, asked.agenda, timer)
    argument = {
        "path": str(file.path.resolve()),
        "cards": [item.card.model_dump(mode="json") for item in file.cards if item.card.name in file.names],
        "names": file.names,
        "kept": str(terms.folder / "kept"),
        "trust": asdict(terms.trust),
        "fence": file.fence,
    }
    folder = Path(tempfile.mkdtemp(dir=terms.folder))
    question = Question(f"{_ANSWERS}:{asked.question}", argument, folder, asked.seed)
    ending = ask(question, timer, docket.hear)
    return docket, ending or (None if docket.is_complete else EARLY)


def _is_plugin(file: File) -> bool:
    return file.path.suffix == ".py"


def _fault(ending: Ending, docket: Docket, file: File) -> Finding:
    where = ending.where or str(file.path)
    return Finding(subject=docket.subject, check=docket.check, status="failed", what=ending.what, where=where, hint=ending.hint)


def _list(folder: Path) -> list[Path]:
    """List the files of a folder of candidates, or of a workspace."""
    return list_files(folder) or list_files(folder / "candidates")


def _open(path: Path, root: Path | None = None, name: str = "") -> File:
    """Read cards; a plugin is imported where it can do no harm, later."""
    folder = path.resolve().parent
    root = root or (folder.parent if folder.name == "candidates" else folder)
    names = (name,) if name else ()
    if path.suffix not in _CARDS:
        return File(path, (), names)
    cards = load_cards(path, Workspace(USER, root))
    return File(path, tuple(card for card in cards if not name or card.card.name == name), names)


def _search(name: str, workspace: Path, seconds: float) -> File:
    """Find a name in the workspaces, in a process of its own: whatever plugins are there are imported for it."""
    found: list[Found] = []
    with tempfile.TemporaryDirectory(prefix="bench-check-", ignore_cleanup_errors=True) as scratch:
        argument = {"workspace": str(workspace.absolute()), "name": name}
        question = Question(f"{_ANSWERS}:find", argument, Path(scratch))
        ending = ask(question, Timer(seconds), lambda _kind, content: found.append(read(Found, content)))
    if ending or not found:
        what = f"a plugin of the workspace keeps names from being looked up: {(ending or EARLY).what}"
        where = (ending or EARLY).where or str(workspace)
        raise CandidateError(what, where=where, hint="name the file itself: bench candidates check PATH")
    raise_all([CandidateError(what, where=where, hint=hint) for what, where, hint in found[0].faults])
    file = _open(Path(found[0].path), Path(found[0].root), found[0].name)
    return replace(file, fence=found[0].fence)
