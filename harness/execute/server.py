"""What the server of processes does beside serving, from the moment at which it imports this file; nothing else may import it.

A warden ends all that is below it. Should somebody kill a warden, its orphans become the server's, for bench to end; and should
bench be gone too, the server ends them when it leaves.
"""

from __future__ import annotations

import atexit
import os
import warnings

from harness.execute import kin


def _end_orphans(server: int) -> None:
    """End what is below the server, if this is the server and not one of its forks."""
    if os.getpid() == server:
        kin.end_below(server)


kin.adopt_orphans()
atexit.register(_end_orphans, os.getpid())
# The server of processes wonders about children that it has not started: the orphans.
warnings.filterwarnings("ignore", message="forkserver: waitpid returned unexpected pid")
