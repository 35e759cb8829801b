"""A task's sentences with their entities: read, brought to IOB2, checked, divided."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from harness.core.data import Dataset, Rows, Split
from harness.core.entities import OUTSIDE, tag_names
from harness.core.task import Task
from harness.errors import BenchError, TaskError, raise_all
from harness.load.checks import find_doubts
from harness.load.collection import name_some
from harness.load.faults import each_fault
from harness.load.sentences import Tagged, choose_tag_columns, read_sentences
from harness.load.source import open_source
from harness.load.splits import SHARE, split
from harness.load.tag_schemes import Normal, to_iob2


def load_tagged(task: Task, folder: Path, *, override: str | None, seed: int, offline: bool) -> Dataset:
    """Read the sentences of a task whose file lies in `folder`, or those of `override`, and divide them by their rarest entity.

    Without test sentences a fifth is drawn with the seed. The result depends on the data and the seed alone.

    Raises:
        BenchError: for everything that is wrong with the data, as much at once as can be told.
    """
    source = open_source(task, folder, override=override, offline=offline)
    columns = choose_tag_columns(source.train, task, lenient=override is not None)
    noticed: list[str] = []
    faults: list[BenchError] = []
    read: list[list[Tagged]] = []
    for table in (source.train, *((source.test,) if source.test else ())):
        try:
            read.append(read_sentences(table, columns, noticed))
        except BenchError as error:
            faults += each_fault(error)
    raise_all(faults)
    sentences = [one for part in read for one in part]
    normal = to_iob2([one.tags for one in sentences])
    learned, tested = normal.tags[: len(read[0])], normal.tags[len(read[0]) :] if source.test else None
    raise_all(list(_find_faults(learned, tested, source.name)))
    rows = _assemble(sentences, normal.tags, sorted(_types(learned)))
    division = split(rows, range(len(learned), len(rows)) if source.test else None, seed)
    drawn = () if source.test else (f"test sentences: {SHARE:.0%} drawn by their rarest entity with seed {seed}",)
    found = (doubt.what for doubt in find_doubts(rows, division, drawn=not source.test))
    tables = (*source.train.notes, *(source.test.notes if source.test else ()))
    return Dataset(
        rows=rows,
        split=division,
        digest=_digest(rows, division),
        source=source.name,
        # Texts with spans are cut; where a task has both, so are new ones.
        parted={one.form for one in sentences if one.form} == {"parted"},
        drawn_test=source.test is None,
        notes=(*source.notes, *tables, *columns.notes, _describe(rows, normal), *drawn),
        warnings=(*source.warnings, *noticed, *_warn(normal, source.name), *found),
    )


def _types(tags: Iterable[Sequence[str]]) -> set[str]:
    return {tag[2:] for some in tags for tag in some if tag != OUTSIDE}


def _find_faults(learned: Sequence[Sequence[str]], tested: Sequence[Sequence[str]] | None, place: str) -> Iterator[BenchError]:
    """Yield every reason why nothing can be learned, or nothing confirmed."""
    for part, which in ((learned, "sentence"), *(((tested, "test sentence"),) if tested is not None else ())):
        if not part:
            hint = "give sentences with their tags, or name other columns"
            yield TaskError(f"there is no {which} with words and tags", where=place, hint=hint)
        elif not _types(part):
            hint = "tag the words of entities, as B-place and I-place, or name another column as the tags"
            yield TaskError(f"no {which} has an entity: every tag is {OUTSIDE}", where=place, hint=hint)
    strange = sorted(_types(tested or ()) - _types(learned))
    if strange and _types(learned):
        what = f"the test sentences have types of entities that training lacks: {name_some(strange)}"
        yield TaskError(what, where=place, hint="add training sentences with them, or leave them out of test; check the spelling")


def _assemble(sentences: Sequence[Tagged], tags: Sequence[Sequence[str]], types: Sequence[str]) -> Rows:
    """Return the rows; sentences of the same words get `-2`, `-3` behind their id."""
    seen: Counter[str] = Counter()
    ids = []
    for one in sentences:
        seen[one.digest] += 1
        ids.append(one.digest if seen[one.digest] == 1 else f"{one.digest}-{seen[one.digest]}")
    numbers = {name: number for number, name in enumerate(tag_names(types))}
    labels = tuple(tuple(numbers[tag] for tag in some) for some in tags)
    grouped = any(one.group for one in sentences)
    groups = tuple(one.group or f"row {ident}" for one, ident in zip(sentences, ids, strict=True)) if grouped else ()
    return Rows(tuple(ids), tuple(one.words for one in sentences), labels, tuple(types), groups, "tags")


def _describe(rows: Rows, normal: Normal) -> str:
    words, found = sum(map(len, rows.inputs)), sum(rows.sizes())
    brought = "" if normal.scheme == "IOB2" else f", tags brought from {normal.scheme} to IOB2"
    return f"{found:,} entities in {len(rows):,} sentences of {words:,} words{brought}"


def _warn(normal: Normal, place: str) -> Iterator[str]:
    if normal.mended:
        what = f"{normal.mended} tags go on with an entity that was never begun"
        yield f"{place}: {what} (I- without B-); such an entity begins there, as conlleval counts"


def _digest(rows: Rows, division: Split) -> str:
    """Hash what a result depends on: words, tags, types and their division."""
    content = [rows.inputs, rows.labels, rows.classes, rows.groups, division.learn, division.folds, division.test]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
