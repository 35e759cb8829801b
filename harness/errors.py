"""Every error bench raises on purpose.

BenchError
├── WorkspaceError   a workspace, a run folder or the command line must be mended
├── TaskError        a task or its data must be mended
├── CandidateError   a card, a plugin or its model must be mended
│   └── Unavailable  a candidate's weights are not here and cannot be fetched: the candidate is skipped
│       └── Unreachable  because there is no network
└── SetupError       something must be installed
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

_LONGEST_LINE = 2000
_LONGEST_NAME = 200


class BenchError(Exception):
    """Say what happened, where, and what to do: three lines, without a traceback."""

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        """Keep the three parts; empty parts are left out of the text."""
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        """Return the lines a user reads."""
        lines = [one_line(self.what)]
        if self.where:
            lines.append(f"where: {one_line(self.where)}")
        if self.hint:
            lines.append(f"do:    {one_line(self.hint)}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel whole between processes."""
        return _rebuild, (type(self), self.what, self.where, self.hint)


class WorkspaceError(BenchError):
    """A workspace, a run folder or the command line must be mended."""


class TaskError(BenchError):
    """A task or its data must be mended."""


class CandidateError(BenchError):
    """A card, a plugin or its model must be mended."""


class Unavailable(CandidateError):  # noqa: N818 - a reason to skip, not a fault
    """A candidate's weights are not on this machine and cannot be fetched."""


class Unreachable(Unavailable):
    """The Hub does not answer, so that no other weights can be fetched either."""


class SetupError(BenchError):
    """Something must be installed; the hint is the exact line to type."""


class Faults(BenchError):  # noqa: N818 - the plural says what it is
    """Several faults, shown at once."""

    def __init__(self, faults: Sequence[BenchError]) -> None:
        """Collect at least one fault."""
        first = faults[0]
        super().__init__(first.what, where=first.where, hint=first.hint)
        self.faults = tuple(faults)

    def __str__(self) -> str:
        """Return every fault's lines, an empty line between them."""
        return "\n\n".join(str(fault) for fault in self.faults)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel whole between processes."""
        return Faults, (self.faults,)


def raise_all(faults: Sequence[BenchError]) -> None:
    """Raise the faults together if there are any.

    Raises:
        BenchError: the fault itself when it is alone, else `Faults`.
    """
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise Faults(faults)


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known words.

    >>> suggest("acuracy", ["accuracy", "macro_f1"])
    'use "accuracy" (known: accuracy, macro_f1)'
    """
    names = sorted(name[:_LONGEST_NAME] for name in known)
    near = difflib.get_close_matches(word[:_LONGEST_NAME], names, n=1, cutoff=0.6)
    shown = ", ".join(names[:12]) + (f", … {len(names)} in all" if len(names) > 12 else "")
    return f'use "{near[0]}" (known: {shown})' if near else f"known: {shown}"


def one_line(text: str) -> str:
    """Return what can be shown in one line of a terminal: a file's own content may be quoted here, and it may hold anything."""
    if len(text) > _LONGEST_LINE:
        text = text[: _LONGEST_LINE - 1] + "…"
    return text if text.isprintable() else "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _rebuild(kind: type[BenchError], what: str, where: str, hint: str) -> BenchError:
    return kind(what, where=where, hint=hint)


def is_interrupt(error: BaseException) -> bool:
    """Tell whether an error is Ctrl-C, or what compiled code of a library made of it: such keep only its name, in their text.

    >>> is_interrupt(KeyboardInterrupt()), is_interrupt(ValueError("Error building validator: KeyboardInterrupt: "))
    (True, True)
    """
    return isinstance(error, KeyboardInterrupt) or KeyboardInterrupt.__name__ in str(error)
