"""Which checks a candidate goes through, in their order: who makes them and who counts them both go by it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence

from harness.conformance.finding import Status
from harness.conformance.messages import Abilities

# The first must not fail, or the others would only say the same again.
EMBEDDING = ("shape", "determinism", "batch size", "row order", "empty input", "huge input", "unicode")
ASKING = EMBEDDING
# The first fits the model, the last fits it on something else.
FITTING = ("shape", "batch size", "row order", "empty input", "huge input", "unicode", "determinism", "refit")
# How it reads was looked at already where it was fitted to something else.
FITTING_ELSE = ("shape", "batch size", "row order", "determinism", "refit")
AGAIN = "processes"

# Yields a check and is sent how it went, which decides on those that follow.
Checks = Generator[str, Status, None]
Agenda = Callable[[Callable[[], Abilities]], Checks]


def checks(abilities: Callable[[], Abilities]) -> Checks:
    """Yield the checks of a candidate; its abilities are asked for once it is loaded."""
    yield "card"
    if (yield "load") in {"failed", "not applicable"}:
        return
    able = abilities()
    yield "capability"
    if able.has_weights:
        yield "size"
    is_sound, fitted = False, set[str]()
    for ability in able.tried:
        rows = ability.rpartition("_")[2]
        shape, *others = _of(ability, was_fitted=rows in fitted)
        if (yield shape) != "failed":
            is_sound = True
            fitted |= {rows} if ability.startswith("fit") else set()
            for other in others:  # noqa: UP028 - a tuple takes no answer
                yield other
    if is_sound:
        yield "memory"
    yield "files"


def _of(ability: str, *, was_fitted: bool) -> tuple[str, ...]:
    """Return the checks of an ability; `was_fitted` says that the model was fitted to something else on such rows before."""
    if not ability.startswith("fit"):
        return ASKING if ability == "log_likelihood" else EMBEDDING
    return FITTING_ELSE if was_fitted else FITTING


def looks(part: object, names: Sequence[str]) -> Mapping[str, Callable[[], str]]:
    """Return what makes each check of a part of a model: its method of that name, with `_` before it and for blanks."""
    return {name: getattr(part, f"_{name.replace(' ', '_')}") for name in names}


def again(_abilities: Callable[[], Abilities]) -> Checks:
    """Yield what is looked at in a second process."""
    yield AGAIN
