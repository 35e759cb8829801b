"""Trials, their keys and their records."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.core.measurement import Measurement
from harness.core.trial import Failed, Fidelity, Finished, Inapplicable, Record, Skipped, Trial

TRIAL = Trial(candidate="a", technique="knn", task="t", task_digest="1", source_digest="2")


def record(outcome: object) -> Record:
    return Record.model_validate({"trial": TRIAL, "outcome": outcome, "started": "2024-01-01T00:00:00", "seconds": 1.5})


def test_the_key_survives_a_round_trip() -> None:
    assert Trial.model_validate_json(TRIAL.model_dump_json()).key == TRIAL.key


@pytest.mark.parametrize(
    "change",
    [
        {"candidate": "b"},
        {"technique": ""},
        {"task": "u"},
        {"task_digest": "9"},
        {"source_digest": "9"},
        {"measures": "memory"},
        {"device": "cuda:0"},
        {"dtype": "float16"},
        {"seed": 1},
        {"metric": "accuracy"},
        {"software_digest": "9"},
        {"timed": False},
    ],
)
def test_everything_that_defines_a_trial_changes_its_key(change: dict[str, object]) -> None:
    assert TRIAL.model_copy(update=change).key != TRIAL.key


def test_every_field_of_a_trial_is_tried_above() -> None:
    assert set(Trial.model_fields) == {
        "candidate", "technique", "task", "task_digest", "source_digest", "measures", "device", "dtype", "seed",
        "metric", "software_digest", "timed", "recipe", "fidelity", "confirms",
    }  # fmt: skip


@pytest.mark.parametrize(
    "outcome",
    [
        Finished(
            measurements=(Measurement(name="score", value=0.9, better="higher", n=5),),
            recipe={"C": 0.1, "layer": "last"},
            notes=("x",),
        ),
        Skipped(reason="no GPU"),
        Failed(stage="load", error="OSError: gone", hint="look", may_pass=True, log=("one", "  two")),
        Inapplicable(reason="the model cannot fit"),
    ],
)
def test_every_outcome_survives_a_round_trip_as_what_it_is(outcome: object) -> None:
    back = Record.model_validate_json(record(outcome).model_dump_json())
    assert back == record(outcome)
    assert type(back.outcome) is type(outcome)


def test_a_measurement_is_found_by_name() -> None:
    finished = Finished(measurements=(Measurement(name="score", value=0.9), Measurement(name="load_s", value=2)))
    assert finished.find("load_s") == Measurement(name="load_s", value=2)
    assert finished.find("loads") is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_failure_is_never_written_as_a_number(value: float) -> None:
    with pytest.raises(ValidationError):
        Measurement(name="score", value=value)


@pytest.mark.parametrize(
    "outcome", [{"state": "maybe"}, {"reason": "no state"}, {"state": "skipped", "stage": "load", "reason": ""}]
)
def test_other_outcomes_are_refused(outcome: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        record(outcome)


@given(st.text(max_size=20), st.integers(0, 99))
def test_keys_are_sixteen_hex_digits(name: str, seed: int) -> None:
    key = TRIAL.model_copy(update={"candidate": name, "seed": seed}).key
    assert len(key) == 16
    assert int(key, 16) >= 0


def test_a_trial_without_training_keeps_the_key_that_it_had_before_there_was_any() -> None:
    assert TRIAL.key == "25b1c4553b965650"
    assert TRIAL.model_copy(update={"recipe": {"a": 1}, "confirms": False}).key == TRIAL.key


@pytest.mark.parametrize("change", [{"recipe": {"rank": 8}}, {"fidelity": Fidelity(epochs=1, of=4)}, {"confirms": False}])
def test_everything_that_defines_a_training_changes_its_key(change: dict[str, object]) -> None:
    training = TRIAL.model_copy(update={"measures": "training", "fidelity": Fidelity(epochs=2, of=4)})
    assert training.model_copy(update=change).key != training.key


def test_a_runner_stays_the_same_however_far_it_is_trained() -> None:
    training = TRIAL.model_copy(update={"measures": "training", "fidelity": Fidelity(epochs=2, of=4)})
    further = training.model_copy(update={"fidelity": Fidelity(epochs=4, of=4), "confirms": False, "timed": False})
    other = training.model_copy(update={"recipe": {"rank": 8}})
    assert further.runner == training.runner != other.runner
    assert training.fidelity is not None
    assert training.fidelity.share == 0.5
