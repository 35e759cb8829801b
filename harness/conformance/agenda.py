"""Which checks a candidate goes through, in their order: who makes them and who counts them both go by it."""

from __future__ import annotations

from collections.abc import Callable, Generator

from harness.conformance.finding import Status
from harness.conformance.messages import Abilities

# The first must not fail, or the others would only say the same again.
EMBEDDING = ("shape", "determinism", "batch size", "row order", "empty input", "huge input", "unicode")
ASKING = EMBEDDING
# The first fits the model, the last fits it on something else.
FITTING = ("shape", "batch size", "row order", "empty input", "huge input", "unicode", "determinism", "refit")
AGAIN = "processes"

# Yields a check and is sent how it went, which decides on those that follow.
Checks = Generator[str, Status, None]
Agenda = Callable[[Callable[[], Abilities]], Checks]


def checks(abilities: Callable[[], Abilities]) -> Checks:
    """Yield the checks of a candidate; its abilities are asked for once it is loaded."""
    yield "card"
    if (yield "load") == "failed":
        return
    able = abilities()
    yield "capability"
    if able.has_weights:
        yield "size"
    is_sound = False
    for ability in able.tried:
        shape, *others = FITTING if ability.startswith("fit") else ASKING if ability == "log_likelihood" else EMBEDDING
        if (yield shape) != "failed":
            is_sound = True
            for other in others:  # noqa: UP028 - a tuple takes no answer
                yield other
    if is_sound:
        yield "memory"
    yield "files"


def again(_abilities: Callable[[], Abilities]) -> Checks:
    """Yield what is looked at in a second process."""
    yield AGAIN
