"""What a process has to report, in which order, and what it has reported: bench's own side of an inspection."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from harness.conformance.agenda import Agenda
from harness.conformance.finding import Finding, Status
from harness.conformance.messages import Abilities, Names
from harness.conformance.question import OutOfTurn, Timer, read
from harness.execute.uplink import Message

# For a process to end, once it has reported everything.
_PATIENCE_S = 5.0
Hearing = Generator[None, Message, None]


class Docket:
    """The candidates that one process is to report on, each check once and in its turn; `subject` and `check` are due next.

    A candidate's time begins when the one before has reported its last check, and nothing else gives it more.
    """

    def __init__(self, file: str, names: Sequence[str], agenda: Agenda, timer: Timer) -> None:
        """Expect these names, in their order; a plugin, which is a `file` that ends with .py, says its own where none are given."""
        self.subject, self.check = file, "import"
        self.names = tuple(names)
        self.findings: list[Finding] = []
        self.is_complete = False
        self._agenda, self._timer = agenda, timer
        self._hearing = self._hear_all()
        next(self._hearing)

    def hear(self, kind: str, content: str) -> None:
        """Take a message.

        Raises:
            OutOfTurn: it is not the one that is due.
        """
        if self.is_complete:
            raise _other(kind, "nothing more")
        try:
            self._hearing.send((kind, content))
        except StopIteration:
            self.is_complete = True
            self._timer.restart(_PATIENCE_S)

    def _hear_all(self) -> Hearing:
        if self.subject.endswith(".py"):
            imported = self._take(_content((yield), "finding"))
            self._announce(read(Names, _content((yield), "names")).names, imported)
        for name in self.names:
            self.subject = name
            self._timer.restart()
            yield from self._hear_candidate()

    def _hear_candidate(self) -> Hearing:
        able: list[Abilities] = []
        checks = self._agenda(lambda: _first(able))
        self.check = next(checks)
        while True:
            message = yield
            if self.check == "load" and message[0] == "able" and not able:
                able.append(read(Abilities, message[1]))
                message = yield
            status = self._take(_content(message, "finding"))
            if self.check == "capability" and status != "failed" and not _first(able).tried:
                raise OutOfTurn("it reports that it can do what its card names, and that it can do nothing")
            try:
                self.check = checks.send(status)
            except StopIteration:
                return

    def _take(self, content: str) -> Status:
        """Take the finding of the check that is due."""
        finding = read(Finding, content)
        if (finding.subject, finding.check) != (self.subject, self.check):
            raise _other(f"{finding.check} of {finding.subject}", f"{self.check} of {self.subject}")
        self.findings.append(finding)
        return finding.status

    def _announce(self, names: tuple[str, ...], imported: Status) -> None:
        """Take the names of a plugin's candidates; only a file that could not be imported has none."""
        if len(set(names)) < len(names) or (imported != "failed" and not names):
            raise OutOfTurn(f"it names {len(names)} candidates, of which {len(set(names))} differ")
        if self.names and names != self.names:
            raise OutOfTurn(f"imported again, it holds other candidates: {', '.join(names) or 'none'}")
        self.names = names


def _content(message: Message, kind: str) -> str:
    if message[0] != kind:
        raise _other(message[0], kind)
    return message[1]


def _first(able: list[Abilities]) -> Abilities:
    if not able:
        raise _other("a loaded model", "what it is able to do")
    return able[0]


def _other(found: str, due: str) -> OutOfTurn:
    return OutOfTurn(f"it reported out of turn: {found[:60]}, where {due} is due")
