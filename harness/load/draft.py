"""From rows that somebody has to a task that fits them: its kind, its columns, its test rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.core.data import Dataset
from harness.core.draft import Draft
from harness.core.kinds import KINDS, Kind, is_kind
from harness.core.task import Data, Task
from harness.errors import BenchError, TaskError, WorkspaceError, raise_all
from harness.load import conll
from harness.load.beir import is_beir
from harness.load.data import load_dataset
from harness.load.faults import each_fault, explain
from harness.load.guess import Guess, Named, guess
from harness.load.image_folder import has_classes
from harness.load.named_files import SUITE, TASK, paths, read_name
from harness.load.place import show, to_path
from harness.load.reasons import explain_task, list_notes
from harness.load.source import open_source
from harness.load.table import Source
from harness.load.table_file import SUFFIXES
from harness.load.workspace import Workspace

_OPTIONS = {"name": "NAME", "kind": "--kind", "metric": "--metric"}
# What is read of a row, whatever the kind calls it, is --text; what is told of it is --label.
_KEYS = {
    **dict.fromkeys(("text", "image", "query", "prompt"), "--text"),
    "text_pair": "a second --text",
    **dict.fromkeys(("label", "document", "reference"), "--label"),
}
_IN_FILE = re.compile(r"in task\.yaml: data: \{(\w+): …\}|with data\.(\w+)")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user states: the task's name, the place of the rows, what is not to be inferred, and whether rows may be copied."""

    name: str
    data: str
    kind: str = ""
    text: tuple[str, ...] = ()
    label: str = ""
    metric: str = ""
    copies: bool = False


def draft_task(asked: Asked, workspaces: Sequence[Workspace]) -> Draft:
    """Return a task of the user's workspace, the first one, that fits the rows; these are loaded as a comparison loads them.

    Raises:
        BenchError: the name is taken or none, an option is wrong, the rows are faulty or lie where no task reads them, or what they
            are about cannot be told; the hint names the option that decides.
    """
    _check_words(asked)
    _check_name(asked.name, workspaces)
    place = workspaces[0].root / "tasks" / asked.name
    path = to_path(asked.data, TaskError, "--data")
    if not asked.data.strip() or not path.exists():
        _open(asked.data, asked, "text-classification")  # which says what is there instead
    path = path.resolve()
    is_inside = path.is_relative_to(place.resolve())
    _check_place(path, place, asked, is_inside=is_inside)
    try:
        source, found = _guess(path, asked)
        places = _Paths.of(path, source, has_pictures=KINDS[found.kind].modality == "image")
        task = _state(asked, found, places.keys(place.resolve() if is_inside else places.root))
        _check_pictures(path, source, found, is_inside=is_inside)
        data = load_dataset(task, place, override=None if is_inside else str(path), seed=0, offline=True)
    except BenchError as error:
        raise_all([_in_options(fault, asked.kind) for fault in each_fault(error)])
        raise
    return Draft(
        task=task,
        found=explain_task(task, data, has_kind=bool(asked.kind), has_metric=bool(asked.metric)),
        notes=(*_look_beside(path), *list_notes(source, task, data)),
        warnings=data.warnings,
        codes=data.rows.classes if _has_codes(task, data) else (),
        copied={} if is_inside else places.pieces(),
    )


def _check_words(asked: Asked) -> None:
    """Refuse a name, a kind, a metric or columns that cannot be, before any row is read."""
    twice = [column for column, number in Counter([*asked.text, asked.label]).items() if number > 1]
    if twice:
        what = f'the column "{twice[0]}" is named twice'
        raise WorkspaceError(what, where="--text, --label", hint="name each column once")
    if len(asked.text) > 2:
        raise WorkspaceError("more than two columns of texts are named", where="--text", hint="name one, or the two of a pair")
    kind = asked.kind or "text-classification"
    content = {"name": asked.name, "kind": kind, "data": {"train": "rows"}}
    # The metrics of a kind that is not known yet are not known either.
    content |= {"metric": asked.metric} if asked.metric and asked.kind else {}
    _validate(content)


