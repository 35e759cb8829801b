"""All checks of candidates, from outside the processes in which their code runs."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from harness.conformance.finding import Finding
from harness.conformance.supervisor import Ending, Place, Process
from harness.core.candidate import Registered
from harness.core.trust import CAUTIOUS, Trust
from harness.errors import BenchError, CandidateError, raise_all
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


@dataclass(slots=True)
class _Visit:
    """What one process told: its findings, the candidates it was to look at, and where it was at its end."""

    findings: list[Finding] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    subject: str = ""
    check: str = ""

    def take(self, kind: str, content: object) -> None:
        """Take a message; what is not of its form is ignored, since a candidate could have written it."""
        match kind, content:
            case "begin", str():
                self.subject, self.check = content, "load"
            case "check", str():
                self.check = content
            case "end", str():
                self.done.append(content)
            case "names", list():
                self.names = [str(name) for name in content]
            case "finding", dict():
                with contextlib.suppress(ValidationError):
                    self.findings.append(Finding.model_validate(content))


@dataclass(frozen=True, slots=True)
class _Asked:
    """How a process is asked: its scratch folder, the time limit, what is trusted, whom it is to leave out, and its seed."""

    room: Path
    seconds: float
    trust: Trust
    done: tuple[str, ...] = ()
    seed: int = 1


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
    """Make every check of every candidate in a file. Each has so many seconds; one that ends its process ends no other."""
    with tempfile.TemporaryDirectory(prefix="bench-check-", ignore_cleanup_errors=True) as scratch:
        room = Path(scratch)
        (room / "kept").mkdir()
        asked = _Asked(room, seconds, trust)
        findings, ended = _visit_all(file, asked)
        if file.path.suffix == ".py" and any((room / "kept").iterdir()):
            findings += _repeat(file, replace(asked, done=tuple(ended), seed=2))
    return sorted(findings, key=lambda finding: _place(finding.subject, findings))


def _place(subject: str, findings: list[Finding]) -> int:
    return next(place for place, finding in enumerate(findings) if finding.subject == subject)


def _visit_all(file: File, asked: _Asked) -> tuple[list[Finding], list[str]]:
    """Look at one candidate after the other, going on in a new process where one ended the last; return whom that was, too."""
    findings: list[Finding] = []
    done: list[str] = []
    ended: list[str] = []
    while True:
        visit = _Visit()
        ending = _ask("inspect", file, replace(asked, done=tuple(done)), visit)
        findings += [found for found in visit.findings if found.check != "import" or not done]
        if ending is None:
            return findings, ended
        findings.append(_fault(ending, visit, file))
        ended.append(visit.subject)
        done += [*visit.done, visit.subject]
        # The file itself, and not a candidate, ended the process, or nobody is left.
        if visit.subject not in visit.names or set(visit.names) <= set(done):
            return findings, ended


def _repeat(file: File, asked: _Asked) -> Iterator[Finding]:
    """Ask every candidate again in another process, with another seed for Python's hashes."""
    visit = _Visit()
    ending = _ask("repeat", file, asked, visit)
    yield from (finding for finding in visit.findings if finding.check == "processes")
    if ending is not None:
        yield _fault(ending, visit, file)


def _ask(question: str, file: File, asked: _Asked, visit: _Visit) -> Ending | None:
    """Put one question about a file, filling `visit`, and return how it ended when not well."""
    with tempfile.TemporaryDirectory(dir=asked.room, ignore_cleanup_errors=True) as folder:
        argument = {
            "path": str(file.path.resolve()),
            "cards": [item.card.model_dump(mode="json") for item in file.cards],
            "names": file.names,
            "done": asked.done,
            "kept": str(asked.room / "kept"),
            "trust": asdict(asked.trust),
            "fence": file.fence,
        }
        process = Process(f"{_ANSWERS}:{question}", argument, Place(Path(folder), asked.room / "log", asked.seed))
        for kind, content in process.messages(asked.seconds):
            visit.take(kind, content)
        return process.ending


def _fault(ending: Ending, visit: _Visit, file: File) -> Finding:
    hint = (
        "look for a loop or a lock that never ends, or give it more time with --timeout"
        if ending.is_late
        else "raise an exception where something is wrong; compiled code must not crash"
    )
    subject = visit.subject or file.path.name
    where = ending.where or str(file.path)
    return Finding(subject=subject, check=visit.check or "import", status="failed", what=ending.what, where=where, hint=hint)


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
    with tempfile.TemporaryDirectory(prefix="bench-check-", ignore_cleanup_errors=True) as scratch:
        argument = {"workspace": str(workspace.absolute()), "name": name}
        process = Process(f"{_ANSWERS}:find", argument, Place(Path(scratch), Path(scratch, "log")))
        faults: list[BenchError] = []
        for kind, content in process.messages(seconds):
            if kind == "found" and isinstance(content, dict):
                found = _open(Path(content["path"]), Path(content["root"]), content["name"])
                return replace(found, fence=content["fence"])
            if kind == "faults" and isinstance(content, list):
                faults += [CandidateError(what, where=where, hint=hint) for what, where, hint in content]
        raise_all(faults)
        ending = process.ending
    what = f"a plugin of the workspace keeps names from being looked up: {ending.what if ending else 'no answer came'}"
    place = ending.where if ending and ending.where else str(workspace)
    raise CandidateError(what, where=place, hint="name the file itself: bench candidates check PATH")
