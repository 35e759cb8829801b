"""Other wishes, and what would change the recommendation."""

import pytest

from harness.rank.alternatives import name_alternatives
from harness.rank.choice import Rule, choose

RULE = Rule("accuracy", 0.01, "latency", 1000)


@pytest.fixture
def rows(make_row):  # noqa: ANN001, ANN201 - factory fixtures
    return [
        make_row("best", 0.900, latency_p95_ms=30, memory_mb=900),
        make_row("chosen", 0.895, latency_p95_ms=12.1, memory_mb=400),
        make_row("small", 0.893, latency_p95_ms=20, memory_mb=90),
        make_row("fast", 0.850, latency_p95_ms=8.2, memory_mb=300, license="CC-BY-NC-4.0"),
        make_row("fastest", 0.600, latency_p95_ms=1, memory_mb=10),
    ]


def wishes(found) -> dict[str, str]:  # noqa: ANN001 - a list of alternatives
    assert len({a.wish for a in found}) == len(found)
    return {a.wish: a.candidate for a in found}


def test_every_wish_has_its_contender(rows, make_field) -> None:  # noqa: ANN001 - as above
    field = make_field(rows)
    assert wishes(name_alternatives(field, RULE, field, {})) == {
        "best by quality alone": "best",
        "fastest within the margin": "chosen",
        "smallest within the margin": "small",
        "with p95 latency ≤ 10 ms": "fast",
        "with memory ≤ 300 MB": "small",
    }


def test_a_stated_limit_leads_to_the_contender_that_is_named(rows, make_field) -> None:  # noqa: ANN001 - as above
    field = make_field(rows)
    left = field.take(lambda row: row.value("latency_p95_ms") <= 10)
    assert left.rows[choose(left, RULE).index].candidate == "fast"
    assert rows[choose(field, RULE).index].value("latency_p95_ms") > 10


def test_details_are_the_measured_figures(rows, make_field) -> None:  # noqa: ANN001 - as above
    field = make_field(rows)
    assert name_alternatives(field, RULE, field, {})[0].detail == "accuracy 0.900 [0.880, 0.920], p95 latency 30 ms, memory 900 MB"


def test_a_license_that_forbids_commercial_use_names_the_best_free_one(make_row, make_field) -> None:  # noqa: ANN001 - as above
    field = make_field([make_row("nc", 0.9, license="CC-BY-NC-4.0", latency_p95_ms=1), make_row("free", 0.8, latency_p95_ms=2)])
    assert wishes(name_alternatives(field, RULE, field, {}))["with a license that permits commercial use"] == "free"
    alone = make_field([make_row("nc", 0.9, license="CC-BY-NC-4.0")])
    assert "with a license that permits commercial use" not in wishes(name_alternatives(alone, RULE, alone, {}))


def test_a_constraint_that_stands_in_the_way_is_named(make_row, make_field) -> None:  # noqa: ANN001 - as above
    rows = [
        make_row("ok", 0.8, latency_p95_ms=5),
        make_row("slow", 0.9, latency_p95_ms=50),
        make_row("huge", 0.95, latency_p95_ms=60),
    ]
    barred, field = make_field(rows), make_field(rows[:1])
    failures = {"slow · linear-probe": ["latency_ms.p95"], "huge · linear-probe": ["latency_ms.p95", "memory_mb"]}
    found = wishes(name_alternatives(field, RULE, barred, failures))
    assert found["without the constraint on p95 latency"] == "slow"
    assert "without the constraint on memory" not in found


def test_a_constraint_that_changes_nothing_is_not_named(make_row, make_field) -> None:  # noqa: ANN001 - as above
    rows = [make_row("ok", 0.9, latency_p95_ms=5), make_row("bad", 0.5, latency_p95_ms=50)]
    found = wishes(name_alternatives(make_field(rows[:1]), RULE, make_field(rows), {"bad · linear-probe": ["latency_ms.p95"]}))
    assert set(found) == {"best by quality alone", "fastest within the margin"}


def test_where_nothing_qualifies_it_says_what_would(make_row, make_field) -> None:  # noqa: ANN001 - as above
    rows = [make_row("slow", 0.9, latency_p95_ms=50), make_row("slower", 0.8, latency_p95_ms=60)]
    failures = {row.name: ["latency_ms.p95"] for row in rows}
    assert wishes(name_alternatives(make_field([]), RULE, make_field(rows), failures)) == {
        "without the constraint on p95 latency": "slow"
    }
    assert name_alternatives(make_field([]), RULE, make_field([]), {"control · knn": ["memory_mb"]}) == ()