def _validate(content: Mapping[str, Any]) -> Task:
    try:
        return Task.model_validate(content)
    except ValidationError as error:
        faults: list[BenchError] = []
        for item in error.errors(include_url=False):
            what, hint = explain(item, Task)
            key = str(item["loc"][0]) if item["loc"] else ""
            faults.append(TaskError(what, where=_OPTIONS.get(key, "--text, --label"), hint=hint))
        raise_all(faults)
        raise


def _check_name(name: str, workspaces: Sequence[Workspace]) -> None:
    files = (path for space in workspaces for file in (TASK, SUITE) for path in paths(space, file))
    there = next((path for path in files if read_name(path) == name), None)
    if there is not None:
        what = f'there is a task or suite "{name}" already'
        raise WorkspaceError(what, where=show(there), hint="choose another name; `bench tasks list` shows all that there are")


def _check_place(path: Path, place: Path, asked: Asked, *, is_inside: bool) -> None:
    """Accept rows where a task can read them, and a place where nothing is overwritten.

    Raises:
        BenchError: the rows lie outside of the task's folder and are not to be copied, or there is something in the way.
    """
    there = place / TASK
    if there.exists() or there.is_symlink():
        raise WorkspaceError("the file exists already", where=show(there), hint="choose another name, or remove it")
    if is_inside:
        return
    if not asked.copies:
        what = f"the rows lie outside of the task's folder, and a task reads what lies there only: {show(path.absolute())}"
        hint = f"add --copy to have them copied to {show(place)}, or move them there yourself and name them so"
        raise TaskError(what, where="--data", hint=hint)
    if place.is_dir() and any(place.iterdir()):
        hint = "put the rows there yourself and leave --copy out, or choose another name"
        raise WorkspaceError("the folder is not empty, so nothing is copied to it", where=show(place), hint=hint)
    if place.resolve().is_relative_to(path.resolve()):
        what = "the folder of the rows holds the workspace, so it cannot be copied into it"
        raise TaskError(what, where="--data", hint="name the file of rows, or put the rows into a folder of their own")


def _open(place: str, asked: Asked, kind: Kind) -> Source:
    """Read the rows as a task of a kind does; the columns that the user names are such as a header line holds."""
    text, pair = [*asked.text, None, None][:2]
    is_row = KINDS[kind].modality == "text" and kind not in {"retrieval", "generation"} and KINDS[kind].target != "tags"
    named = Data(train="rows", text=text, text_pair=pair, label=asked.label or None) if is_row and text else Data(train="rows")
    return open_source(Task(name="new", kind=kind, data=named), Path(), override=place, offline=True)


def _guess(path: Path, asked: Asked) -> tuple[Source | None, Guess]:
    """Read the rows, and say what they are; a folder in the layout of BEIR is no table."""
    if is_beir(path) and asked.kind in {"", "retrieval"}:
        return None, Guess("retrieval")
    kind: Kind | None = asked.kind if is_kind(asked.kind) else None  # type: ignore[assignment]
    if kind is None and _is_tagged(path):
        kind = "token-classification"
    if kind is None and path.is_dir() and has_classes(path) and not _tables(path):
        kind = "image-classification"
    try:
        source = _open(str(path), asked, kind or "text-classification")
    except TaskError as error:
        if kind is None and path.is_dir() and not _tables(path):
            hint = f"known: {', '.join(SUFFIXES)}, .conll, and pictures in a folder for each class"
            raise TaskError(error.what, where=error.where, hint=hint) from error
        raise
    return source, guess(source.train, Named(kind, asked.text, asked.label))


def _tables(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] not in "._"]


