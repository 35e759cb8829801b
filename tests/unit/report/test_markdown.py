from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.report.markdown import to_markdown
from harness.report.summarise import summarise
from harness.report.templates import code_span, escape_markdown, link_target

GOLDEN = Path(__file__).parents[2] / "golden" / "report.md"


def markdown_of(sample: Any) -> str:
    return to_markdown(summarise(sample.info, sample.ranking, sample.records))


def test_rows_of_a_table_have_as_many_cells_as_its_head(any_sample: Any) -> None:
    lines = markdown_of(any_sample).splitlines()
    width = 0
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("|"):
            cells = len(re.findall(r"(?<!\\)(?:\\\\)*\|", line))
            width = width if before.startswith("|") else cells
            assert cells == width


def test_a_table_has_a_head_and_a_rule(samples: dict[str, Any]) -> None:
    text = markdown_of(samples["realistic"])
    heads = re.findall(r"(?m)^(?<!\n\|)\|.*\n\|[:|-]+\|$", text)
    assert len(heads) == 6


def test_no_tag_and_no_link_of_the_data_survives(samples: dict[str, Any]) -> None:
    text = re.sub(r"(`+).*?\1", "", markdown_of(samples["hostile"]))
    assert not re.search(r"<[A-Za-z/!?](?!ttps)", text.replace("(<https", "(https"))
    assert "](javascript" in " ".join(samples["hostile"].info.data.classes)
    assert not re.search(r"(?<!\\)\]\((?!<https|figures/)", text)


def test_figures_are_linked_where_they_lie(samples: dict[str, Any]) -> None:
    sample = samples["realistic"]
    report = summarise(sample.info, sample.ranking, sample.records)
    assert re.findall(r"!\[.*?\]\((.*?)\)", to_markdown(report, "pictures")) == [
        "pictures/quality-latency.svg",
        "pictures/intervals.svg",
    ]


def test_the_sample_is_as_it_was(samples: dict[str, Any]) -> None:
    """Set BENCH_WRITE_GOLDEN=1 to accept a change after reading it."""
    found = markdown_of(samples["realistic"])
    if os.environ.get("BENCH_WRITE_GOLDEN"):
        GOLDEN.write_text(found, encoding="utf-8")
    assert found == GOLDEN.read_text(encoding="utf-8")


@given(st.text())
def test_escaped_text_holds_no_open_pipe_and_no_tag(text: str) -> None:
    found = escape_markdown(text)
    assert not re.search(r"(?<!\\)(?:\\\\)*\|", found)
    assert not re.search(r"<[A-Za-z/!?]", found)
    assert not re.search(r"(?<!\\)(?:\\\\)*\]\(", found)


@given(st.text(alphabet="a`b ", min_size=1))
def test_a_code_span_ends_at_its_own_fence(text: str) -> None:
    found = code_span(text)
    fence = (re.match("`+", found) or [""])[0]
    inside = found[len(fence) : -len(fence)]
    assert found == f"{fence}{inside}{fence}"
    assert len(fence) not in {len(run) for run in re.findall("`+", inside)}
    assert inside.strip() == text.strip()


def test_a_link_target_has_no_mark_in_it() -> None:
    assert link_target("https://a.example/<b>|`") == "https://a.example/%3Cb%3E%7C%60"
