from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import WorkspaceError
from harness.store.staging import check_place, publish, staging


def test_a_folder_is_there_when_it_is_published(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "model"
    with staging(place) as folder:
        (folder / "a").write_text("a")
        assert not place.exists()
        publish(folder, place)
    assert (place / "a").read_text() == "a"
    assert [path.name for path in place.parent.iterdir()] == ["model"]
    assert place.stat().st_mode & 0o777 == 0o755


def test_an_empty_folder_may_stand_there(tmp_path: Path) -> None:
    place = tmp_path / "model"
    place.mkdir()
    check_place(place)
    with staging(place) as folder:
        (folder / "a").write_text("a")
        publish(folder, place)
    assert (place / "a").is_file()


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def fill() -> None:
        with staging(tmp_path / "model") as folder:
            (folder / "a").write_text("a")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("a")
    (tmp_path / "file").write_text("a")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name, problem in [("full", "not empty"), ("file", "a file"), ("link", "a file")]:
        with pytest.raises(WorkspaceError, match=problem):
            check_place(tmp_path / name)


def test_what_came_to_stand_there_meanwhile_is_kept(tmp_path: Path) -> None:
    place = tmp_path / "model"
    with staging(place) as folder:
        place.mkdir()
        (place / "theirs").write_text("a")
        with pytest.raises(WorkspaceError, match="in its place"):
            publish(folder, place)
    assert [path.name for path in place.iterdir()] == ["theirs"]


def test_what_an_ended_one_left_goes_and_what_is_held_stays(tmp_path: Path) -> None:
    place = tmp_path / "mo[d]el"
    left = tmp_path / ".mo[d]el.bench-abcdefgh"
    left.mkdir()
    (left / "a").write_text("a")
    (tmp_path / ".other.bench-abcdefgh").mkdir()
    with staging(place) as first:
        assert not left.exists()
        with staging(place) as second:
            assert first.is_dir()
            assert first != second
    assert [path.name for path in tmp_path.iterdir()] == [".other.bench-abcdefgh"]
