"""How two runs of one task differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.difference import ContenderDifference, Paired, Part, RunDifference, Shared
from harness.past.opened import PARTS, Opened, check_task, open_run

if TYPE_CHECKING:
    from harness.rank.pairing import Pair, Side


def compare_runs(before: str, after: str, *, workspace: str | Path = ".") -> RunDifference:
    """Return how the second run differs from the first.

    Raises:
        WorkspaceError: a run is not there or cannot be read, or the two are of different tasks.
    """
    one, other = (open_run(run, workspace) for run in (before, after))
    check_task(one, other, "RUN")
    from harness.rank.changes import compare_heads  # noqa: PLC0415 - as above
    from harness.rank.standing import judge_standing  # noqa: PLC0415 - as above

    earlier, later = (other, one) if other.info.started < one.info.started else (one, other)
    shared, contenders, untold, names = _compare_contenders(one, other)
    return RunDifference(
        task=other.info.task.name,
        metric=other.info.task.metric,
        higher_is_better=other.ranking.higher_is_better,
        margin=other.info.task.margin,
        before=one.name,
        after=other.name,
        changes=compare_heads(one.info, other.info),
        shared=shared,
        contenders=contenders,
        only_before=names[0],
        only_after=names[1],
        untold=untold,
        standing=judge_standing(earlier.ranking, later.ranking, later.info.run),
    )


def _compare_contenders(
    one: Opened, other: Opened
) -> tuple[tuple[Shared, ...], tuple[ContenderDifference, ...], str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the rows that are shared, the contenders of both, why no scores are compared, and the names of the rest."""
    from harness.rank.changes import compare_machines  # noqa: PLC0415 - as above
    from harness.rank.costs import compare_costs  # noqa: PLC0415 - as above

    before, after = one.side(), other.side()
    order = [(row.candidate, row.technique) for row in other.ranking.rows]
    pairs = [(mine, yours) for name in order if (mine := before.find(*name)) and (yours := after.find(*name))]
    shared, scores, untold = pair_scores(before, after, pairs)
    machines = compare_machines(one.info, other.info)
    found = []
    for i, (mine, yours) in enumerate(pairs):
        differences = {part: scores[part].get(i) for part in PARTS}
        costs = compare_costs(mine, yours, machines)
        found.append(ContenderDifference(candidate=yours.card.name, technique=yours.technique, costs=costs, **differences))
    names = [{contender.name for contender in side.field} for side in (before, after)]
    return shared, tuple(found), untold, (tuple(sorted(names[0] - names[1])), tuple(sorted(names[1] - names[0])))


def pair_scores(before: Side, after: Side, pairs: Sequence[Pair]) -> tuple[tuple[Shared, ...], dict[Part, dict[int, Paired]], str]:
    """Return the shared rows, by part the differences of the pairs that predicted it, by their place, and why there are none."""
    from harness.rank.pairing import compare_pairs, match, why_too_few, why_untold  # noqa: PLC0415 - as above

    matches = {part: match(before, after, part) for part in PARTS}
    scores: dict[Part, dict[int, Paired]] = {part: {} for part in PARTS}
    untold = why_untold(before.info, after.info) or why_too_few(matches["validation"])
    for part, found in matches.items():
        able = [i for i, pair in enumerate(pairs) if part == "validation" or all(one.answers.confirms for one in pair)]
        if untold or why_too_few(found) or not able:
            continue
        scores[part] = dict(zip(able, compare_pairs(before, after, [pairs[i] for i in able], found), strict=True))
    return tuple(found.shared for found in matches.values()), scores, untold
