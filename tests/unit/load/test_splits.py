from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.data import Rows, Split
from harness.errors import BenchError, TaskError
from harness.load import splits
from harness.load.rows import Row, assemble, sort_classes
from harness.load.splits import split


def make(labels: Any, groups: Sequence[str] = (), contents: list[str] | None = None) -> Rows:
    """Rows with the given labels; contents are all different unless given."""
    contents = contents or [f"{i:016x}" for i in range(len(labels))]
    rows = [Row(c, c, str(label), groups[i] if groups else "") for i, (c, label) in enumerate(zip(contents, labels, strict=True))]
    return assemble(rows, sort_classes(row.label for row in rows))


def check(rows: Rows, division: Split, *, given_test: bool = False) -> None:
    """What every division must satisfy."""
    parts = [division.test, division.learn, *division.folds]
    assert sorted(i for part in parts for i in part) == list(range(len(rows))), "disjoint and complete"
    assert division.test
    assert all(division.folds)
    left = {rows.labels[i] for i in division.rest}
    if not given_test:
        assert left == set(rows.labels)
    for fold in range(len(division.folds)):
        assert {rows.labels[i] for i in division.training(fold)} == left, "every class is learned from"
    unit = [g or i.partition("-")[0] for g, i in zip(rows.groups or [""] * len(rows), rows.ids, strict=True)]
    where = {}
    for number, part in enumerate(parts):
        if number or not given_test:
            for i in part:
                assert where.setdefault(unit[i], number) == number, "a unit stays together"


@given(st.lists(st.integers(2, 30), min_size=2, max_size=6).filter(lambda sizes: max(sizes) > 2), st.integers(0, 3), st.randoms())
def test_rows_are_divided_soundly(sizes: list[int], seed: int, rng: random.Random) -> None:
    labels = [label for label, size in enumerate(sizes) for _ in range(size)]
    rng.shuffle(labels)
    counts = Counter(labels)
    rows = make(labels)
    division = split(rows, None, seed)
    check(rows, division)
    tested = Counter(rows.classes[rows.labels[i]] for i in division.test)
    for label, number in counts.items():
        assert tested[str(label)] == (round(number / 5) if number > 2 else 0)
    assert division.learn == ()
    assert len(division.folds) == min(5, len(division.rest))
    sizes = [Counter(rows.labels[i] for i in fold) for fold in division.folds]
    for label in set(rows.labels):
        assert max(s[label] for s in sizes) - min(s[label] for s in sizes) <= 1, "folds are stratified"


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=8, max_size=100),
    st.integers(0, 3),
)
def test_groups_are_divided_soundly_or_refused(pairs: list[tuple[int, int]], seed: int) -> None:
    rows = make([label for label, _ in pairs], [f"g{group}" for _, group in pairs])
    groups = [{group for other, group in pairs if other == label} for label in {label for label, _ in pairs}]
    known_to_be_hard = any(len(found) < 2 for found in groups) or all(len(found) < 3 for found in groups)
    try:
        division = split(rows, None, seed)
    except BenchError as error:
        refused = str(error)
    else:
        refused = ""
        check(rows, division)
    assert not refused or known_to_be_hard or "cannot be divided" in refused or "too few" in refused


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 25)), min_size=10, max_size=80), st.randoms(use_true_random=False))
def test_the_division_does_not_depend_on_the_order_of_rows(pairs: list[tuple[int, int]], rng: random.Random) -> None:
    labels = [label for label, _ in pairs]
    contents = [f"{content:016x}" for _, content in pairs]
    order = list(range(len(pairs)))
    rng.shuffle(order)
    a, b = make(labels, contents=contents), make([labels[i] for i in order], contents=[contents[i] for i in order])
    try:
        one = split(a, None, 1)
    except BenchError as error:
        with pytest.raises(BenchError, match=str(error).splitlines()[0]):
            split(b, None, 1)
        return
    two = split(b, None, 1)
    assert [set(one.test), set(one.learn), *map(set, one.folds)] == [
        {order[i] for i in part} for part in (two.test, two.learn, *two.folds)
    ]


