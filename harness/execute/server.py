"""What the server of processes does beside serving, from the moment at which it imports this file; nothing else may import it.

A warden ends all that is below it. Should somebody kill a warden, its orphans become the server's, for bench to end; and should
bench be gone too, the server ends them when it leaves, and removes what multiprocessing left for it.
"""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import time
import warnings
from multiprocessing import forkserver
from pathlib import Path

from harness.execute import kin

_MOMENT_S = 5.0


def _is_orphaned(parent: int) -> bool:
    """Tell whether the parent is gone; one that is just ending has closed its files already and is given a moment."""
    until = time.monotonic() + _MOMENT_S
    while os.getppid() == parent and time.monotonic() < until:
        time.sleep(0.01)
    return os.getppid() != parent


def _leave(server: int, parent: int) -> None:
    """End what is below the server, if this is the server and not one of its forks, and remove the folder of its socket.

    The server leaves when bench is gone, which may have had no time to remove that folder itself; a parent that lives does so.
    """
    if os.getpid() == server:
        kin.end_below(server)
        folder = Path(str(getattr(forkserver._forkserver, "_forkserver_address", ""))).parent  # noqa: SLF001 - no public way
        if folder.name.startswith("pymp-") and _is_orphaned(parent):
            shutil.rmtree(folder, ignore_errors=True)


def _collect_garbage() -> None:
    """Let a fork collect its own garbage, and leave alone what it shares with the server."""
    gc.freeze()
    gc.enable()


# Importing libraries makes next to none, and looking for it takes a sixth of the time.
gc.disable()
os.register_at_fork(after_in_child=_collect_garbage)
kin.adopt_orphans()
atexit.register(_leave, os.getpid(), int(os.environ.pop(kin.SERVED, os.getppid())))
# The server of processes wonders about children that it has not started: the orphans.
warnings.filterwarnings("ignore", message="forkserver: waitpid returned unexpected pid")
