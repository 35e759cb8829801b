"""By what the runners of a race are put in order."""

from __future__ import annotations

from typing import Literal

import pytest

from harness.core.measurement import Measurement
from harness.core.trial import Fidelity, Finished, Record, Trial
from harness.execute.budget import Entrant
from harness.execute.standings import Look, Standing, has_loss, put_in_order


def standing(technique: str, *, rate: float = 1e-3, lead: float = 1.0, better: Literal["higher", "lower"] = "higher") -> Standing:
    trial = Trial(
        candidate="a", technique=technique, task="t", task_digest="d", source_digest="s", measures="training",
        recipe={"learning_rate": rate}, fidelity=Fidelity(epochs=1, of=4),
    )  # fmt: skip
    found = Finished(measurements=(Measurement(name="score", value=2.0, better=better),))
    record = Record(trial=trial, outcome=found, started="2026-01-01T00:00:00", seconds=1.0)
    return Standing(Entrant("a", technique, trial.recipe, 4, 0.01), trial, record, now=Look(1.0, 2.0, 0.7), lead=lead)


def test_on_the_way_a_small_loss_counts_and_at_the_end_the_score() -> None:
    assert standing("full", lead=0.3).worth(is_over=False) > standing("full", lead=0.4, better="lower").worth(is_over=False)
    assert standing("full").worth(is_over=True) == 2.0
    assert standing("full", better="lower").worth(is_over=True) == -2.0


def test_each_techniques_best_comes_first_and_after_the_first_round_one_of_each_technique() -> None:
    first, second, third = standing("lora"), standing("lora", rate=2e-3), standing("full")
    for by_technique in (True, False):
        assert put_in_order([first, second, third], by_technique=by_technique) == [first, third, second]


@pytest.mark.parametrize(
    ("target", "comparable"), [("class", True), ("tags", True), ("number", True), ("text", False), ("documents", False)]
)
def test_losses_of_tokens_and_of_batches_are_not_compared(target: Literal["class", "text"], *, comparable: bool) -> None:
    assert has_loss(target) == comparable
