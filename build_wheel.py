"""Puts the built-in workspace into the wheel: `candidates/`, `tasks/` and `reports/templates/` become `harness/_builtin/…`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("candidates", "tasks", "reports/templates")


class BuiltinWorkspace(BuildHookInterface[Any]):
    """Adds the folders to a wheel; an editable install finds them in the checkout itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Map every folder, unless the install is editable."""
        if self.target_name == "wheel" and version != "editable":
            root = Path(self.root)
            build_data["force_include"] |= {str(root / name): f"harness/_builtin/{name}" for name in FOLDERS}
