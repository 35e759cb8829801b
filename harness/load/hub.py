"""Data sets of the Hub, through `datasets`: fetched, or from its cache."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.task import Data
from harness.errors import BenchError, SetupError, TaskError
from harness.load.budget import Budget, check_columns
from harness.load.place import show
from harness.load.table import Table

if TYPE_CHECKING:
    from types import ModuleType

_ROWS = 1000


def read_hub(name: str, split: str, data: Data, budget: Budget | None = None, *, offline: bool) -> Table:
    """Read one split of a Hub data set; class numbers become their names, pictures stay encoded.

    Raises:
        TaskError: when it is not in the cache and cannot be fetched, or has no such configuration or split.
        SetupError: when `datasets` is not installed.
    """
    try:
        import datasets  # noqa: PLC0415 - slow to import, and needed for Hub data alone
    except ImportError as error:
        msg = "reading Hub data sets needs the datasets library"
        raise SetupError(msg, where=f"data set {name}", hint="pip install datasets") from error
    with _quiet(datasets, offline=offline):
        try:
            content = datasets.load_dataset(name, name=data.config, split=split, revision=data.revision)
            return _to_table(content, f"data set {name}, split {split}", datasets, budget or Budget())
        # What `datasets` and the Hub's client raise: ConnectionError and their own errors are OSError, ValueError or RuntimeError.
        except (OSError, ValueError, RuntimeError) as error:
            raise _explain(name, split, error, offline=offline) from error


def check_is_remote(name: str, folder: Path) -> None:
    """Refuse a name for which `datasets` would read files of the current folder, where a task has no business.

    Raises:
        TaskError: it is one.
    """
    is_loader = _is_loader(name)
    if is_loader or os.path.lexists(name):
        what = f'"{name}" is no data set of the Hub but ' + ("a loader of files" if is_loader else "lies in the current folder")
        hint = "put the rows into the task folder, name a data set as OWNER/NAME, or give the rows with --data PATH"
        raise TaskError(what, where=f"{show(folder)}, which holds no such file", hint=hint)


def _is_loader(name: str) -> bool:
    """Tell whether `datasets` knows a kind of files by that name, which it would look for in the current folder."""
    try:
        return name.isidentifier() and importlib.util.find_spec(f"datasets.packaged_modules.{name}") is not None
    except ModuleNotFoundError:
        return False


def _to_table(content: Any, origin: str, datasets: ModuleType, budget: Budget) -> Table:  # noqa: ANN401 - `datasets` has no type information
    from huggingface_hub import constants  # noqa: PLC0415 - comes with `datasets`

    budget.add_rows(content.num_rows, origin)
    names: dict[str, Any] = {}
    for column, feature in content.features.items():
        if isinstance(feature, datasets.Image):
            content = content.cast_column(column, datasets.Image(decode=False))
        elif isinstance(feature, datasets.ClassLabel):
            names[column] = feature
        elif isinstance(getattr(feature, "feature", None), datasets.ClassLabel):
            names[column] = feature.feature
    check_columns(len(content.column_names), origin)
    columns = {}
    for name in content.column_names:
        values = _counted(content[name], f"{origin}, column {name}", budget)
        columns[str(name)] = _name_classes(values, names.get(name))
    if not content.num_rows:
        msg = "the data set holds no rows"
        raise TaskError(msg, where=origin, hint="name another split: data.train_split")
    # A picture that is not inside the data set's own files lies where `datasets` has put it; its rows may name nothing else.
    cache = Path(os.path.commonpath(map(os.path.abspath, (datasets.config.HF_DATASETS_CACHE, constants.HF_HUB_CACHE))))
    return Table(origin, columns, range(1, content.num_rows + 1), cache, cache)


def _counted(column: Iterable[object], place: str, budget: Budget) -> list[object]:
    """Return a column as a list, counted as it is read."""
    values: list[object] = []
    source = iter(column)
    while some := list(islice(source, _ROWS)):
        budget.add_values(some, place)
        values += some
    return values


def _name_classes(values: list[object], label: Any) -> list[object]:  # noqa: ANN401 - `datasets` has no type information
    """Replace class numbers by names, also those in lists; one below 0 says that the row has no label."""
    if label is None:
        return values
    if any(isinstance(value, list) for value in values):
        return [_name_classes(value, label) if isinstance(value, list) else None for value in values]
    return [label.int2str(value) if isinstance(value, int) and value >= 0 else None for value in values]


def _explain(name: str, split: str, error: Exception, *, offline: bool) -> BenchError:
    if isinstance(error, BenchError):
        return error
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    place = f"data set {name}, split {split}"
    if isinstance(error, ValueError):
        return TaskError(
            f"the data set cannot be read: {text}", where=place, hint="correct data.config, data.train_split or data.test_split"
        )
    why = "it is not in the cache, and the network is not to be used" if offline else text
    hint = "check the id and the network (`bench doctor`), or give a local copy with --data PATH"
    return TaskError(f'the data set "{name}" cannot be fetched: {why}', where=place, hint=hint)


@contextlib.contextmanager
def _quiet(datasets: ModuleType, *, offline: bool) -> Iterator[None]:
    """Keep progress bars off the terminal, and with `offline` every request off the network, for as long as this lasts."""
    from huggingface_hub import constants  # noqa: PLC0415 - comes with `datasets`

    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE, datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    if offline:
        datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE, shown = before
        if shown:
            datasets.enable_progress_bars()
