"""A model's configuration files."""

from __future__ import annotations

import json
from pathlib import Path

from harness.errors import CandidateError


def read_json(path: Path) -> dict[str, object]:
    """Return a configuration file's object, empty where the file is absent or holds something else.

    Raises:
        CandidateError: the file is not JSON.
    """
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        what = f"cannot read {path.name}: {error}"
        raise CandidateError(what, where=str(path), hint="fetch the model again") from error
    return found if isinstance(found, dict) else {}
