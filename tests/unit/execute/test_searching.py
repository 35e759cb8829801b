from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.builtin import builtin_root
from harness.core.corpus import Corpus
from harness.core.data import Dataset, Rows, Split
from harness.core.relevance import COLUMNS
from harness.errors import CandidateError
from harness.execute.searching import check_found, embed_role, judge_search, search_needs
from harness.execute.subject import OtherRows
from harness.load.candidates import load_plugin
from harness.store import predictions


class Letters:
    """Counts letters: a real embedder of texts, if a poor one."""

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        found = np.array([[text.count(letter) for letter in "abcdef"] for text in texts], np.float32)
        return np.stack([0 * found, found])


class Shifted(Letters):
    """Embeds documents as if each letter were the next one."""

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.embed_text(texts)[-1]

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.roll(self.embed_text(texts)[-1], 1, axis=1)


class Majority:
    def fit(self, inputs: object, labels: object, classes: int) -> None: ...

    def predict(self, inputs: Sequence[object]) -> NDArray[np.float32]:
        return np.ones((len(inputs), 1), np.float32)


def data() -> Dataset:
    """Four queries, of which two choose and one confirms, and three documents."""
    rows = Rows(("1", "2", "3", "4"), ("one", "two", "three", "four"), (0,) * 4, (), (), "documents")
    grades = ({0: 1.0}, {1: 2.0, 2: 1.0}, {2: 1.0}, {0: 1.0})
    corpus = Corpus(("x", "y", "z"), ("text x", "text y", "text z"), grades)
    return Dataset(rows, Split((3,), ((0, 1),), (2,)), digest="d", source="made", corpus=corpus)


def test_what_a_model_can_do_for_queries() -> None:
    bm25 = next(one for one in load_plugin(builtin_root() / "candidates" / "baselines.py") if one.card.name == "baseline-bm25")
    assert search_needs(Letters()) == search_needs(Shifted()) == {"search"}
    assert search_needs(bm25.load("cpu", "float32")) == {"fit"}
    with pytest.raises(OtherRows, match="neither embeds texts nor searches"):
        search_needs(Majority())
    with pytest.raises(CandidateError, match="can neither embed texts nor search"):
        search_needs(object())


def test_a_model_without_roles_embeds_both_alike() -> None:
    texts = ["abc", "fed"]
    np.testing.assert_array_equal(embed_role(Letters(), texts, "query"), embed_role(Letters(), texts, "document"))
    np.testing.assert_array_equal(embed_role(Letters(), texts, "query"), Letters().embed_text(texts)[-1])
    assert embed_role(Shifted(), texts, "document")[0].tolist() == [0, 1, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([[0, 1]], r"shape \(1, 2\)"),
        ([0, 1], r"shape \(2,\)"),
        ([[0.5, 1], [1, 2]], "type float64"),
        ([[0, 3], [1, 2]], "outside of the 3 documents"),
        ([[0, -2], [1, 2]], "outside of the 3 documents"),
        ([[1, 1], [1, 2]], "found twice"),
    ],
)
def test_what_is_no_list_of_documents_is_refused(found: object, said: str) -> None:
    with pytest.raises(CandidateError, match=said):
        check_found(found, 2, 3)


def test_an_empty_place_may_stand_twice() -> None:
    assert check_found([[0, -1, -1], [1, 2, -1]], 2, 3).dtype == np.int64


def test_scores_are_means_over_the_queries_that_choose(tmp_path: Path) -> None:
    """The first query finds its document at the second place, the other both of its own in the best order."""
    lists = {0: [1, 0, 2], 1: [1, 2, 0], 2: [0, 1, -1]}
    asked: list[Sequence[int]] = []

    def find(rows: Sequence[int]) -> object:
        asked.append(tuple(rows))
        return np.array([lists[row] for row in rows])

    kept, measured = judge_search(data(), find, "ndcg@10")
    values = {one.name: one.value for one in measured}
    assert asked == [(0, 1), (2,)]
    assert values["score"] == values["ndcg@10"] == pytest.approx((1 / np.log2(3) + 1) / 2)
    assert values["mrr"] == pytest.approx(0.75)
    assert values["recall@1"] == pytest.approx(0.25)
    assert values["test_score"] == 0
    predictions.write(tmp_path / "kept.parquet", kept)
    read = predictions.read(tmp_path / "kept.parquet")
    assert read["validation"].predictions.shape == (2, len(COLUMNS))
    assert read["validation"].predictions[:, 0].mean() == pytest.approx(values["score"])
    assert read["test"].predictions.tolist() == [[0.0] * len(COLUMNS)]


def test_who_goes_on_is_not_asked_the_test_queries() -> None:
    asked: list[Sequence[int]] = []

    def find(rows: Sequence[int]) -> object:
        asked.append(tuple(rows))
        return np.tile(np.arange(3), (len(rows), 1))

    kept, measured = judge_search(data(), find, "mrr", confirms=False)
    assert asked == [(0, 1), ()]
    assert "test_score" not in {one.name for one in measured}
    assert len(kept.test_ids) == 0


def test_what_was_found_is_kept_by_the_keys_of_the_data(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    kept, _ = judge_search(data(), lambda rows: np.array([[2, 0, -1]] * len(rows)), "mrr")
    predictions.write(tmp_path / "kept.parquet", kept)
    table = pq.read_table(tmp_path / "kept.parquet")
    assert table["prediction"].to_pylist() == [["z", "x"]] * 3
    assert table["reference"].to_pylist() == [["x"], ["y", "z"], ["z"]]
