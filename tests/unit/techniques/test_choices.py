from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.special import softmax

from harness.core.data import Choice
from harness.core.wording import Wording
from harness.techniques.catalogue import create
from harness.techniques.inputs import Inputs
from tests.unit.techniques.test_asking import Echo

ROWS = (
    Choice("who barks", ("the dog", "a cat that barks not", "barks")),
    Choice("who meows", ("meows", "the loud dog")),
    *(Choice(f"{number} or not", (f"{number}", "none")) for number in range(40)),
)
LABELS = np.array([2, 0, *[0] * 40])
EVERY = np.arange(len(ROWS))


def inputs(model: object, template: str = "Q: {text}\nA: {label}", **settings: object) -> Inputs:
    wording = Wording(template, (), **{"normalize": "tokens", **settings})  # type: ignore[arg-type]
    return Inputs(np.empty((0, 0, 0), np.float32), ROWS, model, wording=wording)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("normalize", "scores"),
    [
        ("none", [2 * np.log(0.1), 4 * np.log(0.1) + np.log(0.5), np.log(0.5)]),
        ("tokens", [np.log(0.1), (4 * np.log(0.1) + np.log(0.5)) / 5, np.log(0.5)]),
        ("prior", [0, np.log(5), np.log(5)]),
    ],
)
def test_each_option_is_as_likely_as_its_text_after_the_question(normalize: str, scores: list[float]) -> None:
    given = inputs(Echo(), normalize=normalize)
    head = create("prompted").fit(given, EVERY, LABELS, 3)
    shares = head.predict(given, np.array([0, 1]))
    np.testing.assert_allclose(shares[0], softmax(scores), atol=1e-6)
    assert shares[1, 2] == 0
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-6)


def test_letters_are_asked_for_after_a_list_of_the_options() -> None:
    class Reader(Echo):
        def log_likelihood(self, prompts: Sequence[str], continuations: Sequence[str]) -> np.ndarray:
            self.pairs = list(zip(prompts, continuations, strict=True))
            return super().log_likelihood(prompts, continuations)

    model = Reader()
    given = inputs(model, "{text}\n{options}\nAnswer: {letter}", normalize="none")
    create("prompted").fit(given, EVERY, LABELS, 3).predict(given, np.array([1]))
    assert model.pairs == [
        ("who meows\nA. meows\nB. the loud dog\nAnswer:", " A"),
        ("who meows\nA. meows\nB. the loud dog\nAnswer:", " B"),
    ]


def test_examples_show_the_right_option_and_a_row_is_never_shown_to_itself() -> None:
    model = Echo()
    given = inputs(model)
    head = create("few-shot").fit(given, EVERY[2:], LABELS[2:], 3)
    model.asked.clear()
    head.predict(given, EVERY)
    prompts = list(dict.fromkeys(model.asked))
    assert len(prompts) == len(ROWS)
    assert all(prompt.count("Q: ") > 1 for prompt in prompts)
    assert not any(f"Q: {number} or not\nA: {number}\n\n" in prompts[2 + number] for number in range(40))


def test_the_nearest_option_answers() -> None:
    questions = np.eye(2, dtype=np.float32)[[0, 1]]
    options = np.array([[2, 0], [0, 1], [1, 1], [1, 0], [0, 3]], np.float32)
    given = Inputs((), ROWS[:2], sides=(questions, options))
    head = create("cosine").fit(given, EVERY[:2], LABELS[:2], 3)
    shares = head.predict(given, np.array([1, 0]))
    np.testing.assert_allclose(shares[1], softmax([20, 0, 20 / np.sqrt(2)]), atol=1e-6)
    assert shares[0].argmax() == 1
    assert shares[0, 2] == 0


def test_a_model_that_knows_fewer_places_gives_the_others_none() -> None:
    class First:
        def fit_options(self, inputs: Sequence[tuple[str, tuple[str, ...]]], right: np.ndarray) -> None:
            self.seen = (list(inputs), right.tolist())

        def predict_options(self, inputs: Sequence[tuple[str, tuple[str, ...]]]) -> np.ndarray:
            return np.eye(2, dtype=np.float32)[[0] * len(inputs)]

    model = First()
    given = Inputs(np.empty((0, 0, 0), np.float32), ROWS, model)  # type: ignore[arg-type]
    head = create("fit").fit(given, np.array([1, 5]), LABELS[[1, 5]], 3)
    assert model.seen == ([ROWS[1], ROWS[5]], [0, 0])
    assert head.predict(given, np.array([3])).tolist() == [[1, 0, 0]]


@pytest.mark.parametrize("technique", ["prompted", "few-shot"])
def test_a_model_that_only_writes_is_told_once_to_give_a_letter(technique: str) -> None:
    class Writer:
        def generate(self, prompts: Sequence[str], limit: int, stop: Sequence[str]) -> list[str]:
            self.prompts = list(prompts)
            return ["B. A dog" if "meows" in prompt.rpartition("\n\n")[2] else "A dog, perhaps" for prompt in prompts]

    model = Writer()
    given = inputs(model, "{text}\n{options}\nAnswer: {letter}", instruction="Choose.")
    head = create(technique).fit(given, EVERY[2:], LABELS[2:], 3)
    shares = head.predict(given, np.array([1, 3]))
    assert model.prompts[0].startswith("Choose.\n\nAnswer with the letter alone.\n\n")
    assert model.prompts[0].endswith("\n\nwho meows\nA. meows\nB. the loud dog\nAnswer:")
    assert {prompt.count("Answer with the letter alone.") for prompt in model.prompts} == {1}
    assert shares[0].tolist() == [0, 1, 0]
    # An article is no letter: such a reply is a guess.
    assert shares[1].max() < 0.51


def test_a_model_that_only_writes_is_told_the_options_of_each_question() -> None:
    class Writer:
        def generate(self, prompts: Sequence[str], limit: int, stop: Sequence[str]) -> list[str]:
            self.prompts = list(prompts)
            return ["It is the loud dog." if "meows" in prompt else "no idea" for prompt in prompts]

    model = Writer()
    given = inputs(model)
    head = create("prompted").fit(given, EVERY, LABELS, 3)
    shares = head.predict(given, np.array([1, 2]))
    listed = "Answer with one of these and nothing else:\n- meows\n- the loud dog\n\n"
    assert model.prompts[0] == f"{listed}Q: who meows\nA:"
    assert shares[0].tolist() == [0, 1, 0]
    assert shares[1, 2] == 0
    assert shares[1].max() < 0.51
    assert head.recipe == {"answers": "replies"}
