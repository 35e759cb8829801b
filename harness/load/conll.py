"""Files in the columns of CoNLL: a word a line with its tag in the last column, and a blank line between sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from harness.errors import BenchError, TaskError, raise_all
from harness.load.budget import Budget
from harness.load.lines import open_lines
from harness.load.place import show, where
from harness.load.table import Table
from harness.load.tag_schemes import is_tag

SUFFIXES = (".conll", ".txt", ".tsv")
DOCUMENT = "document"
_DOCUMENT_LINE = "-DOCSTART-"
# Fewer documents cannot be divided well; their sentences are rows by themselves.
_DOCUMENTS = 10
_SHOWN = 5
_HEAD = 4096
_LOOKED_AT = 500


@dataclass(slots=True)
class _Reading:
    """What was read so far: of each sentence its columns, its first line, and the number of its document."""

    place: str
    budget: Budget
    sentences: list[list[list[str]]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    documents: list[int] = field(default_factory=list)
    faults: list[BenchError] = field(default_factory=list)

    def close(self, words: Sequence[list[str]], document: int) -> None:
        """Take what was read since the last blank line as a sentence, if it is one."""
        if not words or self.faults:
            return
        self.budget.add_rows(1, self.place)
        columns = [list(column) for column in zip(*words, strict=True)]
        self.budget.add_values(columns, self.place)
        self.sentences.append(columns)
        self.documents.append(document)


def read_conll(path: Path, budget: Budget) -> Table:
    """Read sentences; columns are named by their numbers from 1, and hold a list of texts for each sentence.

    Columns are parted by a tab if the first word's line has one, else by blanks. Lines of `-DOCSTART-` begin a document and are
    passed over, as are comments: lines of "# " and something before a sentence, and in files with tabs all of "#" without a tab.
    Ten documents or more are the column `document`.

    Raises:
        TaskError: the file is empty, not UTF-8, has lines of unequal numbers of columns, or is out of bounds.
    """
    found = _Reading(show(path), budget)
    words: list[list[str]] = []
    width, document = 0, 0
    for number, cells in _lines(path):
        if not cells:
            found.close(words, document)
            words = []
            continue
        if cells[0] == _DOCUMENT_LINE:
            document += 1
            continue
        width = width or len(cells)
        if len(cells) != width:
            what = f"the line has {len(cells)} column{'' if len(cells) == 1 else 's'}, the first one has {width}"
            found.faults.append(
                TaskError(what, where=where(path, number), hint="give each word its tag, parted by a tab or a blank")
            )
        if not words:
            found.lines.append(number)
        words.append(cells)
        if len(found.faults) >= _SHOWN:
            break
    raise_all(found.faults)
    found.close(words, document)
    if not found.sentences:
        raise TaskError("the file is empty", where=show(path), hint="put the sentences into it, or name another file")
    return _table(found, path, width)


def is_conll(path: Path) -> bool:
    """Tell by its first lines whether a file holds tagged words and blank lines between sentences."""
    try:
        lines = [cells for _, cells in islice(_lines(path), _LOOKED_AT)]
    except (BenchError, OSError):
        return False
    words = [cells for cells in lines if cells and cells[0] != _DOCUMENT_LINE]
    is_parted = path.suffix.lower() == SUFFIXES[0] or any(not cells for cells in lines)
    return is_parted and len({len(cells) for cells in words}) == 1 and len(words[0]) > 1 and all(is_tag(one[-1]) for one in words)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each line, none of a blank one."""
    with open_lines(path) as lines:
        form = _Form.of(lines.peek(_HEAD))
        is_begun = False
        for line in lines:
            cells = form.part(line)
            if not cells:
                # A sentence is a row, which is bounded whole.
                lines.settle()
            if cells and form.is_comment(line, cells, is_begun=is_begun):
                continue
            is_begun = bool(cells) and cells[0] != _DOCUMENT_LINE
            yield lines.number, cells


@dataclass(frozen=True, slots=True)
class _Form:
    """How a file parts its columns, and how many there are, as far as its first word tells."""

    has_tabs: bool
    width: int

    @classmethod
    def of(cls, head: str) -> _Form:
        """Look at the first line that is neither blank nor, as it seems, a comment or the beginning of a document."""
        lines = [line for line in head.split("\n") if line.strip()]
        likely = (line for line in lines if not line.startswith(("#", _DOCUMENT_LINE)))
        first = next(likely, next(iter(lines), ""))
        form = cls("\t" in first.rstrip(), 0)
        return cls(form.has_tabs, len(form.part(first)))

    def part(self, line: str) -> list[str]:
        """Return the cells of a line, none of a blank one; beside tabs, a word may be a blank of another kind."""
        if not line.strip():
            return []
        return [cell.strip() for cell in line.rstrip().split("\t")] if self.has_tabs else line.split()

    def is_comment(self, line: str, cells: Sequence[str], *, is_begun: bool) -> bool:
        """Tell a comment from the word "#", which has as many cells as others and a tag for the last."""
        if self.has_tabs and line.startswith("#") and "\t" not in line.rstrip():
            return True
        is_word = len(cells) == self.width and is_tag(cells[-1])
        return line.rstrip().startswith("# ") and not is_begun and not is_word


def _table(found: _Reading, path: Path, width: int) -> Table:
    origin = show(path)
    columns: dict[str, list[object]] = {str(i + 1): [sentence[i] for sentence in found.sentences] for i in range(width)}
    notes: tuple[str, ...] = ()
    if len(set(found.documents)) >= _DOCUMENTS:
        columns[DOCUMENT] = [f"{origin} {number}" for number in found.documents]
        notes = (f"{origin}: sentences of one of {len(set(found.documents))} documents ({_DOCUMENT_LINE}) stay together",)
    return Table(origin, columns, found.lines, path.parent, unit="line", label=str(width), notes=notes)
