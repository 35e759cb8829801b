"""Data sets of the Hub, through `datasets`: fetched, or from its cache."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.task import Data
from harness.errors import BenchError, SetupError, TaskError
from harness.load.table import Table

if TYPE_CHECKING:
    from types import ModuleType


def read_hub(name: str, split: str, data: Data, *, offline: bool) -> Table:
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
            return _to_table(content, f"data set {name}, split {split}", datasets)
        # What `datasets` and the Hub's client raise: ConnectionError and their own errors are OSError, ValueError or RuntimeError.
        except (OSError, ValueError, RuntimeError) as error:
            raise _explain(name, split, error, offline=offline) from error


def _to_table(content: Any, origin: str, datasets: ModuleType) -> Table:  # noqa: ANN401 - `datasets` has no type information
    names: dict[str, Any] = {}
    for column, feature in content.features.items():
        if isinstance(feature, datasets.Image):
            content = content.cast_column(column, datasets.Image(decode=False))
        elif isinstance(feature, datasets.ClassLabel):
            names[column] = feature
    columns = {str(column): _values(content[column], names.get(column)) for column in content.column_names}
    if not content.num_rows:
        msg = "the data set holds no rows"
        raise TaskError(msg, where=origin, hint="name another split: data.train_split")
    return Table(origin, columns, range(1, content.num_rows + 1), Path.cwd())


def _values(column: Any, label: Any) -> list[object]:  # noqa: ANN401 - `datasets` has no type information
    """Return a column as a list; a class number below 0 says that the row has no label."""
    if label is None:
        return list(column)
    return [None if value is None or value < 0 else label.int2str(value) for value in column]


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
