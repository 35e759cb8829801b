"""What runs in an interpreter of its own: candidates' code. It answers one question with messages."""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import resource
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from harness.execute.uplink import Uplink

FILE_BYTES = 2**30


def main() -> None:
    """Answer the question that the arguments name (`MODULE:FUNCTION`), with the document on stdin as its argument.

    The other arguments are the descriptor for messages, and the file in which to write down where the process is.
    """
    place, descriptor, trace = sys.argv[1:]
    # Where it was, when it ends by a signal, and when it is asked because it takes too much; apart from what it prints.
    file = Path(trace).open("w")  # noqa: SIM115 - to the end of the process
    faulthandler.enable(file)
    faulthandler.register(signal.SIGUSR1, file, all_threads=False)
    # No single file, wherever it lies, may grow beyond this. How much lies in the scratch folder is the warden's to watch.
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    # Whoever a candidate starts is not to hold the pipe.
    os.set_inheritable(int(descriptor), False)  # noqa: FBT003 - the only way
    messages = Uplink(Connection(int(descriptor), readable=False))
    module, _, function = place.partition(":")
    answer: Any = getattr(importlib.import_module(module), function)
    argument = json.load(sys.stdin)
    messages.send("begin")
    answer(argument, messages)
    # Threads that a candidate left behind must not keep the process.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
