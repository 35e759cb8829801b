"""The short form of `make chaos`: a few draws that between them hold a kill, a torn journal and candidates that misbehave."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.storm import Draw, Found, summary, undisturbed, weather

DRAWS = (
    Draw(1, ("forks-and-spins",), "1", "kill bench", 0.7, "torn journal", "quality", two_at_once=False),
    Draw(2, ("killed", "forges"), "2", "kill candidate", 0.5, "lost file", "quality,memory", two_at_once=True),
    Draw(3, ("closes-pipes",), "load", "interrupt", 0.6, "zeroed end", "quality", two_at_once=False),
)


def test_nothing_is_lost_whatever_happens(tmp_path: Path) -> None:
    calm = undisturbed(tmp_path)
    assert set(calm.figures) == {"steady-pairs", "steady-triples", "baseline-majority", "baseline-tfidf"}
    done = [weather(draw, tmp_path, calm) for draw in DRAWS]
    assert [found.faults for found in done] == [[], [], []]


def test_the_summary_counts_what_was_lost() -> None:
    lost = Found(DRAWS[0], faults=["record lost: a"], first=-9, second=0, resumed=True, kept=2)
    sound = Found(DRAWS[1], first=0, second=0, resumed=True, kept=3)
    told = summary([lost, sound], 60)
    assert "2 runs, 2 of them resumed" in told
    assert "did not run again: 5" in told
    assert "a traceback: 1" in told
