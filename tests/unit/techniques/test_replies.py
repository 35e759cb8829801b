from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from harness.core.wording import Wording
from harness.errors import CandidateError
from harness.techniques.catalogue import create
from harness.techniques.inputs import Inputs
from harness.techniques.replies import Choosing, check_replies, match, match_letter, reply_tokens

WORDS = (("card",), ("parcel", "delivery of a parcel"), ("credit card",))
TEXTS = tuple(f"{number} {['my card', 'the parcel', 'a credit card'][number % 3]}" for number in range(30))
LABELS = np.arange(30) % 3
ROWS = np.arange(20)


class Writer:
    """Replies by a rule, and remembers what it was asked."""

    def __init__(self, reply: Callable[[str], str]) -> None:
        self.reply, self.asked, self.limits = reply, list[str](), set[int]()

    def generate(self, prompts: Sequence[str], limit: int, stop: Sequence[str]) -> list[str]:
        assert not stop
        self.asked += prompts
        self.limits.add(limit)
        return [self.reply(prompt) for prompt in prompts]


def inputs(model: object) -> Inputs:
    wording = Wording("Text: {text}\nTeam: {label}", words=WORDS, instruction="Sort.")
    return Inputs(np.empty((0, 0, 0), np.float32), TEXTS, model, wording=wording)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("card", 0),
        (" Card.\n", 0),
        ("Team: delivery of a PARCEL", 1),
        ("**Credit  card**", 2),
        ("It is the card, I think.", 0),
        ("credit card, not parcel", None),
        ("parcel\n\nIt does not speak of a card.", 1),
        ("The answer is\nparcel", 1),
        ("cards", None),
        ("refund", None),
        ("", None),
        ("card or parcel", None),
        ("ｃａｒｄ", 0),
    ],
)
def test_a_reply_is_matched_with_words_for_a_class_or_with_none(reply: str, found: int | None) -> None:
    assert match(reply, WORDS) == found


OPTIONS = ("the loud dog", "a dog barks", "this question", "none")


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("B", 1),
        (" (B)\n", 1),
        ("\n\nB.\nIt barks.", 1),
        ("B. a dog", 1),
        ("B) A dog barks.", 1),
        ("**B. a dog**", 1),
        ("__B__", 1),
        ("'B'", 1),
        ("(B) a dog", 1),
        ("B: The loud dog", 1),
        ("B - the loud dog", 1),
        ("B, I think.", 1),
        ("Option D", 3),
        ("\uff22\u3002", 1),
        ("The answer is B.", 1),
        ("The correct answer is (D), since", 3),
        ("**Answer:** D", 3),
        ("It barks.\nAnswer: option D\n", 3),
        ("A dog barks.", 1),
        ("a dog barks", 1),
        ("A dog, I think: this question.", 2),
        ("I'm sorry, but this is a question I can't answer.", None),
        ("The answer is a mystery.", None),
        ("The answer is A mystery.", None),
        ("A small one.", None),
        ("A-level", None),
        ("A.I.", None),
        ("E", None),
        ("A or B", None),
        ("(A) and (C)", None),
        ("A, B", None),
        ("The answer is A, or B.", None),
        ("Answer: A. No, the answer is B.", None),
        ("a", None),
        ("", None),
    ],
)
def test_a_letter_is_read_where_it_is_an_answer_and_no_word(reply: str, found: int | None) -> None:
    assert match_letter(reply, OPTIONS) == found


def test_a_ninth_option_is_not_the_one_who_speaks() -> None:
    options = tuple(f"number {place}" for place in range(28))
    replies = ("I.", "I'm not sure", "I cannot tell", "B2", "B2. number 27", "B3")
    assert [match_letter(reply, options) for reply in replies] == [8, None, None, 27, 27, None]


def test_vowel_signs_tell_words_apart() -> None:
    assert match("उत्तर: हिन्दी", (("हिन्दी",), ("हान्दा",))) == 0


def test_signs_are_matched_as_they_are() -> None:
    assert [match(reply, (("+",), ("-",))) for reply in ("+", " - ", "plus", "")] == [0, 1, None, None]


def test_each_row_is_asked_once_behind_the_list_of_classes() -> None:
    model = Writer(lambda prompt: prompt.rpartition("Text: ")[2].removesuffix("\nTeam:").split(maxsplit=2)[2])
    given, technique = inputs(model), create("prompted")
    head = technique.fit(given, ROWS, LABELS[ROWS], 3)
    shares = head.predict(given, np.arange(6))
    assert shares.tolist() == np.eye(3)[LABELS[:6]].tolist()
    assert model.asked[0] == (
        "Sort.\n\nAnswer with one of these and nothing else:\n- card\n- parcel\n- credit card\n\nText: 0 my card\nTeam:"
    )
    technique.fit(given, ROWS[5:], LABELS[5:20], 3).predict(given, np.arange(6))
    assert len(model.asked) == 6
    assert head.recipe == {"answers": "replies"}
    assert model.limits == {reply_tokens([given.wording.words])} == {16 + 10}


def test_a_reply_without_a_class_is_a_guess_that_favors_none_and_is_counted() -> None:
    model = Writer(lambda _prompt: "who knows")
    rows = tuple(f"row {number}" for number in range(600))
    given = Inputs(np.empty((0, 0, 0), np.float32), rows, model, wording=inputs(model).wording)  # type: ignore[arg-type]
    head = create("prompted").fit(given, ROWS, LABELS[ROWS], 3)
    shares = head.predict(given, np.arange(600))
    assert np.allclose(shares, 1 / 3, atol=1e-3)
    assert np.allclose(shares.sum(1), 1)
    assert np.bincount(shares.argmax(1), minlength=3).min() > 150
    assert np.array_equal(shares, create("prompted").fit(given, ROWS, LABELS[ROWS], 3).predict(given, np.arange(600)))
    assert isinstance(head, Choosing)
    assert (head.heard.replies, head.heard.unmatched) == (600, 600)


def test_examples_stand_before_the_row_and_a_row_is_not_shown_to_itself() -> None:
    model = Writer(lambda _prompt: "parcel")
    given = inputs(model)
    head = create("few-shot").fit(given, ROWS, LABELS[ROWS], 3)
    head.predict(given, np.array([0, 25]))
    assert head.recipe == {"k": 20, "answers": "replies"}
    own, other = model.asked
    assert own.count("Text: 0 my card\n") == 1
    assert own.endswith("Text: 0 my card\nTeam:")
    assert other.count("\nTeam: ") == 20
    assert "Text: 0 my card\nTeam: card\n\n" in other
    assert other.startswith("Sort.\n\nAnswer with one of these and nothing else:\n- card\n")


@pytest.mark.parametrize("bad", [None, ["a"], ["a", None], "ab"])
def test_what_is_no_reply_to_each_prompt_is_refused(bad: object) -> None:
    with pytest.raises(CandidateError, match="replies to 2 prompts"):
        check_replies(bad, 2)
