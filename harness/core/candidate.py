"""A candidate: a card and the way to load its model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.core.card import Card


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a Python plugin exports: a card, and `load(device, dtype)` that returns a model with capabilities.

    Heavy imports belong inside `load`, so that listing candidates stays instant.
    """

    card: Card
    load: Callable[[str, str], object]


@dataclass(frozen=True, slots=True)
class Registered:
    """A candidate as a workspace holds it. A worker process finds it again by `path` and the card's name."""

    card: Card
    path: str
    workspace: str
    is_plugin: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin file whose candidates cannot be known, because importing it failed."""

    name: str
    path: str
    error: str
    hint: str
