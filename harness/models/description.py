"""Text that says what an object does, the same in every process: no addresses, and every digit of every number."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping
from enum import Enum

import numpy as np
import torch

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# What every torch module carries and no transform differs in.
_PLUMBING = frozenset(vars(torch.nn.Module())) - {"_modules", "_parameters", "_buffers"}


def digest_module(module: torch.nn.Module) -> str:
    """Return a hash of a module's layers with their sizes."""
    return hashlib.sha256(_ADDRESS.sub("", repr(module)).encode()).hexdigest()


def describe(thing: object) -> str:
    """Return a transform with all its steps and their settings.

    >>> describe([functools.partial(round, ndigits=2), 0.48145466])
    '[builtins.round(ndigits=2), 0.48145466]'
    """
    if isinstance(thing, torch.Tensor | np.ndarray):
        return repr(thing.tolist())
    if isinstance(thing, list | tuple):
        return f"[{', '.join(describe(part) for part in thing)}]"
    if isinstance(thing, Mapping):
        return f"{{{_assign(thing)}}}"
    if isinstance(thing, functools.partial):
        given = {str(place): value for place, value in enumerate(thing.args)} | thing.keywords
        return f"{describe(thing.func)}({_assign(given)})"
    if hasattr(thing, "__qualname__"):
        return _name(thing)
    return _describe_object(thing)


def _describe_object(thing: object) -> str:
    settings: dict[str, object] | None = getattr(thing, "__dict__", None)
    if settings is None or isinstance(thing, Enum):
        return _ADDRESS.sub("", repr(thing))
    unseen = _PLUMBING if isinstance(thing, torch.nn.Module) else ()
    return f"{_name(type(thing))}({_assign({name: value for name, value in settings.items() if name not in unseen})})"


def _assign(settings: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={describe(value)}" for name, value in sorted(settings.items()))


def _name(thing: object) -> str:
    return f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', '')}"