def _is_tagged(path: Path) -> bool:
    """Tell whether a file, or the files of a folder without other tables, are in the columns of CoNLL."""
    if path.is_file():
        return path.suffix.lower() in conll.SUFFIXES and conll.is_conll(path)
    files = [one for one in path.iterdir() if one.suffix.lower() in conll.SUFFIXES and one.name[0] not in "._"]
    train = [one for one in files if one.stem.lower().startswith("train")] or files[: len(files) == 1]
    others = [one for one in _tables(path) if one not in files]
    return bool(train) and not others and all(map(conll.is_conll, train))


def _state(asked: Asked, found: Guess, places: Mapping[str, str]) -> Task:
    content: dict[str, Any] = {"name": asked.name, "kind": found.kind, "data": {**places, **found.data}}
    content |= {"multi_label": True} if found.multi_label else {}
    content |= {"metric": asked.metric} if asked.metric else {}
    return _validate(content)


@dataclass(frozen=True, slots=True)
class _Paths:
    """Where the rows lie, and the folder that they are to be named from when they are copied.

    `whole` says that more than the named files belongs to them.
    """

    root: Path
    train: Path
    test: Path | None
    whole: Path | None

    @classmethod
    def of(cls, path: Path, source: Source | None, *, has_pictures: bool) -> _Paths:
        """Name the files of training and test rows; where either is several files, their folder."""
        train = _file_of(source.train.origin) if source else None
        test = _file_of(source.test.origin) if source and source.test else None
        if train is None or (source and source.test and test is None):
            train, test = path, None
        if path.is_dir() and (has_pictures or path in {train, test}):
            return cls(path.parent, train, test, path)
        return cls(path if path.is_dir() else path.parent, train, test, None)

    def keys(self, base: Path) -> dict[str, str]:
        found = {"train": self.train, "test": self.test}
        return {key: str(place.relative_to(base)) for key, place in found.items() if place is not None}

    def pieces(self) -> dict[str, Path]:
        found = [self.whole] if self.whole else [place for place in (self.train, self.test) if place]
        return {str(place.relative_to(self.root)): place for place in found}


def _file_of(origin: str) -> Path | None:
    """Return the place that a table says it is of, None where it is of several files."""
    path = Path(origin).absolute()
    return path if path.exists() else None


def _check_pictures(path: Path, source: Source | None, found: Guess, *, is_inside: bool) -> None:
    """Refuse to copy a table without the pictures that it names.

    Raises:
        TaskError: it is a file whose cells are paths.
    """
    cells = source.train.columns.get(found.data.get("image", ""), []) if source else []
    if not is_inside and path.is_file() and any(isinstance(cell, str) for cell in cells):
        what = "the file names pictures that would not be copied with it"
        raise TaskError(what, where="--data", hint=f"give the folder that holds both: --data {show(path.parent)}")


def _has_codes(task: Task, data: Dataset) -> bool:
    """Tell whether classes are such as words could describe, and nothing describes them."""
    return task.target == "class" and task.kind != "multiple-choice" and not task.data.text_pair and not data.phrases


def _look_beside(path: Path) -> Iterator[str]:
    """Yield a note where a file of test rows lies beside a file of training rows, and only the latter is read."""
    if path.is_file() and path.stem.lower().startswith("train"):
        for other in sorted(path.parent.glob(f"test*{path.suffix}")):
            yield f"{other.name} lies beside {path.name} and is not used; give the folder as --data to have it as the test set"


def _in_options(fault: BenchError, kind: str) -> BenchError:
    """Name the options of the command where a fault names the keys of a file that is not written yet."""

    def to_option(match: re.Match[str]) -> str:
        key = match[1] or match[2]
        option = "--label" if key == "text" and kind == "image-text-retrieval" else _KEYS.get(key)
        return f"with {option}" if option else match[0]

    hint = _IN_FILE.sub(to_option, fault.hint).replace("in task.yaml", "in a task.yaml of your own")
    return type(fault)(fault.what, where=fault.where, hint=hint)
