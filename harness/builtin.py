"""Where the workspace that ships with bench lies."""

from __future__ import annotations

from pathlib import Path


def builtin_root() -> Path:
    """Return the built-in workspace: inside an installed wheel, or the checkout itself."""
    package = Path(__file__).parent
    installed = package / "_builtin"
    return installed if installed.is_dir() else package.parent
