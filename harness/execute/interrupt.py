"""Ctrl-C: once to stop in good order, twice to stop now."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interrupts() -> Iterator[Callable[[], bool]]:
    """Give a question that is answered with yes once the user wants to stop; a second wish raises KeyboardInterrupt.

    Outside the main thread nothing changes: there, signals do not arrive.
    """
    wishes: list[int] = []

    def wish(number: int, _frame: object) -> None:
        wishes.append(number)
        if len(wishes) > 1:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, wish) for number in _SIGNALS}
    try:
        yield lambda: bool(wishes)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
