"""Entities of tagged words: what counts as one, and that every figure is seqeval's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2

from harness.core.entities import ENTITIES, entities, mend_tags, ragged, tag_names, tally_entities
from harness.core.metric_facts import FACTS
from harness.core.tally import score
from harness.measure.decisions import decide
from harness.measure.quality import OwnMetric

TYPES = ("person", "place", "thing")
NAMES = tag_names(TYPES)
TAGS = st.lists(st.integers(0, len(NAMES) - 1), min_size=1, max_size=12)
CORPUS = st.lists(st.tuples(TAGS, TAGS).map(lambda two: (two[0], (two[1] * 12)[: len(two[0])])), min_size=1, max_size=8)
ORACLES = {
    "micro_f1": (f1_score, "micro"),
    "macro_f1": (f1_score, "macro"),
    "weighted_f1": (f1_score, "weighted"),
    "precision": (precision_score, "micro"),
    "recall": (recall_score, "micro"),
}


def named(corpus: list[list[int]]) -> list[list[str]]:
    return [[NAMES[tag] for tag in tags] for tags in corpus]


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
@given(CORPUS)
def test_every_metric_is_what_seqeval_counts_strictly_in_iob2(corpus: list[tuple[list[int], list[int]]]) -> None:
    true, told = ([mend_tags(one[side]) for one in corpus] for side in (0, 1))
    tally = tally_entities(true, told, len(TYPES))
    for name, (oracle, average) in ORACLES.items():
        expected = oracle(named(true), named(told), average=average, mode="strict", scheme=IOB2, zero_division=0)
        assert score(ENTITIES[name], tally) == pytest.approx(float(np.nan_to_num(expected)))


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
@given(CORPUS)
def test_mended_tags_are_read_as_conlleval_reads_broken_ones(corpus: list[tuple[list[int], list[int]]]) -> None:
    true, told = [mend_tags(right) for right, _ in corpus], [answer for _, answer in corpus]
    expected = f1_score(named(true), named(told), zero_division=0)
    assert score(ENTITIES["micro_f1"], tally_entities(true, list(map(mend_tags, told)), 3)) == pytest.approx(float(expected))


@given(TAGS)
def test_mended_tags_stay_and_every_word_but_those_outside_is_in_one_entity(tags: list[int]) -> None:
    mended = mend_tags(tags)
    assert mend_tags(mended) == mended
    inside = [place for _, start, end in entities(mended) for place in range(start, end)]
    assert inside == [place for place, tag in enumerate(tags) if tag]


@given(CORPUS, st.integers(0, 5))
def test_a_resample_counts_a_sentence_as_often_as_it_was_drawn(corpus: list[tuple[list[int], list[int]]], times: int) -> None:
    true, told = ([mend_tags(one[side]) for one in corpus] for side in (0, 1))
    weights = np.full((1, len(corpus)), 1, np.float32)
    weights[0, 0] = times
    again = [0] * times + list(range(1, len(corpus)))
    drawn = tally_entities([true[i] for i in again], [told[i] for i in again], 3)
    for metric in ENTITIES.values():
        assert metric.draw(tally_entities(true, told, 3), weights)[0] == pytest.approx(score(metric, drawn))


def test_what_is_told_of_sentences_are_the_likeliest_tags_mended() -> None:
    shares = np.eye(5, dtype=np.float32)[[0, 2, 2, 4, 1]]
    told = decide(shares, "tags", words=(2, 3))
    assert [tags.tolist() for tags in told] == [[0, 1], [1, 3, 1]]
    assert OwnMetric("micro_f1", "tags").value(ragged([[0, 1], [1, 2, 0]]), told) == pytest.approx(2 * 1 / (4 + 2))


def test_every_metric_of_entities_has_its_facts() -> None:
    assert set(ENTITIES) <= set(FACTS)
