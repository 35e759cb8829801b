"""Scores from predictions, and the faults of a run whose parts do not belong together."""

import dataclasses

import numpy as np
import pytest

from harness.core.metric import score
from harness.errors import WorkspaceError
from harness.rank.contender import gather
from harness.rank.scoring import is_recorded, reference, score_contenders


def test_scores_equal_the_records_and_the_test_rows_have_their_own(make_run, entry) -> None:  # noqa: ANN001 - factory fixtures
    run = make_run([entry("a", 0.9), entry("b", 0.8)], metric="macro_f1")
    field = gather(run.info, run.answers, run.records)
    found = score_contenders("macro_f1", field, reference(run.truth, "validation", 4), "validation", seed=0)
    assert found.points == pytest.approx([one.find("score").value for one in field])
    assert found.draws.shape == (2000, 2)
    tests = score_contenders("macro_f1", field, reference(run.truth, "test", 4), "test", seed=0)
    assert tests.points == pytest.approx([score("macro_f1", run.truth.test, one.answers.test, 4) for one in field])
    assert all(e.low < e.score < e.high for e in (*found.estimates, *tests.estimates))


def test_no_rows_give_no_scores(make_run, entry) -> None:  # noqa: ANN001 - as above
    run = make_run([entry("a")], test_rows=0)
    field = gather(run.info, run.answers, run.records)
    assert score_contenders("accuracy", field, reference(run.truth, "test", 4), "test", seed=0).estimates == ()
    assert score_contenders("accuracy", (), reference(run.truth, "validation", 4), "validation", seed=0).estimates == ()


def external(run, samples):  # noqa: ANN001, ANN201 - a run and its samples
    answers = [dataclasses.replace(a, validation_sample=s, test_sample=s) for a, s in zip(run.answers, samples, strict=True)]
    return gather(run.info, answers, run.records)


def test_external_metrics_are_read_and_undefined_resamples_left_out_for_all(make_run, entry) -> None:  # noqa: ANN001 - as above
    run = make_run([entry("a", 0.9), entry("b", 0.8)], metric="evaluate:rmse")
    field = external(run, [np.array([0.1, np.nan, 0.12, 0.11]), np.array([0.2, 0.2, 0.21, 0.19])])
    found = score_contenders("evaluate:rmse", field, reference(run.truth, "validation", 4), "validation", seed=0)
    assert found.points == pytest.approx([0.1, 0.2])
    assert found.draws.tolist() == [[0.1, 0.2], [0.12, 0.21], [0.11, 0.19]]
    nowhere = external(run, [np.full(4, np.nan), np.full(4, 0.2)])
    (first, _) = score_contenders("evaluate:rmse", nowhere, reference(run.truth, "validation", 4), "validation", seed=0).estimates
    assert first.low == first.high == pytest.approx(0.1)


@pytest.mark.parametrize("samples", [[None, np.ones(4)], [np.ones(3), np.ones(4)]])
def test_samples_must_be_there_and_fit(samples, make_run, entry) -> None:  # noqa: ANN001 - as above
    run = make_run([entry("a"), entry("b")], metric="evaluate:rmse")
    with pytest.raises(WorkspaceError, match="resamples"):
        score_contenders("evaluate:rmse", external(run, samples), reference(run.truth, "validation", 4), "validation", seed=0)


def test_predictions_must_fit_the_rows_and_the_record(make_run, entry) -> None:  # noqa: ANN001 - as above
    run = make_run([entry("a")])
    right = reference(run.truth, "validation", 4)
    for told, what in ((run.answers[0].validation[1:], "999 predictions for 1000"), (run.truth.validation, "its record says 0.9")):
        field = gather(run.info, [dataclasses.replace(run.answers[0], validation=told)], run.records)
        with pytest.raises(WorkspaceError, match=what):
            score_contenders("accuracy", field, right, "validation", seed=0)


def test_a_run_whose_head_has_lost_classes_is_no_crash(make_run, entry) -> None:  # noqa: ANN001 - as above
    run = make_run([entry("a")])
    field = gather(run.info, run.answers, run.records)
    with pytest.raises(WorkspaceError, match="more than the 3 classes"):
        score_contenders("accuracy", field, reference(run.truth, "validation", 3), "validation", seed=0)


def test_another_metric_than_the_runs_is_noticed(make_run, entry) -> None:  # noqa: ANN001 - as above
    run = make_run([entry("a", 0.85)], rows=1001, classes=3)
    (one,) = gather(run.info, run.answers, run.records)
    assert is_recorded("accuracy", one, one.find("accuracy").value)
    assert not is_recorded("mcc", one, one.find("mcc").value)


def repeated(make_run, entry, seeds: int):  # noqa: ANN001, ANN201 - a factory and what it makes
    """A contender that was trained with several seeds, each of which got other rows wrong, and one that was trained once."""
    run = make_run([entry("a", technique="full", seed=s, right=0.7 + 0.02 * s) for s in range(seeds)] + [entry("b", seed=9)])
    told = []
    for seed, one in enumerate(run.answers):
        kind = {"measures": "training", "seed": seed} if one.record.trial.candidate == "a" else {}
        trial = one.record.trial.model_copy(update=kind)
        told.append(dataclasses.replace(one, record=one.record.model_copy(update={"trial": trial})))
    return run, gather(run.info, told, [one.record for one in told])


def test_the_score_of_several_seeds_is_their_mean_and_the_interval_covers_them(make_run, entry) -> None:  # noqa: ANN001 - as above
    run, field = repeated(make_run, entry, seeds=3)
    assert [(one.name, len(one.repeats)) for one in field] == [("a · full", 2), ("b · linear-probe", 0)]
    found = score_contenders("accuracy", field, reference(run.truth, "validation", 4), "validation", seed=0)
    assert found.by_seed[0] == pytest.approx((0.70, 0.72, 0.74))
    assert found.points[0] == pytest.approx(0.72)
    single = score_contenders("accuracy", [field[1]], reference(run.truth, "validation", 4), "validation", seed=0)
    assert found.points[1] == single.points[0]
    assert (found.draws[:, 1] == single.draws[:, 0]).all()


def test_seeds_that_differ_widen_the_interval_beyond_that_of_their_mean(make_run, entry) -> None:  # noqa: ANN001 - as above
    run, field = repeated(make_run, entry, seeds=3)
    right = reference(run.truth, "validation", 4)
    drawn = score_contenders("accuracy", field, right, "validation", seed=0).draws[:, 0]
    seeds = score_contenders("accuracy", field[0].by_seed(), right, "validation", seed=0).draws
    # The variance of a mean over three drawn ones is that of the three in a resample, divided by three, beside that of their mean.
    assert drawn.var() == pytest.approx(seeds.mean(axis=1).var() + seeds.var(axis=1).mean() / 3, rel=0.1)
