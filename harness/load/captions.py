"""Pictures and their captions: read, checked, divided. Pictures are the rows; all captions are what they are compared with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.core.corpus import Corpus
from harness.core.data import Dataset, Input, Rows
from harness.core.task import Task
from harness.errors import BenchError, TaskError, raise_all
from harness.load.characters import is_missing, mend
from harness.load.checks import Doubt
from harness.load.collection import digest_text
from harness.load.columns import Columns, check_columns, find_named, infer_named
from harness.load.picture import Picture
from harness.load.rows import keep_sound, number_repeated, read_group, read_pictures, report_missing
from harness.load.source import open_source
from harness.load.splits import SHARE, split
from harness.load.table import Source, Table, kind_of

_LEAST = 5


@dataclass(slots=True)
class _Shown:
    """A picture with its captions, each once, in their order."""

    content: Input
    digest: str
    is_test: bool
    group: str
    captions: dict[str, None] = field(default_factory=dict)


def load_captions(task: Task, folder: Path, *, override: str | None, seed: int, offline: bool) -> Dataset:
    """Read what a task names, or `override`, and divide its pictures; one that stands in several rows has the captions of all.

    Without test pictures a fifth is drawn with the seed. Whatever part a picture is of, it is compared with the captions of all.

    Raises:
        BenchError: for everything that is wrong with the data, as much at once as can be told.
    """
    source = open_source(task, folder, override=override, offline=offline)
    columns = choose_caption_columns(source.train, task, lenient=override is not None)
    gallery = _Gallery(columns, task.data.skip_broken)
    for table in _tables(source):
        raise_all(check_columns(table, columns))
        gallery.add(table, is_test=table is source.test)
    found = list(gallery.shown.values())
    raise_all(_find_faults(found, source))
    rows, corpus = _rows(found), _corpus(found)
    given = [place for place, one in enumerate(found) if one.is_test] if source.test else None
    division = split(rows, given, seed)
    drawn = () if source.test else (f"test pictures: {SHARE:.0%} drawn with seed {seed}",)
    content = [rows.ids, rows.groups, corpus.documents, [sorted(mine) for mine in corpus.grades]]
    content += [division.learn, division.folds, division.test]  # type: ignore[list-item]
    return Dataset(
        rows=rows,
        split=division,
        digest=hashlib.sha256(json.dumps(content).encode()).hexdigest(),
        source=source.name,
        drawn_test=not source.test,
        notes=(*source.notes, *(note for table in _tables(source) for note in table.notes), *columns.notes, *drawn),
        warnings=(*source.warnings, *gallery.noticed, *(doubt.what for doubt in find_doubts(rows, corpus))),
        corpus=corpus,
    )


def find_doubts(rows: Rows, corpus: Corpus) -> Iterator[Doubt]:
    """Say what makes figures less trustworthy: captions that fit several pictures, pictures on both sides of the division."""
    owners: dict[int, int] = {}
    for mine in corpus.grades:
        for place in mine:
            owners[place] = owners.get(place, 0) + 1
    common = sum(number > 1 for number in owners.values())
    if common:
        what = f"{common} of {len(corpus.documents)} captions are of several pictures, each of which counts as right"
        yield Doubt("documents", what, "say more in them, or take them out", common / len(corpus.documents))
    twice = len(rows) - len({ident.partition("-")[0] for ident in rows.ids})
    if twice:
        what = f"{twice} pictures stand in both training and test rows, which flatters what learns from these"
        yield Doubt("leakage", what, "take them out of either part", twice / len(rows))


def _tables(source: Source) -> Iterator[Table]:
    yield source.train
    if source.test:
        yield source.test


def choose_caption_columns(table: Table, task: Task, *, lenient: bool) -> Columns:
    """Settle the columns of pictures, captions and groups: as the task says, else by the names, else by the values.

    Raises:
        TaskError: a named column is missing or an unnamed one cannot be told; all at once.
    """
    faults: list[BenchError] = []
    picture = find_named("image", task.data.image or table.picture, table, faults, lenient=lenient)
    caption = find_named("text", task.data.text, table, faults, lenient=lenient)
    group = find_named("group", task.data.group, table, faults, lenient=lenient)
    raise_all(faults)
    notes = []
    if not picture:
        picture = infer_named("image", table, {caption, group}, faults)
        notes.append(f"image={picture}")
    if not caption:
        caption = infer_named("caption", table, {picture, group}, faults)
        notes.append(f"text={caption}")
    raise_all(faults)
    return Columns(picture, caption, group, notes=(f"columns inferred: {', '.join(notes)}",) if notes else ())


@dataclass(frozen=True, slots=True)
class _Gallery:
    """The pictures of all tables, by the hash of their bytes and the part that they are of, and what was noticed on the way."""

    columns: Columns
    skips_broken: bool
    noticed: list[str] = field(default_factory=list)
    shown: dict[tuple[str, bool], _Shown] = field(default_factory=dict)

    def add(self, table: Table, *, is_test: bool) -> None:
        """Add the pictures of a table, each with its captions."""
        cells, group = table.columns[self.columns.content], self.columns.group
        captions = [_captions(table, self.columns.label, index) for index in range(len(table))]
        missing = [index for index in range(len(table)) if is_missing(cells[index]) or not captions[index]]
        report_missing(missing, table, (self.columns.content, self.columns.label), self.noticed)
        kept = sorted(set(range(len(table))) - set(missing))
        known = self._read(table, kept)
        for index in kept:
            picture = known.get(_key(cells[index], index))
            if picture is not None:
                one = _Shown(picture.content, picture.digest, is_test, read_group(table, group, index))
                self.shown.setdefault((picture.digest, is_test), one).captions.update(dict.fromkeys(captions[index]))

    def _read(self, table: Table, kept: Sequence[int]) -> dict[object, Picture]:
        """Return the sound pictures of some rows; one that is named in several rows is read once."""
        cells, first = table.columns[self.columns.content], dict[object, int]()
        for index in kept:
            first.setdefault(_key(cells[index], index), index)
        read = read_pictures(table, [cells[index] for index in first.values()])
        where, sound = keep_sound(table, list(first.values()), read, self.noticed, skip=self.skips_broken)
        return {_key(cells[index], index): picture for index, picture in zip(where, sound, strict=True)}


def _key(cell: object, index: int) -> object:
    """Return what a picture is told by before it is read: its path, or its row."""
    return cell if isinstance(cell, str) else index


def _captions(table: Table, column: str, index: int) -> tuple[str, ...]:
    """Return the captions of a cell, which holds one or a list."""
    cell = table.columns[column][index]
    some: Sequence[object] = cell if isinstance(cell, list | tuple) else [cell]
    strange = next((one for one in some if not is_missing(one) and not isinstance(one, str | int | float)), None)
    if strange is not None:
        what = f"a caption is {kind_of(strange)}, not a text"
        raise TaskError(what, where=table.place(index), hint="give each picture a text, or a list of texts")
    return tuple(text for one in some if not is_missing(one) and (text := mend(str(one)).strip()))


def _find_faults(found: Sequence[_Shown], source: Source) -> list[BenchError]:
    faults: list[BenchError] = []
    for is_test, least in ((False, _LEAST), (True, 1)):
        mine = sum(one.is_test == is_test for one in found)
        if mine < least and (source.test or not is_test):
            what = f"there are {mine} {'test ' if is_test else 'different '}pictures with a caption; {least} are the least"
            faults.append(TaskError(what, where=source.name, hint="give more pictures, better a hundred or more"))
    if found and len({caption for one in found for caption in one.captions}) == 1:
        what = "all pictures have the same caption"
        faults.append(TaskError(what, where=source.name, hint="name another column as the text"))
    return faults


def _rows(found: Sequence[_Shown]) -> Rows:
    """Return the pictures as rows; one of the training rows that is a test row, too, has `-2` behind its id there."""
    ids = tuple(number_repeated(one.digest for one in found))
    grouped = any(one.group for one in found)
    groups = tuple(one.group or f"row {ident}" for one, ident in zip(found, ids, strict=True)) if grouped else ()
    return Rows(ids, tuple(one.content for one in found), (0,) * len(ids), (), groups, "captions")


def _corpus(found: Sequence[_Shown]) -> Corpus:
    """Return all captions, each text once, in an order that they alone decide, and which are those of each picture."""
    texts = sorted({caption for one in found for caption in one.captions}, key=lambda text: (digest_text(text), text))
    place = {text: position for position, text in enumerate(texts)}
    grades: tuple[Mapping[int, float], ...] = tuple({place[text]: 1.0 for text in one.captions} for one in found)
    return Corpus(tuple(texts), tuple(texts), grades)
