"""Figures of written texts beside published and hand-made ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.tally import score
from harness.core.written import COLUMNS, TEXTS
from harness.measure.writing import exact_match, judge_texts, make_chrf, normalize, rouge_l, token_f1, words_of

TEXT = st.text(alphabet="ab cd.,é1東\n", max_size=30)


@pytest.mark.parametrize(
    ("text", "reference", "right"),
    [
        ("The Eiffel Tower!", "eiffel  tower", 1.0),
        ("an apple", "apple", 1.0),
        ("theatre", "atre", 0.0),
        ("1,000", "1000", 1.0),
        ("$18.00", "18", 1.0),
        ("20 %", "20", 1.0),
        ("1.5", "15", 0.0),
        ("-3", "3", 0.0),
        ("18.", "18", 1.0),
        ("1,00", "1.00", 1.0),  # no way to write a number, so that both are read as words
        ("", "...", 0.0),
        ("...", "...", 1.0),
        ("", "A", 0.0),
        ("the", "A", 0.0),
        ("(a).", "A", 1.0),
        ("", "-", 0.0),
        ("!", "?", 0.0),
        (" ? ", "?", 1.0),
        ("", "", 1.0),
        ("Straße", "strasse", 0.0),
    ],
)
def test_exact_match_is_of_normalized_words_or_of_numbers(text: str, reference: str, right: float) -> None:
    assert exact_match(text, reference) == right


def test_token_f1_is_that_of_squads_script() -> None:
    # Two of three words told, two of four right ones: 2 * 2 / 7.
    assert token_f1("Denver Broncos won", "the Denver Broncos of Colorado") == pytest.approx(4 / 7)
    assert token_f1("red red", "red blue") == pytest.approx(0.5)
    assert [token_f1("", one) for one in ("the", "A", "-", "?", "")] == [0, 0, 0, 0, 1]
    assert token_f1("The", "the") == token_f1("? ", "?") == 1.0
    assert token_f1("word", "") == 0.0


@pytest.mark.parametrize(
    ("text", "reference", "figure"),
    # As rouge-score 0.1.2 gives them without a stemmer.
    [
        ("police kill the gunman", "police killed the gunman", 0.75),
        ("the gunman police killed", "police killed the gunman", 0.5),
        ("We propose a new method.", "A method, newly proposed by us, is fast.", 0.3076923076923077),
        ("", "anything", 0.0),
    ],
)
def test_rouge_l_is_that_of_rouge_score(text: str, reference: str, figure: float) -> None:
    assert rouge_l(text, reference) == pytest.approx(figure, abs=1e-12)


def test_words_are_found_in_other_scripts_too() -> None:
    assert words_of("Été à 東京, ok_1") == ["été", "à", "東", "京", "ok", "1"]
    assert rouge_l("東京は大きい", "東京は小さい") == pytest.approx(4 / 6)
    # Vowel signs and accents are no letters by themselves; the same letters with others are another word.
    assert words_of("हिन्दी किताब, Jose\u0301 ที่") == ["हिन्दी", "किताब", "jose\u0301", "ที่"]
    assert rouge_l("किताब", "कातिब") == 0


def test_chrf_is_that_of_sacrebleu_and_takes_the_best_reference() -> None:
    chrf = make_chrf()
    assert chrf("police kill the gunman", ["police killed the gunman"]) == pytest.approx(0.7624037649780017, abs=1e-12)
    assert chrf("same", ["other", "same"]) == pytest.approx(1.0)


def test_of_several_references_the_best_counts_for_each_figure() -> None:
    figures = judge_texts(["the red car"], [["a blue bike", "Red car", "the red car goes"]])
    assert figures[0].tolist() == [1.0, 1.0, pytest.approx(6 / 7), pytest.approx(make_chrf()("the red car", ["the red car goes"]))]


def test_a_pattern_finds_the_answer_on_both_sides() -> None:
    pattern = r"#### (-?[\d,.]+)"
    references = [["so 2 + 2 = 4\n#### 4"]] * 4
    figures = judge_texts(["#### 4", "never mind #### 4.0, and #### 5", "it is 4", "#### 5"], references, pattern)
    assert figures[:, 0].tolist() == [1, 1, 0, 0]
    assert figures[:, 1].tolist() == [1, 1, 0, 0]
    # ROUGE-L and chrF are of whole texts, whatever the answer is.
    assert figures[2, 2] > 0
    # A group that takes no part is no answer, and none is as good as another.
    assert judge_texts(["none"], [["#### 4"]], r"#### (\d+)|none")[0, :2].tolist() == [0, 0]
    assert judge_texts(["none"], [["#### "]], r"#### (\d+)?|none")[0, :2].tolist() == [0, 0]


@given(TEXT, TEXT)
def test_figures_are_shares_and_a_text_is_as_good_as_itself(text: str, other: str) -> None:
    found = judge_texts([text, text], [[other], [other, text]])
    assert ((found >= 0) & (found <= 1 + 1e-12)).all()
    assert found[1, :2].tolist() == [1, 1]
    assert found[1, 2] == (1 if words_of(text) else 0)
    assert (found[1] >= found[0] - 1e-12).all()
    assert normalize(normalize(text)) == normalize(text)


def test_a_score_is_the_mean_of_rows_and_of_no_row_0() -> None:
    figures = judge_texts(["yes", "no"], [["yes"], ["yes"]])
    assert {name: score(TEXTS[name], figures) for name in COLUMNS}["exact_match"] == 0.5
    assert judge_texts([], []).shape == (0, len(COLUMNS))
    drawn = TEXTS["exact_match"].draw(figures, np.array([[2, 0], [0, 2], [1, 1]], np.float32))
    assert drawn.tolist() == [1, 0, 0.5]
