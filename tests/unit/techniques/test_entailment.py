from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.special import expit, softmax

from harness.errors import CandidateError
from harness.execute.subject import OtherRows, needs_met
from harness.techniques.catalogue import create
from harness.techniques.entailment import check_verdicts
from harness.techniques.inputs import Inputs

HYPOTHESES = (("It is about a card.",), ("It is about a parcel.", "It is about a delivery."))
TEXTS = ("my card", "the parcel", "the parcel and the card")
NONE = np.arange(0)


class Words:
    """A hypothesis follows from a text that has its last word, and contradicts the others."""

    def __init__(self) -> None:
        self.asked = 0

    def entails(self, premises: Sequence[str], hypotheses: Sequence[str]) -> np.ndarray:
        self.asked += len(premises)
        has = [h.rstrip(".").split()[-1] in p.split() for p, h in zip(premises, hypotheses, strict=True)]
        return np.array([(2.0, -1.0) if one else (0.5, 1.0) for one in has], np.float32).reshape(-1, 2)


def inputs(model: object, texts: Sequence[str] = TEXTS) -> Inputs:
    return Inputs(np.empty((0, 0, 0), np.float32), texts, model, hypotheses=HYPOTHESES)  # type: ignore[arg-type]


def test_of_classes_the_mean_probability_of_the_hypotheses_counts() -> None:
    given = inputs(Words())
    head = create("entailment").fit(given, NONE, NONE, 2)
    expected = softmax([2.0, np.log((np.exp(0.5) + np.exp(0.5)) / 2)])
    np.testing.assert_allclose(head.predict(given, np.array([0]))[0], expected, atol=1e-6)
    assert head.recipe == {"hypotheses": 3, "such_as": "It is about a card."}


def test_of_labels_each_is_judged_by_itself() -> None:
    given = inputs(Words())
    head = create("entailment").fit(given, NONE, np.empty((0, 2), np.float32), 2)
    yes, no = expit(3.0), expit(-0.5)
    np.testing.assert_allclose(
        head.predict(given, np.arange(3)), [[yes, no], [no, (yes + no) / 2], [yes, (yes + no) / 2]], atol=1e-6
    )


def test_no_label_is_looked_at_and_each_row_is_asked_about_once() -> None:
    model, technique = Words(), create("entailment")
    given = inputs(model)
    first = technique.fit(given, np.arange(2), np.array([0, 1]), 2).predict(given, np.arange(3))
    again = technique.fit(given, np.array([2]), np.array([0]), 2).predict(given, np.arange(3))
    np.testing.assert_array_equal(first, again)
    assert model.asked == 9
    others = inputs(model, TEXTS[::-1])
    np.testing.assert_allclose(technique.fit(given, NONE, NONE, 2).predict(others, np.arange(3)), first[::-1], atol=1e-6)
    assert technique.fit(given, NONE, NONE, 2).predict(given, NONE).shape == (0, 2)


@pytest.mark.parametrize(
    ("model", "classes", "said"),
    [(object(), 2, "does not tell what follows"), (Words(), 3, "no words to form hypotheses of")],
)
def test_what_cannot_be_asked_is_said(model: object, classes: int, said: str) -> None:
    with pytest.raises(CandidateError, match=said):
        create("entailment").fit(inputs(model), NONE, NONE, classes)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (np.zeros(3), r"shape \(3,\)"),
        (np.array([["a", "b"]] * 3), "type <U1"),
        (np.full((3, 2), np.nan), "3 of 3 hypotheses are NaN"),
    ],
)
def test_verdicts_of_another_form_are_a_fault(found: np.ndarray, said: str) -> None:
    with pytest.raises(CandidateError, match=said):
        check_verdicts(found, 3)


def test_a_model_that_judges_is_asked_where_there_is_something_to_judge() -> None:
    assert needs_met(Words(), is_image=False, has_hypotheses=True) == {"entail"}
    assert needs_met(Words(), is_image=False, target="labels", has_hypotheses=True) == {"entail"}
    with pytest.raises(OtherRows, match="Words has entails, and these rows need embed_text"):
        needs_met(Words(), is_image=False)
