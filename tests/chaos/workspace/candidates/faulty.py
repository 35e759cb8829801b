"""One candidate for each thing that can go wrong, at the moment that CHAOS_MOMENT names: load, or the number of a call."""

import ctypes
import os
import signal
import sys
import tempfile
import threading
import time

import numpy as np

from harness import Candidate, Card


def features(texts):
    return np.array([[[len(text), text.count(" "), text.count("e")] for text in texts]], np.float32)


def raises():
    raise RuntimeError("drawn by lot")


def exits():
    sys.exit(3)


def leaves():
    os._exit(0)


def crashes():
    ctypes.string_at(0)


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def kills_group():
    os.killpg(0, signal.SIGKILL)


def leaks():
    kept = []
    while True:
        kept.append(np.ones(2_000_000))


def spins():
    while True:
        pass


def deadlocks():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def forks():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                time.sleep(1)
        os._exit(0)


def forks_and_spins():
    forks()
    spins()


def prints():
    for _ in range(40_000):
        print("x" * 200)


def fills_disk():
    with tempfile.NamedTemporaryFile() as file:
        while True:
            file.write(b"x" * 1_000_000)
            file.flush()


def closes_pipes():
    os.closerange(3, 256)


def forges():
    for handle in range(3, 40):
        try:
            os.write(handle, b'["record", "{}"]\nno message\n')
        except OSError:
            continue


def kills_guard():
    os.kill(os.getppid(), signal.SIGKILL)
    spins()


class Faulty:
    """Does its worst once, at the chosen call; what survives that goes on."""

    def __init__(self, fault, moment):
        self.fault, self.moment, self.calls = fault, moment, 0

    def embed_text(self, texts):
        self.calls += 1
        if str(self.calls) == self.moment:
            self.fault()
        return features(texts)


class Wrong:
    """Gives features that are none."""

    def __init__(self, change):
        self.change = change

    def embed_text(self, texts):
        return self.change(features(texts))


def plan(fault):
    def load(device, dtype):
        moment = os.environ.get("CHAOS_MOMENT", "1")
        if moment == "load":
            fault()
        return Faulty(fault, moment)

    return load


FAULTS = (
    raises,
    exits,
    leaves,
    crashes,
    killed,
    kills_group,
    leaks,
    spins,
    deadlocks,
    forks,
    forks_and_spins,
    prints,
    fills_disk,
    closes_pipes,
    forges,
    kills_guard,
)
WRONG = {"nan": lambda x: x * np.nan, "shape": lambda x: x[:, :-1], "words": lambda x: x.astype(str)}

candidates = (
    *(Candidate(Card(name=f"faulty-{f.__name__.replace('_', '-')}", license="MIT"), plan(f)) for f in FAULTS),
    *(Candidate(Card(name=f"faulty-{n}", license="MIT"), lambda d, t, c=c: Wrong(c)) for n, c in WRONG.items()),
)
