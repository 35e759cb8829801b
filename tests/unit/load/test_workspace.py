from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from harness.builtin import builtin_root
from harness.errors import WorkspaceError
from harness.load import workspace
from harness.load.workspace import load_workspaces


def test_the_users_folder_comes_before_the_built_in_one(tmp_path: Path) -> None:
    found = load_workspaces(tmp_path)
    assert [w.name for w in found] == ["user", "builtin"]
    assert found[0].root == tmp_path.resolve()
    assert found[1].root == builtin_root()


def test_the_checkout_is_not_listed_twice() -> None:
    assert [w.name for w in load_workspaces(builtin_root())] == ["builtin"]


def test_a_missing_folder_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="no folder") as caught:
        load_workspaces(tmp_path / "none")
    assert "bench init" in caught.value.hint


def test_an_add_on_is_found_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "bench_addon_under_test"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    point = EntryPoint("vision", "bench_addon_under_test", workspace.GROUP)
    monkeypatch.setattr(workspace, "entry_points", lambda group: [point] if group == workspace.GROUP else [])
    (tmp_path / "mine").mkdir()
    found = load_workspaces(tmp_path / "mine")
    assert [(w.name, w.root) for w in found][1] == ("vision", package.resolve())
    assert [w.name for w in found] == ["user", "vision", "builtin"]


@pytest.mark.parametrize("value", ["no_such_package_here", "no_such_package_here.inner", "json"])
def test_an_add_on_that_is_no_package_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    if value == "json":
        value = "json.decoder"  # a module, not a package
    monkeypatch.setattr(workspace, "entry_points", lambda group: [EntryPoint("odd", value, group)])
    with pytest.raises(WorkspaceError, match='add-on "odd"'):
        load_workspaces(tmp_path)
