from __future__ import annotations

from collections.abc import Collection

import pytest

from harness.conformance.agenda import AGAIN, EMBEDDING, FITTING, FITTING_ELSE, again, checks
from harness.conformance.embedding import Embedding
from harness.conformance.fitting import Fitting
from harness.conformance.messages import Abilities
from harness.conformance.probes import make_probes

TEXT = Abilities(tried=("embed_text",))
FITS = Abilities(tried=("fit_text", "fit_numbers_text", "fit_image"))
BOTH = Abilities(tried=("embed_text", "fit_text"), has_weights=True)


def order(able: Abilities, failing: Collection[str] = ()) -> list[str]:
    """Return the checks that are made where some of them fail."""
    going = checks(lambda: able)
    found = [next(going)]
    while True:
        try:
            found.append(going.send("failed" if found[-1] in failing else "passed"))
        except StopIteration:
            return found


@pytest.mark.parametrize(
    ("able", "failing", "expected"),
    [
        (TEXT, (), ["card", "load", "capability", *EMBEDDING, "memory", "files"]),
        (BOTH, (), ["card", "load", "capability", "size", *EMBEDDING, *FITTING, "memory", "files"]),
        (TEXT, ("card", "capability", "determinism"), ["card", "load", "capability", *EMBEDDING, "memory", "files"]),
        (BOTH, ("shape",), ["card", "load", "capability", "size", "shape", "shape", "files"]),
        (FITS, (), ["card", "load", "capability", *FITTING, *FITTING_ELSE, *FITTING, "memory", "files"]),
        (Abilities(), (), ["card", "load", "capability", "files"]),
        (BOTH, ("load",), ["card", "load"]),
    ],
)
def test_what_a_model_can_do_and_what_failed_decide_on_its_checks(
    able: Abilities, failing: tuple[str, ...], expected: list[str]
) -> None:
    assert order(able, failing) == expected


def test_an_answer_that_is_only_doubtful_is_looked_at_further() -> None:
    going = checks(lambda: TEXT)
    assert [next(going), *(going.send("warning") for _ in range(4))] == ["card", "load", "capability", "shape", "determinism"]


def test_what_is_not_to_be_loaded_is_not_looked_at_further() -> None:
    going = checks(Abilities)
    assert [next(going), going.send("passed")] == ["card", "load"]
    with pytest.raises(StopIteration):
        going.send("not applicable")


def test_a_second_process_is_asked_for_one_thing() -> None:
    assert list(again(Abilities)) == [AGAIN]


def test_every_check_of_an_ability_can_be_made() -> None:
    probes = make_probes("text")
    assert tuple(Embedding(None, probes).checks()) == EMBEDDING
    assert tuple(Fitting(None, lambda: None, probes).checks()) == FITTING
