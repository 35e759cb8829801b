"""Entities in sentences of tagged words, and their metrics.

Tags are numbers in IOB2: 0 stands outside of every entity, `1 + 2 k` begins one of type `k`, `2 + 2 k` goes on with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.core.metric import macro_f1, ratio, weighted_f1
from harness.core.tally import OfSums, TallyMetric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

OUTSIDE = "O"
# A type, and the positions of its first word and of the one behind its last.
Entity = tuple[int, int, int]


def tag_names(types: Sequence[str]) -> tuple[str, ...]:
    """Return the tags of entity types, each in the place of its number.

    >>> tag_names(["place"])
    ('O', 'B-place', 'I-place')
    """
    return (OUTSIDE, *(f"{part}-{name}" for name in types for part in "BI"))


def type_of(tag: int) -> int:
    """Return the number of a tag's entity type; of the tag outside of all -1."""
    return (tag - 1) // 2


def goes_on(tag: int) -> bool:
    """Tell whether a tag goes on with an entity, and begins none."""
    return tag > 0 and tag % 2 == 0


def mend_tags(tags: Sequence[int]) -> list[int]:
    """Let every entity begin: what goes on with one of its type that is not there begins one itself, as conlleval reads it.

    >>> mend_tags([0, 2, 2, 4])
    [0, 1, 2, 3]
    """
    found: list[int] = []
    for tag in tags:
        is_lost = goes_on(tag) and (not found or type_of(found[-1]) != type_of(tag))
        found.append(tag - 1 if is_lost else int(tag))
    return found


def entities(tags: Sequence[int]) -> Iterator[Entity]:
    """Yield the entities of valid tags in their order.

    >>> list(entities([1, 2, 0, 1, 3]))
    [(0, 0, 2), (0, 3, 4), (1, 4, 5)]
    """
    start = -1
    for place, tag in enumerate((*tags, 0)):
        if start >= 0 and not goes_on(tag):
            yield type_of(tags[start]), start, place
            start = -1
        if tag % 2:
            start = place


def tally_entities(true: Sequence[Sequence[int]], told: Sequence[Sequence[int]], types: int) -> Floats:
    """Return the tallies of sentences, `(n, 3 types)`: of each type how many entities were hit, told, and are true.

    An entity is hit where type, first word and last word are right.
    """
    import numpy as np  # noqa: PLC0415 - keeps the nouns light to import

    found = np.zeros((len(true), 3, types))
    for row, (right, answer) in enumerate(zip(true, told, strict=True)):
        known, claimed = set(entities(right)), set(entities(answer))
        for part, some in enumerate((known & claimed, claimed, known)):
            for kind, _, _ in some:
                found[row, part, kind] += 1
    return found.reshape(len(true), 3 * types)


def ragged(rows: Sequence[Sequence[int]]) -> NDArray[Any]:
    """Return `(n,) object`, an array of tags `int64` for each sentence."""
    import numpy as np  # noqa: PLC0415 - as above

    found = np.empty(len(rows), object)
    for place, row in enumerate(rows):
        found[place] = np.asarray(row, np.int64)
    return found


def _of_counts(function: Callable[[Floats, Floats, Floats], Floats]) -> OfSums:
    def of(sums: Floats, rows: Floats) -> Floats:
        hits, told, true = sums.reshape(len(rows), 3, -1).swapaxes(0, 1)
        return function(hits, told, true)

    return OfSums(of)


# Of all entities together, but for `macro_f1` and `weighted_f1`, which are means over types.
ENTITIES: Mapping[str, TallyMetric] = {
    "micro_f1": _of_counts(lambda hits, told, true: ratio(2 * hits.sum(-1), (told + true).sum(-1))),
    "macro_f1": _of_counts(macro_f1),
    "weighted_f1": _of_counts(weighted_f1),
    "precision": _of_counts(lambda hits, told, true: ratio(hits.sum(-1), told.sum(-1))),
    "recall": _of_counts(lambda hits, told, true: ratio(hits.sum(-1), true.sum(-1))),
}
