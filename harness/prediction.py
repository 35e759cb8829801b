"""The whole story of a prediction: read the folder's head and the new rows, ask a guarded process, write the answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from harness.core.candidate import Registered
from harness.core.finetuned import Contents, Finetuned
from harness.core.progress import Progress
from harness.core.run import Settings
from harness.core.trust import CAUTIOUS
from harness.errors import BenchError, CandidateError, WorkspaceError
from harness.execute import errand, machine, process
from harness.execute.assignment import Place, Question
from harness.execute.errand import Errand
from harness.execute.interrupt import interrupts
from harness.execute.plan import limits_of
from harness.execute.screening import Observer
from harness.execute.terms import Terms
from harness.load.new_rows import NewRows, read_new_rows
from harness.load.new_sentences import read_new_sentences
from harness.models import weights
from harness.store import answers
from harness.store.answers import Sheet
from harness.store.staging import staging

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HEAD = "bench.json"
_WRITTEN = "name a folder that `bench finetune` wrote"


@dataclass(frozen=True, slots=True)
class Reading:
    """What to read of the new rows, and how many to answer at once; what is empty is found out."""

    column: str = ""
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """A finished prediction: the file, its rows, those without content, and cells that were guarded against spreadsheets."""

    file: Path
    rows: int
    empty: int
    guarded: int
    column: str


def predict(
    folder: str | Path,
    rows: str | Path,
    out: str | Path,
    reading: Reading | None = None,
    *,
    terms: Terms | None = None,
    observe: Observer | None = None,
) -> Prediction:
    """Answer new rows with a fine-tuned model, and write them with their answers as Parquet or CSV.

    Raises:
        BenchError: the folder, the rows or the place do not allow it, or the model failed.
        KeyboardInterrupt: the user stopped it.
    """
    tell, terms, reading = observe or (lambda _progress: None), terms or Terms(), reading or Reading()

    def say(line: str) -> None:
        tell(Progress("message", text=line))

    source, target = Path(rows), Path(out)
    head = read_head(Path(folder))
    answers.check_out(target, source)
    contents = head.contents
    if contents.target in {"text", "documents"}:
        does = "writes texts" if contents.target == "text" else "turns texts into vectors to search by"
        what = f"the model {does}, and bench predict tells classes, labels, entities and numbers"
        raise WorkspaceError(what, where=str(folder), hint="load it with its own library; the folder's README.md has the lines")
    found = _read(source, contents, reading)
    answers.check_columns(list(found.table.columns), found.table.origin)
    say(f'answering {len(found.inputs):,} rows of {found.table.origin}, column "{found.column}", as run {head.run} chose')
    if found.table.nested:
        say(f"note: columns that hold lists are left out: {', '.join(found.table.nested)}")
    with staging(target) as work:
        shares = _Asking(head, Path(folder).absolute(), found, reading, terms).run(work, say)
        sheet = Sheet(found.table.columns, found.where, shares, contents.labels, contents.target, contents.threshold)
        guarded = answers.write(target, _with_entities(sheet, found, contents) if contents.target == "tags" else sheet)
    empty = len(found.table) - len(found.where)
    if guarded:
        say(f"note: {guarded} cells begin like a formula of a spreadsheet and have an apostrophe in front; Parquet needs none")
    if empty:
        say(f'note: {empty} rows have nothing in the column "{found.column}", and no answer')
    return Prediction(target, len(found.table), empty, guarded, found.column)


def _read(source: Path, contents: Contents, reading: Reading) -> NewRows:
    if contents.target == "tags":
        return read_new_sentences(source, reading.column, contents.column, parted=contents.parted)
    part = "image" if contents.is_image else "text"
    return read_new_rows(source, part, reading.column, contents.column, pair=contents.pair)


def _with_entities(sheet: Sheet, found: NewRows, contents: Contents) -> Sheet:
    from harness.measure.told_entities import tell_sentences  # noqa: PLC0415 - brings numpy

    words = [len(one) for one in found.inputs]
    return replace(sheet, told=tell_sentences(sheet.shares, words, found.spans, contents.names))


def read_head(folder: Path) -> Finetuned:
    """Return what a folder says of itself.

    Raises:
        WorkspaceError: it was not written by `bench finetune`, or by a newer version.
    """
    path = folder / _HEAD
    try:
        content = path.read_bytes()
        found = json.loads(content)
        if isinstance(found, dict) and found.get("format") not in {None, "bench.model/1"}:
            what = f"{_HEAD} is of the format {str(found['format'])[:40]}, which this version does not read"
            raise WorkspaceError(what, where=str(path), hint="use the version of bench that wrote it")
        return Finetuned.model_validate_json(content)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError):
            what = f"there is no {_HEAD} in {folder}"
            raise WorkspaceError(what, where=str(folder), hint=_WRITTEN) from error
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise WorkspaceError(f"{_HEAD} cannot be read: {why[:200]}", where=str(path), hint=_WRITTEN) from error


@dataclass(frozen=True, slots=True)
class _Asking:
    """A fine-tuned model and the rows that it is asked."""

    head: Finetuned
    folder: Path
    rows: NewRows
    reading: Reading
    terms: Terms

    def run(self, work: Path, say: errand.Tell) -> NDArray[np.float32]:
        """Return the probabilities `(rows with content, classes)`, as a guarded process computes them."""
        import numpy as np  # noqa: PLC0415 - not needed to say that a file is wrong

        contents, terms = self.head.contents, self.terms
        if not self.rows.inputs:
            return np.empty((0, len(contents.names)), np.float32)
        candidate = Registered(contents.card, "", "user", is_plugin=False)
        base = self._find_base(candidate, say)
        process.preload([candidate], offline=terms.offline)
        place = Place(self.folder, base, _find_device(terms.device), terms.trust, self.reading.batch)
        question = Question(contents, place, self.rows.inputs, work / "shares.npy")
        limits = limits_of(contents.card, Settings(), len(self.rows.inputs), machine.free_bytes(work))
        job = Errand("harness.execute.predict_pass:predict", question, candidate, limits, work / "log", work / "scratch")
        with interrupts() as is_stopped:
            errand.run(job, offline=terms.offline, is_stopped=is_stopped, tell=say)
        found: NDArray[np.float32] = np.load(question.out, allow_pickle=False)
        return found

    def _find_base(self, candidate: Registered, say: errand.Tell) -> Path | None:
        """Return the folder of the base model, which an adapter and a probe need.

        Raises:
            CandidateError: it is not to be had, or is another than the one that was fine-tuned.
        """
        contents = self.head.contents
        if contents.form == "whole":
            return None
        base = weights.obtain(candidate, offline=self.terms.offline, trust=self.terms.trust, tell=say)
        if weights.source_digest(candidate, base) != self.head.source:
            what = f"the base model {contents.card.name} is no longer the one that was fine-tuned"
            raise CandidateError(what, where=str(base or contents.card.source), hint="put its files back")
        return base


def _find_device(wish: str) -> str:
    found = process.ask(machine.survey, (wish, "accuracy", CAUTIOUS))
    if isinstance(found, BenchError):
        raise found
    if not isinstance(found, tuple):
        raise BenchError("a worker process cannot start", where="torch", hint="run `bench doctor`")
    return str(found[0])
