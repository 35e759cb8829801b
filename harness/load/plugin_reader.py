"""What runs in the process that imports plugin files: it writes one JSON document a line for each, in order."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from harness.load.candidates import load_plugin
from harness.load.foreign_process import end_with_parent
from harness.load.plugin import ForeignError, run_foreign


def main() -> None:
    """Read the files that the arguments name, after the descriptor to write to."""
    descriptor, *paths = sys.argv[1:]
    end_with_parent(int(descriptor))
    for path in map(Path, paths):
        line = json.dumps(_read(path)).encode() + b"\n"
        while line:
            line = line[os.write(int(descriptor), line) :]
    # Threads that a plugin left behind must not keep the process.
    os._exit(0)


def _read(path: Path) -> dict[str, object]:
    try:
        plugins = load_plugin(path)
        return {"cards": run_foreign(lambda: [json.loads(plugin.card.model_dump_json()) for plugin in plugins], path)}
    except ForeignError as error:
        return {"error": error.what, "hint": error.hint}


if __name__ == "__main__":
    main()
