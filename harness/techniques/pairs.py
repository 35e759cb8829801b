"""Queries and their right documents as pairs to learn from. Light: whether there are enough is asked before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence

from harness.core.corpus import Corpus
from harness.core.data import Dataset, Pair
from harness.errors import CandidateError
from harness.techniques.tuning import Lesson

# Documents of one query that are learned from, those of the highest grades first: else one with many would be most of the lesson.
MOST_OF_A_QUERY = 8
# Fewer queries, or fewer different documents to tell apart, teach nothing.
LEAST_QUERIES, LEAST_DOCUMENTS = 16, 8


def list_pairs(corpus: Corpus, rows: Sequence[int]) -> list[tuple[int, int]]:
    """Return `(query, document)` by their places: each query with its right documents, the best grades first, at most 8 of them."""
    found = []
    for row in rows:
        grades = corpus.grades[row]
        best = sorted(grades, key=lambda place, grades=grades: (-grades[place], place))  # type: ignore[misc]
        found += [(row, place) for place in best[:MOST_OF_A_QUERY]]
    return found


def lesson_of(data: Dataset, rows: Sequence[int]) -> Lesson:
    """Return pairs of some queries, by their places, to learn from; documents with the same text count as one.

    Raises:
        CandidateError: they are too few.
    """
    import numpy as np  # noqa: PLC0415 - what counts pairs does without

    corpus = data.searched
    lacks = _lacks(corpus, rows)
    if lacks:
        raise CandidateError(lacks, hint="use dense-search, or give more judged queries")
    pairs, first = list_pairs(corpus, rows), dict[str, int]()
    one = [first.setdefault(text, place) for place, text in enumerate(corpus.documents)]
    return Lesson(
        [Pair(str(data.rows.inputs[row]), corpus.documents[place]) for row, place in pairs],
        np.array([one[place] for _, place in pairs], np.int64),
        1,
        right=[frozenset(one[place] for place in corpus.grades[row]) for row, _ in pairs],
    )


def find_lack(data: Dataset) -> str:
    """Return why nothing can be learned from a task's queries, nothing where something can, or where none are learned from."""
    if data.corpus is None:
        return ""
    folds = range(len(data.split.folds))
    return next((lacks for fold in folds if (lacks := _lacks(data.corpus, data.split.training(fold)))), "")


def _lacks(corpus: Corpus, rows: Sequence[int]) -> str:
    documents = {corpus.documents[place] for _, place in list_pairs(corpus, rows)}
    if len(rows) < LEAST_QUERIES:
        return f"{len(rows)} queries are too few to learn from; {LEAST_QUERIES} are the least"
    if len(documents) < LEAST_DOCUMENTS:
        return (
            f"the right documents of {len(rows)} queries are {len(documents)} texts; {LEAST_DOCUMENTS} are the least to learn from"
        )
    return ""
