"""Contenders from records, and what did not finish."""

import dataclasses

import pytest

from harness.core.measurement import Measurement
from harness.core.trial import Failed, Finished, Skipped
from harness.errors import WorkspaceError
from harness.rank.contender import failed, gather, skipped


def test_measurements_of_both_passes_come_together_in_the_order_of_names(make_run, entry) -> None:  # noqa: ANN001 - factory fixtures
    run = make_run([entry("b"), entry("a", technique="knn"), entry("a")])
    found = gather(run.info, run.answers, run.records)
    assert [one.name for one in found] == ["a · knn", "a · linear-probe", "b · linear-probe"]
    assert all(one.find("memory_mb").value == 100 and one.find("score") is not None for one in found)
    assert found[0].find("nothing") is None


def test_a_failed_memory_pass_is_a_note(make_run, make_record, entry) -> None:  # noqa: ANN001 - as above
    broken = make_record("a", "", Failed(stage="memory", error="out of memory"))
    run = make_run([entry("a", costs={"memory_mb": None})], extra=[broken])
    (found,) = gather(run.info, run.answers, run.records)
    assert found.find("memory_mb") is None
    assert found.notes == ("memory was not measured: out of memory",)
    assert failed(run.records) == ()


def test_a_control_is_said_to_be_one(make_run, entry) -> None:  # noqa: ANN001 - as above
    run = make_run([entry("a", card={"control": True})])
    assert "never recommended" in gather(run.info, run.answers, run.records)[0].notes[0]


def test_a_later_record_of_a_trial_stands_before_an_earlier_one(make_run, make_record, entry) -> None:  # noqa: ANN001 - as above
    run = make_run([entry("a")])
    memory = make_record("a", "", Finished(measurements=(Measurement(name="memory_mb", value=7.0),)))
    (found,) = gather(run.info, run.answers, (*run.records, memory))
    assert found.find("memory_mb").value == 7.0
    early = make_record("a", "linear-probe", Failed(stage="embed", error="crash"))
    assert failed((early, *run.records)) == ()


def test_a_fault_that_all_techniques_share_is_told_once(make_record) -> None:  # noqa: ANN001 - as above
    load = [make_record("a", t, Failed(stage="load", error="no weights", hint="get them")) for t in ("knn", "linear-probe")]
    one = [make_record("b", "knn", Failed(stage="knn", error="NaN")), make_record("b", "linear-probe", Finished())]
    memory = make_record("a", "", Failed(stage="load", error="no weights"))
    found = failed([*load, memory, *one])
    assert [(f.candidate, f.technique, f.stage, f.error, f.hint) for f in found] == [
        ("a", "", "load", "no weights", "get them"),
        ("b", "knn", "knn", "NaN", ""),
    ]


def test_skipped_reasons_are_told_once(make_record) -> None:  # noqa: ANN001 - as above
    records = [make_record("a", t, Skipped(reason="no GPU")) for t in ("knn", "linear-probe", "")]
    assert [(s.candidate, s.reason) for s in skipped(records)] == [("a", "no GPU")]


def test_records_without_a_card_are_a_fault_of_the_run(make_run, entry) -> None:  # noqa: ANN001 - as above
    run = make_run([entry("a")])
    with pytest.raises(WorkspaceError, match="no card"):
        gather(run.info.model_copy(update={"cards": ()}), run.answers, run.records)


def test_answers_of_a_trial_that_did_not_finish_are_a_fault_of_the_run(make_run, make_record, entry) -> None:  # noqa: ANN001 - as above
    run = make_run([entry("a")])
    answers = dataclasses.replace(run.answers[0], record=make_record("a", "knn", Failed(stage="load", error="no")))
    with pytest.raises(WorkspaceError, match="did not finish"):
        gather(run.info, [answers], run.records)
