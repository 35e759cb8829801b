"""What runs in a process of its own: candidates' code. It answers one question with messages, a JSON document a line."""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import resource
import signal
import sys
from typing import Any

from harness.errors import BenchError, Faults

FILE_BYTES = 2**30


class Messages:
    """The way up to the process that asked; what candidates print goes elsewhere."""

    def __init__(self, descriptor: int) -> None:
        """Take the writing end of a pipe."""
        self._descriptor = descriptor

    def send(self, kind: str, content: object) -> None:
        """Send one message."""
        line = json.dumps([kind, content]).encode() + b"\n"
        while line:
            line = line[os.write(self._descriptor, line) :]


def main() -> None:
    """Answer the question that the arguments name (`MODULE:FUNCTION`), with the document on stdin as its argument."""
    place, descriptor = sys.argv[1:]
    # Where it was, when it ends by a signal, and when it is asked because it takes too long.
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=False)
    # Neither what it prints nor what it writes may fill the disk: beyond this, writing is an error.
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    messages = Messages(int(descriptor))
    module, _, function = place.partition(":")
    try:
        answer: Any = getattr(importlib.import_module(module), function)
        answer(json.load(sys.stdin), messages)
        messages.send("done", None)
    except BenchError as error:
        faults = error.faults if isinstance(error, Faults) else (error,)
        messages.send("faults", [[fault.what, fault.where, fault.hint] for fault in faults])
    # Threads that a candidate left behind must not keep the process.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
