from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from harness.core.ranking import Ranking
from harness.report import transfer

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=20)


@given(PAIRS)
def test_kendalls_tau_is_scipys(pairs: list[tuple[int, int]]) -> None:
    first, second = zip(*pairs, strict=True)
    found = transfer.kendall_tau(first, second)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(kendalltau(first, second).statistic)


def test_rows_stand_in_the_measured_order_with_their_places(samples: dict[str, Any]) -> None:
    found = transfer.build(samples["realistic"].ranking)
    assert [row.candidate for row in found.rows] == ["bge-small-en-v1.5", "minilm-l6-v2", "minilm-l6-first3", "minilm-l6-first1"]
    assert [row.cells["logme"].detail for row in found.rows] == ["#1", "#2", "#3", "#4"]
    assert found.rows[0].cells["knn"].value is None
    assert {fact.label: fact.text for fact in found.agreement} == {"LogME": "+1.00", "H-score": "+1.00", "Size alone": "+1.00"}


def test_a_metric_that_is_better_when_lower_turns_the_order_over(samples: dict[str, Any]) -> None:
    turned = Ranking.model_validate(samples["realistic"].ranking.model_dump() | {"higher_is_better": False})
    found = transfer.build(turned)
    assert found.rows[0].candidate == "minilm-l6-first1"
    assert {fact.text for fact in found.agreement} == {"-1.00"}


def test_what_a_model_says_in_words_is_no_measure_of_its_features(samples: dict[str, Any]) -> None:
    ranking = samples["realistic"].ranking
    last = next(row for row in ranking.rows if row.candidate == "minilm-l6-first1" and row.technique != "fit").model_dump()
    said = last | {"technique": "few-shot", "validation": {"score": 0.999, "low": 0.99, "high": 1.0}}
    asked = Ranking.model_validate(ranking.model_dump() | {"rows": [*(row.model_dump() for row in ranking.rows), said]})
    assert transfer.build(asked) == transfer.build(ranking)


def test_without_scores_there_is_no_table(samples: dict[str, Any]) -> None:
    assert transfer.build(samples["nothing"].ranking).rows == ()
    assert transfer.build(samples["empty"].ranking).columns == ()
