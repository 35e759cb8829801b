from __future__ import annotations

import numpy as np

from harness.core.captions import CAPTIONS, COLUMNS
from harness.core.corpus import Corpus
from harness.core.data import Dataset, Rows, Split
from harness.core.tally import score
from harness.execute.caption_worker import judge_captions
from harness.execute.tallied import measure_told
from harness.techniques.search import Index

PICTURES, CAPTIONS_EACH = 40, 3


def data(draw: np.random.Generator) -> Dataset:
    """Pictures with three captions each, of which the last is that of the next picture, too."""
    texts = [f"caption {number}" for number in range(PICTURES * (CAPTIONS_EACH - 1) + 1)]
    grades = [{2 * row: 1.0, 2 * row + 1: 1.0, 2 * row + 2: 1.0} for row in range(PICTURES)]
    order = draw.permutation(PICTURES)
    ids = tuple(f"id{number}" for number in range(PICTURES))
    rows = Rows(ids, tuple(f"{i}.png" for i in range(PICTURES)), (0,) * PICTURES, (), (), "captions")
    split = Split((), (tuple(sorted(order[:20].tolist())), tuple(sorted(order[20:32].tolist()))), tuple(order[32:].tolist()))
    return Dataset(rows, split, "", "", corpus=Corpus(tuple(texts), tuple(texts), tuple(grades)))


def test_recall_both_ways_is_what_a_ranking_of_all_gives() -> None:
    draw = np.random.default_rng(0)
    given = data(draw)
    assert given.corpus
    pictures = draw.standard_normal((PICTURES, 8)).astype(np.float32)
    captions = draw.standard_normal((len(given.corpus.documents), 8)).astype(np.float32)
    kept, figures = judge_captions(given, Index(pictures.copy()), Index(captions.copy()), (pictures, captions))
    means = [{name: score(metric, one) for name, metric in CAPTIONS.items()} for one in figures]
    similar = (pictures / np.linalg.norm(pictures, axis=1, keepdims=True)) @ (
        captions / np.linalg.norm(captions, axis=1, keepdims=True)
    ).T
    right = np.zeros_like(similar, bool)
    for row, mine in enumerate(given.corpus.grades):
        right[row, list(mine)] = True
    for part, found in zip((given.split.choosing, given.split.test), means, strict=True):
        for depth in (1, 5, 10):
            first = np.argsort(-similar, axis=1)[:, :depth]
            i2t = np.mean([right[row, first[row]].any() for row in part])
            back = np.argsort(-similar.T, axis=1)[:, :depth]
            t2i = np.mean([np.mean([right[back[text], text].any() for text in given.corpus.grades[row]]) for row in part])
            assert found[f"i2t_recall@{depth}"] == i2t
            np.testing.assert_allclose(found[f"t2i_recall@{depth}"], t2i, rtol=1e-12)
        np.testing.assert_allclose(found["mean_recall"], np.mean([found[name] for name in COLUMNS]), rtol=1e-12)
    assert 0 < means[0]["t2i_recall@10"] < 1
    assert kept.told is not None
    told, confirmed = kept.told
    assert told.tally.shape == (32, 6)
    assert confirmed.tally.shape == (8, 6)
    assert np.array_equal(told.tally, figures[0])
    measured = {one.name: one.value for one in measure_told(CAPTIONS, figures, "t2i_recall@5")}
    assert (measured["score"], measured["test_score"]) == (means[0]["t2i_recall@5"], means[1]["t2i_recall@5"])
    assert {name: measured[name] for name in CAPTIONS} == means[0]
    assert told.references[0] == [f"caption {place}" for place in given.corpus.grades[given.split.choosing[0]]]
