from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from harness.report.labels import Anchor, Box, place, shorten, text_width

POINTS = st.lists(st.tuples(st.floats(0, 400), st.floats(0, 300)), max_size=25)


@given(POINTS, POINTS)
def test_no_label_overlaps_a_point_another_label_or_the_edge(
    points: list[tuple[float, float]], bars: list[tuple[float, float]]
) -> None:
    anchors = [Anchor(x, y, (f"contender number {i}", f"c{i}"), f"#{i}") for i, (x, y) in enumerate(points)]
    obstacles = [Box(x - 2, y - 30, 4, 60) for x, y in bars]
    labels = place(anchors, obstacles, width=400, height=300)
    assert not any(one.box.overlaps(other.box) for one, other in combinations(labels, 2))
    for label in labels:
        assert label.box.left >= 0
        assert label.box.top >= 0
        assert label.box.left + label.box.width <= 400
        assert label.box.top + label.box.height <= 300
        assert not any(label.box.overlaps(Box(x - 5, y - 5, 10, 10)) for x, y in points)
        assert label.text.startswith("#") or not any(label.box.overlaps(bar) for bar in obstacles)


def test_a_lone_point_is_labeled_at_its_right() -> None:
    (label,) = place([Anchor(100, 100, ("name",))], [], width=400, height=300)
    assert (label.text, label.y) == ("name", 100)
    assert label.x > 100


def test_a_point_at_the_right_edge_is_labeled_at_its_left() -> None:
    (label,) = place([Anchor(399, 100, ("name",))], [], width=400, height=300)
    assert label.x + text_width("name") < 399


def test_only_a_last_text_stands_across_obstacles() -> None:
    wall = [Box(0, 0, 400, 300)]
    assert place([Anchor(100, 100, ("name",))], wall, width=400, height=300) == ()
    (label,) = place([Anchor(100, 100, ("name",), "#1")], wall, width=400, height=300)
    assert label.text == "#1"


@given(st.text(max_size=80), st.integers(5, 60))
def test_a_shortened_text_is_at_most_so_long(text: str, most: int) -> None:
    assert len(shorten(text, most)) <= most
    assert shorten(text, len(text)) == text
