"""The folders in which candidates, tasks and reports are looked for."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from harness.builtin import builtin_root
from harness.errors import WorkspaceError
from harness.load.place import to_path

GROUP = "bench.workspaces"
USER = "user"
BUILTIN = "builtin"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder that may hold `candidates/`, `tasks/` and `reports/`; its name tells apart what two workspaces call the same."""

    name: str
    root: Path


def load_workspaces(folder: Path) -> tuple[Workspace, ...]:
    """Return the user's workspace, those of installed add-ons, and the built-in one; a folder is listed once.

    Raises:
        WorkspaceError: when the user's folder does not exist or cannot be reached, or an add-on's package cannot be found.
    """
    folder = to_path(str(folder), WorkspaceError, "--workspace")
    if not folder.is_dir():
        msg = f'there is no folder "{folder}"'
        raise WorkspaceError(msg, where="--workspace", hint=f"make one with: bench init {folder}")
    builtin = Workspace(BUILTIN, builtin_root().resolve())
    found = [Workspace(USER, folder.resolve()), *_installed()]
    seen = {builtin.root}
    kept = []
    for workspace in found:
        if workspace.root not in seen:
            seen.add(workspace.root)
            kept.append(workspace)
    return (*kept, builtin)


def _installed() -> Iterator[Workspace]:
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        yield Workspace(point.name, _package_folder(point.name, point.module))


def _package_folder(name: str, package: str) -> Path:
    """Find a package's folder; of a dotted name only the parents are imported."""
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        msg = f'the add-on "{name}" names "{package}", which is not an installed package'
        raise WorkspaceError(msg, where=f"entry points, group {GROUP}", hint="install the add-on again, or uninstall it")
    return Path(next(iter(spec.submodule_search_locations))).resolve()
