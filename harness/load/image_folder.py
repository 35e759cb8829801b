"""A folder of pictures: one folder a class, perhaps inside `train` and `test`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from harness.core.bounds import MAX_ROWS
from harness.errors import TaskError
from harness.load.budget import Budget
from harness.load.picture import SUFFIXES
from harness.load.place import inside, show
from harness.load.table import Source, Table

_TRAIN = ("train", "training")
_TEST = ("test", "testing")
_FORM = "lay it out as CLASS/picture.png, or train/CLASS/picture.png and test/CLASS/picture.png"


def read_image_folder(folder: Path, fence: Path | None = None) -> Source:
    """List `class/*` or `train|test/class/*`, at any depth below the class; suffixes in any case.

    A folder that is a link is followed, but not out of the fence; links to folders below the class are not followed.

    Raises:
        TaskError: when there are no class folders, no pictures in them, or too many.
    """
    parts = {path.name.lower(): path for path in _folders(folder)}
    train = next((parts[name] for name in _TRAIN if name in parts and _folders(parts[name])), None)
    if train is None:
        return Source(show(folder), _table(folder, fence))
    test = next((parts[name] for name in _TEST if name in parts), None)
    unused = [path.name for path in parts.values() if path not in {train, test}]
    notes = (f"not used: {', '.join(sorted(unused))} (bench draws its own validation rows)",) if unused else ()
    return Source(show(folder), _table(train, fence), _table(test, fence) if test else None, notes)


def has_classes(folder: Path) -> bool:
    """Tell whether a folder has at least two class folders, or a `train` folder that has class folders."""
    folders = _folders(folder)
    return len(folders) > 1 or any(path.name.lower() in _TRAIN and _folders(path) for path in folders)


def _table(folder: Path, fence: Path | None) -> Table:
    groups = _folders(folder)
    for group in groups if fence else ():
        inside(fence or folder, str(group))
    found = ((path, group.name) for group in groups for path in _pictures(group))
    pictures = list(islice(found, MAX_ROWS + 1))
    Budget().add_rows(len(pictures), show(folder))
    if not pictures:
        msg = "the folder holds no class folders with pictures"
        raise TaskError(msg, where=show(folder), hint=_FORM)
    columns: dict[str, list[object]] = {"image": [str(path) for path, _ in pictures], "label": [label for _, label in pictures]}
    return Table(show(folder), columns, range(1, len(pictures) + 1), folder, unit="picture", picture="image", label="label")


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._")


def _pictures(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(files) if name.lower().endswith(SUFFIXES) and name[0] not in "._")
