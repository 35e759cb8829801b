"""Queries and documents as they were read, whatever the form of the data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import BenchError, TaskError
from harness.load.rows import MOST_DROPPED

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, the keys of the documents that are right with their grades above 0, and whether it is to confirm only.

    `group` is empty where the task knows none.
    """

    text: str
    grades: Mapping[str, float]
    is_test: bool = False
    group: str = ""


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents by their keys, and queries; `is_divided` says that the data itself sets some of them aside to confirm."""

    source: str
    documents: Mapping[str, str]
    queries: Sequence[Query]
    is_divided: bool = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def digest_text(text: str) -> str:
    """Return what a text is told by."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def find_faults(found: Collection) -> list[BenchError]:
    """Return every reason why nothing can be searched for, or nothing learned of who searches well."""
    if not any(text.strip() for text in found.documents.values()):
        return [
            TaskError(
                "there are no documents, or all are empty", where=found.source, hint="give the documents that are to be searched"
            )
        ]
    faults: list[BenchError] = []
    if len(found.documents) == 1:
        what = "there is a single document, so that every search finds it"
        faults.append(TaskError(what, where=found.source, hint="give all documents that a search is to choose among"))
    for is_test, least in ((False, 5), (True, 1)):
        mine = [query for query in found.queries if query.is_test == is_test]
        units = len({query.group or query.text for query in mine})
        if units < least and (found.is_divided or not is_test):
            which = "test queries" if is_test else f"{'groups of queries' if any(q.group for q in mine) else 'different queries'}"
            what = f"there are {units} {which} with a right document; {least} are the least"
            faults.append(TaskError(what, where=found.source, hint="give more queries, better a hundred or more"))
    return faults


def report_lacking(lacking: int, of: int, why: str, *, place: str, hint: str) -> str:
    """Return the sentence that says how many rows are left out.

    Raises:
        TaskError: they are too many.
    """
    what = f"{lacking} of {of} {why}"
    if lacking > MOST_DROPPED * of:
        raise TaskError(what, where=place, hint=hint)
    return f"{place}: {what}; they are left out"


def name_some(names: Sequence[str]) -> str:
    """Write a few names in quotes, and count the others."""
    shown = ", ".join(f'"{name[:80]}"' for name in names[:_SHOWN])
    return shown + ("" if len(names) <= _SHOWN else f" and {len(names) - _SHOWN} more")
