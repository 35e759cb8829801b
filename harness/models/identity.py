"""Where features come from: the files of a model and of its rows, watched from before they are loaded, and what the model says."""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.candidate import Registered
from harness.core.card import Card
from harness.core.data import Input
from harness.core.feature import FeatureIdentity, rows_digest
from harness.models import fingerprint
from harness.models.adapters import adapter_modules
from harness.models.capabilities import Identified

Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """The files behind features, as they were before the model was loaded."""

    card: Card
    folder: Path | None
    inputs: Sequence[Input]
    is_image: bool
    stamps: Mapping[Path, Stamp]

    @classmethod
    def watch(cls, card: Card, folder: Path | None, inputs: Sequence[Input], *, is_image: bool) -> Source:
        """Note the state of the model's files, and of the pictures that lie in files; nothing is read yet."""
        return cls(card, folder, inputs, is_image, _stamps(card, folder, inputs if is_image else ()))

    def is_unchanged(self) -> bool:
        """Tell whether every file is still the one that it was, and none has come or gone."""
        return _stamps(self.card, self.folder, self.inputs if self.is_image else ()) == self.stamps

    def digest_files(self) -> str:
        """Return a hash of the names and contents of the model's files; cost: every byte of the weights is read."""
        found = fingerprint.of_files(self.folder, self.card) if self.folder is not None else {}
        return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()

    def digest_rows(self) -> str:
        """Return a hash of the texts, or of the encoded pictures; cost: every picture is read, one at a time."""
        return rows_digest(_encoded(self.inputs) if self.is_image else self.inputs)


def identify(candidate: Registered, model: object, source: Source, *, dtype: str, device: str) -> FeatureIdentity | None:
    """Return what a loaded model's features of all rows depend on; None where that cannot be known, as for a plugin.

    Call it after loading: the model itself says how it resolved its settings.
    """
    card = candidate.card
    if candidate.is_plugin or not isinstance(model, Identified):
        return None
    adapter = importlib.import_module(adapter_modules(card.reading(is_image=source.is_image))[0])
    return FeatureIdentity(
        source=card.source,
        revision=card.revision or "",
        source_digest=source.digest_files(),
        adapter=adapter.__name__.rpartition(".")[2],
        adapter_version=adapter.VERSION,
        settings=model.identity() | _numerics(device),
        dtype=dtype,
        device=device.partition(":")[0],
        libraries=library_versions(adapter.LIBRARIES),
        rows=source.digest_rows(),
    )


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each library, `absent` where it is not installed: adding one can change what others do."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def _numerics(device: str) -> dict[str, str | int | float]:
    """Return how torch computes here: the processor's instructions or the graphics card's model, and shortened products."""
    import torch  # noqa: PLC0415 - the adapter has imported it; a baseline's process need not

    on_gpu = device.startswith("cuda")
    return {
        "unit": torch.cuda.get_device_name(device) if on_gpu else torch.backends.cpu.get_cpu_capability(),
        "matmul": torch.get_float32_matmul_precision(),
        "tf32": int(torch.backends.cudnn.allow_tf32) if on_gpu else 0,
    }


def _stamps(card: Card, folder: Path | None, pictures: Sequence[Input]) -> dict[Path, Stamp]:
    """Return what changes with a file's content; the time of the last change of its state cannot be set back."""
    found: dict[Path, Stamp] = {}
    for path in (*(fingerprint.files(folder, card) if folder is not None else ()), *map(Path, _named(pictures))):
        try:
            state = os.stat(path)  # noqa: PTH116 - a million pictures
            found[path] = state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns
        except OSError:
            found[path] = ()
    return found


def _named(pictures: Iterable[Input]) -> Iterator[str]:
    return (one for one in pictures if isinstance(one, str))


def _encoded(pictures: Iterable[Input]) -> Iterator[bytes]:
    return (one if isinstance(one, bytes) else Path(str(one)).read_bytes() for one in pictures)
