"""What the process that runs candidates' code says, beside findings: a noun for each kind of message."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.core.noun import Noun

Ability = Literal[
    "embed_text", "embed_pairs", "embed_words", "embed_image", "log_likelihood", "entails", "generate", "search", "write",
    "fit_text", "fit_image", "fit_labels_text", "fit_labels_image", "fit_numbers_text", "fit_numbers_image",
    "fit_tags_text",
    "fit_options_text",
]  # fmt: skip


class Abilities(Noun):
    """`able`: what a loaded model can do with the inputs that its card names, as it is tried, and whether it knows its own size."""

    tried: Annotated[tuple[Ability, ...], Field(max_length=20)] = ()
    has_weights: bool = False


class Names(Noun):
    """`names`: the candidates that a plugin file holds, of those that are asked for, in their order."""

    names: tuple[str, ...]


class Found(Noun):
    """`found`: the file that defines a name, its workspace, and that outside of which weights may not lie.

    The name is empty where the file cannot be imported. `faults` (what, where, hint) say why there is no such file.
    """

    path: str = ""
    root: str = ""
    name: str = ""
    fence: str = ""
    faults: tuple[tuple[str, str, str], ...] = ()
