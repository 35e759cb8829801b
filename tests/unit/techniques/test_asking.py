from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.special import softmax

from harness.core.data import Pair
from harness.core.wording import Wording
from harness.errors import CandidateError
from harness.techniques.asking import Asking
from harness.techniques.catalogue import create
from harness.techniques.few_shot import MOST, take_turns
from harness.techniques.inputs import Inputs
from harness.techniques.tuning import DoesNotApply

WORDS = (("card",), ("parcel", "delivery of a parcel"))
TEXTS = tuple(f"{number} {['my card', 'the parcel'][number % 2]}" for number in range(60))
LABELS = np.arange(60) % 2
ROWS = np.arange(40)


class Echo:
    """A word that stands in the last line of a prompt is as likely as not to come again, every other one comes one time in ten.

    A word is a token.
    """

    context = 100

    def __init__(self) -> None:
        self.asked: list[str] = []

    def log_likelihood(self, prompts: Sequence[str], continuations: Sequence[str]) -> np.ndarray:
        self.asked += prompts
        found = []
        for prompt, goes_on in zip(prompts, continuations, strict=True):
            known = prompt.split("\n\n")[-1].split()
            sums = [np.log(0.5 if word in known else 0.1) for word in goes_on.split()]
            found.append((sum(sums), len(sums)))
        return np.array(found, np.float32).reshape(-1, 2)

    def count_tokens(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([len(text.split()) for text in texts])


def inputs(model: object, **settings: object) -> Inputs:
    wording = Wording("Text: {text}\nTeam: {label}", **{"words": WORDS, "instruction": "Sort.", "normalize": "tokens", **settings})
    return Inputs(np.empty((0, 0, 0), np.float32), TEXTS, model, wording=wording)


@pytest.mark.parametrize(
    ("normalize", "scores"),
    [
        # Of a row with "card": the words of the first class, then both phrases of the second.
        ("none", [np.log(0.5), np.log(0.1), 4 * np.log(0.1)]),
        ("tokens", [np.log(0.5), np.log(0.1), np.log(0.1)]),
        ("prior", [np.log(5), 0, 0]),
    ],
)
def test_shares_are_those_of_the_likelihoods(normalize: str, scores: list[float]) -> None:
    given = inputs(Echo(), normalize=normalize)
    head = create("prompted").fit(given, ROWS, LABELS[ROWS], 2)
    expected = softmax([scores[0], np.log((np.exp(scores[1]) + np.exp(scores[2])) / 2)])
    np.testing.assert_allclose(head.predict(given, np.array([50]))[0], expected, atol=1e-6)
    assert head.recipe == {"normalize": normalize}


def test_prompted_looks_at_no_label_and_asks_each_row_once() -> None:
    model, technique = Echo(), create("prompted")
    given = inputs(model)
    first = technique.fit(given, ROWS, LABELS[ROWS], 2).predict(given, np.arange(50))
    asked = len(model.asked)
    again = technique.fit(given, ROWS[::-1], 1 - LABELS[ROWS], 2).predict(given, np.arange(50))
    np.testing.assert_array_equal(first, again)
    assert len(model.asked) == asked == 50 * 3
    assert model.asked[0] == "Sort.\n\nText: 0 my card\nTeam:"
    other = inputs(model)
    technique.fit(given, ROWS, LABELS[ROWS], 2).predict(other, np.arange(50))
    assert len(model.asked) == 2 * asked


def shown(prompt: str) -> list[str]:
    return [part.split("\n")[0].removeprefix("Text: ") for part in prompt.split("\n\n")[1:-1]]


def test_examples_are_training_rows_of_each_class_in_turn_and_never_the_row_itself() -> None:
    model = Echo()
    given = inputs(model)
    head = create("few-shot").fit(given, ROWS, LABELS[ROWS], 2)
    head.predict(given, np.arange(60))
    prompts = model.asked[::3]
    assert head.recipe["k"] == 14
    examples = shown(prompts[50])
    assert len(examples) == 14
    assert set(examples) <= {TEXTS[row] for row in ROWS}
    assert sum("card" in one for one in examples) == 7
    assert "Text: 0 my card\nTeam: card\n\n" in prompts[50] or TEXTS[0] not in examples
    for row, prompt in enumerate(prompts):
        assert prompt.startswith("Sort.\n\nText: ")
        assert prompt.endswith(f"\n\nText: {TEXTS[row]}\nTeam:")
        assert TEXTS[row] not in shown(prompt)
        assert shown(prompt) == [one for one in examples if one != TEXTS[row]]


def test_as_many_examples_as_fit_in_the_context() -> None:
    model = Echo()
    model.context = 40
    given = inputs(model)
    head = create("few-shot").fit(given, ROWS, LABELS[ROWS], 2)
    assert isinstance(head, Asking)
    assert 0 < head.recipe["k"] < 14  # type: ignore[operator]
    assert head.count_cut(given, np.arange(60)) == 0
    model.context = 8
    with pytest.raises(DoesNotApply, match="its context of 8 tokens has no room for an example"):
        create("few-shot").fit(given, ROWS, LABELS[ROWS], 2)
    assert create("prompted").fit(given, ROWS, LABELS[ROWS], 2).count_cut(given, np.arange(60)) == 60  # type: ignore[attr-defined]


def test_a_model_that_does_not_count_gets_the_most_examples() -> None:
    class Silent:
        log_likelihood = Echo().log_likelihood

    given = inputs(Silent())
    head = create("few-shot").fit(given, ROWS, LABELS[ROWS], 2)
    assert head.recipe["k"] == MOST
    assert head.count_cut(given, ROWS) is None  # type: ignore[attr-defined]


def test_pairs_are_asked_about_whole() -> None:
    model = Echo()
    rows = tuple(Pair(f"{i} a", f"{i} b") for i in range(8))
    wording = Wording("{text} or {text_pair}: {label}", (("a",), ("c",)), normalize="none")
    given = Inputs(np.empty((0, 0, 0), np.float32), rows, model, wording=wording)
    head = create("few-shot").fit(given, np.arange(4), np.arange(4) % 2, 2)
    np.testing.assert_allclose(head.predict(given, np.array([5])), [[5 / 6, 1 / 6]], atol=1e-6)
    assert model.asked[-1].endswith("\n\n5 a or 5 b:")
    assert model.asked[-1].count(" or ") == 5


def test_turns_take_one_of_each_class_while_there_are_any() -> None:
    labels = np.array([0] * 20 + [1] * 3 + [2] * 2)
    order = take_turns(labels)
    assert sorted(order) == list(range(25))
    assert [sorted(labels[order[start : start + 3]].tolist()) for start in (0, 3)] == [[0, 1, 2]] * 2
    assert sorted(labels[order[6:8]].tolist()) == [0, 1]
    np.testing.assert_array_equal(order, take_turns(labels))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (np.zeros, "likelihoods have shape"),
        (lambda n: np.full((n, 2), np.nan), "likelihoods of 3 of 3 continuations are NaN"),
        (lambda n: np.full((n, 2), 0.5), "a log-probability is 0.5"),
        (lambda n: np.array([[-1, 1], [-1, 0], [-1, 1]]), 'to the model, "parcel" is nothing'),
    ],
)
def test_what_is_no_likelihood_is_an_error(found: object, said: str) -> None:
    class Wrong(Echo):
        def log_likelihood(self, prompts: Sequence[str], continuations: Sequence[str]) -> np.ndarray:
            return found(len(prompts))  # type: ignore[operator, no-any-return]

    given = inputs(Wrong())
    with pytest.raises(CandidateError, match=said):
        create("prompted").fit(given, ROWS, LABELS[ROWS], 2).predict(given, np.array([1]))


@pytest.mark.parametrize("name", ["prompted", "few-shot"])
def test_what_cannot_be_asked_is_told(name: str) -> None:
    with pytest.raises(CandidateError, match="neither tells how likely a text goes on nor writes"):
        create(name).fit(inputs(object()), ROWS, LABELS[ROWS], 2)
    with pytest.raises(CandidateError, match="does not say how to put its rows"):
        create(name).fit(inputs(Echo()), ROWS, LABELS[ROWS], 3)
