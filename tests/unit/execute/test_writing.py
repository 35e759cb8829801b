from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.builtin import builtin_root
from harness.core.data import Dataset, Rows, Split
from harness.core.writing import Writing
from harness.errors import CandidateError
from harness.execute.subject import OtherRows
from harness.execute.writing import judge_writing, writing_needs
from harness.load.candidates import load_plugin
from harness.store import predictions
from harness.techniques.tuning import DoesNotApply
from harness.techniques.writing import MOST, Scribe, check_texts, fit_author


class Echo:
    """Writes the last word of a prompt, however often it was shown."""

    def generate(self, prompts: Sequence[str], limit: int, stop: Sequence[str]) -> list[str]:
        del limit, stop
        return [prompt.split()[-2] for prompt in prompts]


class Reader(Echo):
    """Reads so many tokens, which are words."""

    def __init__(self, context: int) -> None:
        self.context = context

    def count_tokens(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([len(text.split()) for text in texts])


class Memory:
    """Knows by heart what it was fitted to."""

    def fit_texts(self, prompts: Sequence[str], references: Sequence[str]) -> None:
        self.known = dict(zip(prompts, references, strict=True))

    def write_texts(self, prompts: Sequence[str]) -> list[str]:
        return [self.known.get(prompt, "?") for prompt in prompts]


def data(rows: int = 30) -> Dataset:
    """Rows whose answer is the last word of the question; two folds choose."""
    contents = tuple(f"say word{i}" for i in range(rows))
    writing = Writing(
        prompts=tuple(f"Q: {content} A:" for content in contents),
        references=tuple((f"word{i}", "other") for i in range(rows)),
        opening="Answer.\n\n",
        limit=4,
    )
    half = rows // 3
    split = Split((), (tuple(range(half)), tuple(range(half, 2 * half))), tuple(range(2 * half, rows)))
    found = Rows(tuple(map(str, range(rows))), contents, (5.0,) * rows, (), (), "text")
    return Dataset(found, split, "digest", "made", writing=writing)


def judge(made: Dataset, technique: str, model: object) -> object:
    assert made.writing is not None
    return judge_writing(
        made,
        made.writing,
        lambda rows: fit_author(technique, model, made, rows),
        learns=technique != "prompted",
        metric="exact_match",
    )


def test_a_language_model_is_asked_with_the_opening_and_the_prompt() -> None:
    made = data()
    author = fit_author("prompted", Echo(), made, ())
    assert isinstance(author, Scribe)
    assert author._prompts([2]) == ["Answer.\n\nQ: say word2 A:"]
    assert author.write([2, 0]) == ["word2", "word0"]
    assert author.recipe == {"limit": 4}


def test_examples_are_rows_that_are_learned_from_the_same_ones_each_time() -> None:
    made = data()
    learned = list(made.split.training(0))
    author = fit_author("few-shot", Echo(), made, learned)
    assert isinstance(author, Scribe)
    assert author.recipe["k"] == MOST
    shown = [part for part in author.opening.split("\n\n") if part.startswith("Q:")]
    assert len(set(shown)) == MOST
    assert all(int(one.split("word")[-1]) in learned for one in shown)
    assert shown[0].endswith(f"A: word{shown[0].split('word')[-1]}")
    again = fit_author("few-shot", Echo(), made, learned)
    assert isinstance(again, Scribe)
    assert again.opening == author.opening


def test_as_many_examples_are_shown_as_the_context_has_room_for() -> None:
    # A prompt has 4 words, an example 5, the opening 1, and 4 tokens are to be written: 1 + 4 + 4 + 1 + 5 k.
    made = data()
    for room, number in ((26, 3), (25, 3), (24, 2)):
        assert fit_author("few-shot", Reader(room), made, range(20)).recipe["k"] == number
    with pytest.raises(DoesNotApply, match="no room for an example"):
        fit_author("few-shot", Reader(14), made, range(20))
    author = fit_author("prompted", Reader(8), made, ())
    assert isinstance(author, Scribe)
    assert author.count_cut(range(30)) == 30
    assert Scribe(Reader(9), made.writing, made.writing.opening).count_cut(range(30)) == 0  # type: ignore[arg-type, union-attr]


def test_each_row_is_judged_by_who_did_not_see_it(tmp_path: Path) -> None:
    made = data()
    asked, learned = judge(made, "prompted", Echo()), judge(made, "fit", Memory())
    names = {one.name: one.value for one in asked.measurements}  # type: ignore[attr-defined]
    assert (names["score"], names["test_score"], names["exact_match"], names["token_f1"]) == (1, 1, 1, 1)
    assert {one.value for one in learned.measurements if one.name in {"score", "test_score"}} == {0}  # type: ignore[attr-defined]
    predictions.write(tmp_path / "kept.parquet", asked.predictions)  # type: ignore[attr-defined]
    kept = predictions.read(tmp_path / "kept.parquet")
    assert kept["validation"].predictions.shape == (20, 4)
    assert kept["test"].predictions[:, 0].tolist() == [1] * 10
    import pyarrow.parquet as pq

    row = pq.read_table(tmp_path / "kept.parquet").to_pylist()[3]
    assert (row["reference"], row["prediction"]) == (["word3", "other"], "word3")


def test_what_a_model_can_do_is_found_or_said() -> None:
    assert writing_needs(Echo()) == {"ask"}
    assert writing_needs(Memory()) == {"fit"}

    class Embedder:
        def embed_text(self, texts: Sequence[str]) -> None: ...

    with pytest.raises(OtherRows, match="neither writes texts"):
        writing_needs(Embedder())
    with pytest.raises(CandidateError, match="can neither write texts"):
        writing_needs(object())
    with pytest.raises(CandidateError, match="cannot be fitted"):
        fit_author("fit", Echo(), data(), ())
    with pytest.raises(CandidateError, match="does not write"):
        fit_author("prompted", Memory(), data(), ())


@pytest.mark.parametrize("found", [["a"], "ab", ["a", 1], None, ("a", "b", "c")])
def test_what_is_no_text_for_each_prompt_is_an_error(found: object) -> None:
    with pytest.raises(CandidateError, match="2 texts are asked for"):
        check_texts(found, 2)


def test_half_a_surrogate_pair_is_mended() -> None:
    assert check_texts(("a\ud800", "🙂"), 2) == ["a\ufffd", "🙂"]


def test_the_baselines_write_what_they_say() -> None:
    made = {one.card.name: one for one in load_plugin(builtin_root() / "candidates" / "baselines.py")}
    names = ("baseline-commonest", "baseline-lead", "baseline-nearest")
    texts = ["How do I return a shirt?", "Where is my parcel?", "Is my parcel late?"]
    replies = ["Print the label.", "Look at the link.", "Look at the link."]
    found = {}
    for name in names:
        model = made[name].load("cpu", "float32")
        assert made[name].card.suits("generation")
        assert not made[name].card.suits("text-classification")
        model.fit_texts(texts, replies)  # type: ignore[attr-defined]
        found[name] = model.write_texts(["I want to return it. Now!", "xyzzy"])  # type: ignore[attr-defined]
    assert found["baseline-commonest"] == ["Look at the link."] * 2
    assert found["baseline-lead"] == ["I want to return it.", "xyzzy"]
    # What shares no word gets the commonest.
    assert found["baseline-nearest"] == ["Print the label.", "Look at the link."]
    assert not made["baseline-tfidf"].card.suits("generation")


def test_no_row_is_shown_its_own_answer_wherever_else_it_is_asked() -> None:
    made = data()
    assert made.writing is not None
    # Each question stands on two rows, of which the first half is learned from.
    twice = replace(made.writing, prompts=made.writing.prompts[:15] * 2, references=made.writing.references[:15] * 2)
    author = fit_author("few-shot", Echo(), replace(made, writing=twice), range(15))
    assert isinstance(author, Scribe)
    assert sum(prompt in author.opening for prompt in twice.prompts[:15]) == MOST
    for row, asked in enumerate(author._prompts(range(30))):
        assert asked.count(twice.prompts[row]) == 1
        assert asked.startswith("Answer.\n\n")
        assert asked.count("Q:") - 1 == MOST - (twice.prompts[row] in author.opening)


def test_the_baselines_read_vowel_signs_as_parts_of_words() -> None:
    made = {one.card.name: one for one in load_plugin(builtin_root() / "candidates" / "baselines.py")}
    model = made["baseline-nearest"].load("cpu", "float32")
    model.fit_texts(["दिल्ली", "दिल्ली!", "किताब"], ["Town.", "Town.", "Book."])  # type: ignore[attr-defined]
    # A scribe and a book have the same letters, and no word in common.
    assert model.write_texts(["किताब", "कातिब"]) == ["Book.", "Town."]  # type: ignore[attr-defined]
    model = made["baseline-tfidf"].load("cpu", "float32")
    model._pipeline[0].fit(["हिन्दी", "a bc d_e"])  # type: ignore[attr-defined]
    words = {one for one in model._pipeline[0]._features.get_feature_names_out() if one.startswith("tfidfvectorizer-1")}  # type: ignore[attr-defined]
    assert words == {f"tfidfvectorizer-1__{one}" for one in ("हिन्दी", "bc", "d_e", "bc d_e")}
