"""The installed command, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BENCH = Path(sys.executable).parent / "bench"


def run_bench(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command; the Hub is never reached."""
    command = [str(BENCH), *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1", **environment}
    )
