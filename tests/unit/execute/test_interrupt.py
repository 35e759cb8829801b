from __future__ import annotations

import os
import signal
import threading

import pytest

from harness.execute.interrupt import interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_once_is_a_wish_and_twice_is_now(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        _wish_twice(number)
    assert signal.getsignal(number) is before


def _wish_twice(number: signal.Signals) -> None:
    with interrupts() as is_stopped:
        assert not is_stopped()
        os.kill(os.getpid(), number)
        assert is_stopped()
        os.kill(os.getpid(), number)


def test_outside_the_main_thread_nothing_changes() -> None:
    found = []

    def ask() -> None:
        with interrupts() as is_stopped:
            found.append(is_stopped())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert found == [False]
