"""Which files of a model are read, and which never: by their names, before anything opens them."""

from __future__ import annotations

import contextlib
import os
import pickle
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Literal

from harness.core.card import Card
from harness.core.trust import Trust
from harness.errors import CandidateError, Unavailable
from harness.models.json_file import read_json

# What a model is made of; anything else in a repository (code, archives, other frameworks' weights) is never fetched.
SETTINGS = ("*.json", "*.txt", "*.model", "*.tiktoken", "*.spm", "*.vocab", "bpe.codes", "*.jinja")
SAFE = ("*.safetensors",)
PICKLES = ("*.bin", "*.pt", "*.pth")
CODE = ("*.py",)
NOT_WANTED = (
    *("onnx/*", "openvino/*", "*/onnx/*", "coreml/*", "*.onnx.json"),
    # What training leaves behind is no part of the model.
    *("training_args.bin", "optimizer*", "scheduler*", "rng_state*", "*/training_args.bin", "*/optimizer*", "*/scheduler*"),
)
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst", ".nemo", ".keras")

Form = Literal["safetensors", "pickle"]


def patterns(card: Card, trust: Trust, form: Form) -> list[str]:
    """Return the patterns of the files that a model is made of."""
    weights = SAFE if form == "safetensors" else PICKLES
    return [*SETTINGS, *weights, *(CODE if card.remote_code and trust.remote_code else ())]


def is_weights(name: str, form: Form) -> bool:
    """Tell whether a file at the top of a repository holds weights of that form."""
    wanted = SAFE if form == "safetensors" else PICKLES
    is_wanted = any(fnmatchcase(name, pattern) for pattern in wanted)
    return "/" not in name and is_wanted and not any(fnmatchcase(name, pattern) for pattern in NOT_WANTED)


def form_of(folder: Path) -> Form | None:
    """Return the form of a folder's weights, None where it holds none; safetensors are preferred."""
    names = [path.name for path in folder.iterdir() if path.is_file()]
    forms: tuple[Form, ...] = ("safetensors", "pickle")
    return next((form for form in forms if any(is_weights(name, form) for name in names)), None)


def allow_form(form: Form | None, trust: Trust, where: str, names: list[str]) -> Form:
    """Return the form if it may be read.

    Raises:
        Unavailable: there are no weights, or they are pickles and those are not allowed.
    """
    if form == "pickle" and not trust.pickle:
        what = "its weights are not in safetensors form; other forms can run code when they are read"
        hint = (
            "choose another source, convert them with the safetensors package, or give --allow-pickle: then no code of theirs runs"
        )
        raise Unavailable(what, where=where, hint=hint)
    if form is None:
        packed = [name for name in names if name.lower().endswith(ARCHIVES)]
        about = f"; {packed[0]} is an archive, which bench does not unpack" if packed else ""
        what = f"there are no weights in safetensors form{about}"
        raise Unavailable(what, where=where, hint="name a folder or repository with config.json and *.safetensors")
    return form


def check_index(folder: Path, form: Form) -> list[Path]:
    """Return the parts that an index of divided weights names and that are not here.

    Raises:
        CandidateError: it names a file of another form, or one outside the folder.
    """
    missing = []
    for index in sorted(folder.glob("*.index.json")):
        named = read_json(index).get("weight_map")
        if not isinstance(named, dict) or not _belongs(index.name, form):
            continue
        for part in sorted({str(name) for name in named.values()}):
            if PurePosixPath(part).name != part or "\\" in part or not is_weights(part, form):
                what = f'its index names "{part[:100]}", which is no {form} file of the folder'
                raise CandidateError(what, where=str(index), hint="fetch the model again, or choose another source")
            if not (folder / part).is_file():
                missing.append(folder / part)
    return missing


def _belongs(index: str, form: Form) -> bool:
    """Tell whether an index is the one that is read for weights of a form."""
    return index.endswith(".safetensors.index.json") == (form == "safetensors")


def check_code(folder: Path, card: Card) -> None:
    """Refuse code that a configuration takes from a second repository, whose revision nobody pinned.

    Raises:
        CandidateError: it does.
    """
    for name in ("config.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json"):
        named = read_json(folder / name).get("auto_map")
        for place in _flatten(named):
            if "--" in place:
                what = f"its {name} takes code from another repository, {place.partition('--')[0][:100]}"
                raise CandidateError(what, where=f"card {card.name}", hint="name that repository as the source, or copy its code")


def _flatten(named: object) -> Iterator[str]:
    if isinstance(named, str):
        yield named
    elif isinstance(named, dict | list | tuple):
        for one in named.values() if isinstance(named, dict) else named:
            yield from _flatten(one)


def readable_form(folder: Path, card: Card, trust: Trust) -> Form:
    """Return the form in which an adapter reads a folder's weights.

    Raises:
        Unavailable: it holds none that the user trusts, or an adapter of peft alone, for which a library would look elsewhere for
            the weights of the base model.
    """
    if card.adapter == "transformers" and (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
        what = "it holds an adapter without its base model, which would be read from another place"
        hint = (
            "merge it into the base model (`merge_and_unload` of peft), or put config.json and the base model's weights beside it"
        )
        raise Unavailable(what, where=f"card {card.name}, {folder}", hint=hint)
    return allow_form(form_of(folder), trust, f"card {card.name}, {folder}", [path.name for path in folder.iterdir()])


def weights_file(folder: Path, form: Form, preferred: Sequence[str]) -> Path:
    """Return the one file with a folder's weights: one with a preferred name, else the first."""
    names = sorted(path.name for path in folder.iterdir() if is_weights(path.name, form))
    return folder / next((name for name in preferred if name in names), names[0])


@contextlib.contextmanager
def weights_only(card: Card) -> Iterator[None]:
    """Let `torch.load` read tensors alone, whatever a library or a model's own code asks it for.

    Raises:
        CandidateError: a pickle holds more than tensors; nothing of it was run.
    """
    force, lift = "TORCH_FORCE_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
    before = {name: os.environ.get(name) for name in (force, lift)}
    os.environ[force] = "1"
    os.environ.pop(lift, None)
    try:
        yield
    except (pickle.UnpicklingError, RuntimeError) as error:
        if not any(isinstance(one, pickle.UnpicklingError) for one in (error, error.__cause__)):
            raise
        what = "its weights are a pickle that holds more than tensors; nothing of it was run"
        raise CandidateError(what, where=f"card {card.name}", hint="look for the same model in safetensors form") from error
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