def test_it_depends_on_the_seed_and_on_nothing_else() -> None:
    rows = make([i % 4 for i in range(400)])
    assert split(rows, None, 1) == split(rows, None, 1)
    assert split(rows, None, 1).test != split(rows, None, 2).test


def test_a_large_set_has_one_hold_out() -> None:
    rows = make([i % 4 for i in range(2000)])
    division = split(rows, None, 0)
    check(rows, division)
    assert (len(division.learn), [len(f) for f in division.folds], len(division.test)) == (1280, [320], 400)


@pytest.mark.parametrize(("rest", "folds"), [(999, 5), (1000, 1)])
def test_under_200_validation_rows_there_are_five_folds(rest: int, folds: int) -> None:
    rows = make([i % 2 for i in range(rest + 10)])
    assert len(split(rows, range(rest, rest + 10), 0).folds) == folds


def test_given_test_rows_are_kept_and_the_rest_does_not_depend_on_their_place() -> None:
    rows = make([i % 2 for i in range(50)])
    division = split(rows, range(40, 50), 0)
    check(rows, division, given_test=True)
    assert division.test == tuple(range(40, 50))


def test_exact_copies_never_stand_on_both_sides() -> None:
    contents = [f"{i // 4:016x}" for i in range(200)]
    check(rows := make([(i // 4) % 2 for i in range(200)], contents=contents), split(rows, None, 0))


def test_classes_that_share_units_keep_their_share() -> None:
    rng = random.Random(0)
    contents, labels = [], []
    for content in range(600):
        for label in rng.sample(range(4), rng.choice([1, 1, 2])):
            contents.append(f"{content:016x}")
            labels.append(label)
    rows = make(labels, contents=contents)
    division = split(rows, None, 0)
    check(rows, division)
    total, tested = Counter(labels), Counter(labels[i] for i in division.test)
    assert all(abs(tested[label] - total[label] / 5) <= 1 for label in total)


def test_a_few_large_groups_are_divided_as_well_as_they_can_be() -> None:
    rows = make([i % 3 for i in range(300)], [f"g{i // 30}" for i in range(300)])
    division = split(rows, None, 0)
    check(rows, division)
    assert len(division.test) == 60


def test_a_class_of_two_is_learned_from_and_not_tested() -> None:
    rows = make(["a"] * 20 + ["b"] * 2)
    division = split(rows, None, 0)
    check(rows, division)
    assert not {rows.labels[i] for i in division.test} & {1}


def test_a_class_in_one_group_cannot_be_divided() -> None:
    rows = make(["a"] * 10 + ["b"] * 10, [f"g{i}" for i in range(10)] + ["h"] * 10)
    with pytest.raises(TaskError, match='class "b" belong to one group'):
        split(rows, None, 0)


def test_a_class_of_one_content_cannot_be_divided() -> None:
    rows = make(["a"] * 10 + ["b"] * 3, contents=[f"{i:016x}" for i in range(10)] + ["f" * 16] * 3)
    with pytest.raises(TaskError, match='class "b" have the same content'):
        split(rows, None, 0)


def test_too_few_rows_to_test_on() -> None:
    with pytest.raises(TaskError, match="too few"):
        split(make(["a", "a", "b", "b"]), None, 0)


def test_no_fold_is_given_a_whole_class_if_another_can_take_the_unit() -> None:
    unit = splits._Unit("x", (0, 1), Counter({0: 1, 1: 1}))
    holds_the_rest_of_class_0 = splits._Fold([2], Counter({0: 1}), Counter({0: 1}))
    is_fuller = splits._Fold([*range(3, 12)], Counter({1: 9}), Counter({1: 1}))
    total = Counter({0: 2, 1: 3})
    assert splits._cost(is_fuller, unit, total) < splits._cost(holds_the_rest_of_class_0, unit, total)


def test_folds_of_which_one_holds_a_whole_class_are_refused() -> None:
    rows = make(["a", "a", "b", "b"])
    splits._check_folds([(0, 2), (1, 3)], rows)
    with pytest.raises(TaskError, match='class "b" is always learned from'):
        splits._check_folds([(0,), (1, 2, 3)], rows)
